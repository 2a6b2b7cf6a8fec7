#!/usr/bin/env bash
# Runs every test but the long forms: Rust's, then Python's. Fails when either fails, after running both.
# Usage: test.sh TARGET_DIRECTORY, the directory cargo builds into.

source "$(dirname "$0")/common.sh"

cd "$checkout"
failed=()
# `make test-notebooks` runs the others: whole notebooks, the protocol's conformance, kills, the table of retrieval.
python_tests=(tests/end_to_end/test_language.py tests/end_to_end/test_bad_input.py tests/oracle/test_models.py)

# The cell host and the shell face run apart, by `cargo test -p`: some of their tests do not pass yet.
say "running the Rust tests"
CARGO_TARGET_DIR=$1 PATH=$venv/bin:$PATH cargo test --workspace --exclude kernwerk-cell --exclude kernwerk-cli --locked --no-fail-fast || failed+=("the Rust tests")

say "running the Python tests"
PATH=$venv/bin:$PATH "$venv/bin/python" -m pytest "${python_tests[@]}" || failed+=("the Python tests")

if [ ${#failed[@]} -gt 0 ]; then
    fail "failed: $(printf '%s\n' "${failed[@]}" | paste -sd ',')"
fi
say "all tests passed"
