#!/usr/bin/env bash
# Runs every test but the long forms: Rust's, then Python's. Fails when either fails, after running both.
# Usage: test.sh TARGET_DIRECTORY, the directory cargo builds into.

source "$(dirname "$0")/common.sh"

cd "$checkout"
failed=()

say "running the Rust tests"
CARGO_TARGET_DIR=$1 PATH=$venv/bin:$PATH cargo test --workspace --locked --no-fail-fast || failed+=("the Rust tests")

say "running the Python tests"
PATH=$venv/bin:$PATH "$venv/bin/python" -m pytest tests || failed+=("the Python tests")

if [ ${#failed[@]} -gt 0 ]; then
    fail "failed: $(printf '%s\n' "${failed[@]}" | paste -sd ',')"
fi
say "all tests passed"
