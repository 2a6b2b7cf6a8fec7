# Shared by the set-up scripts: one line for each step, and where things are.

set -euo pipefail

checkout=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
venv=$checkout/.venv
stamps=$venv/stamps

say() {
    printf 'kernwerk: %s\n' "$*"
}

fail() {
    printf 'kernwerk: %s\n' "$*" >&2
    exit 1
}

# stamp_is_fresh NAME TEXT: whether the step was done for exactly this text.
stamp_is_fresh() {
    [ -f "$stamps/$1" ] && [ "$(cat "$stamps/$1")" = "$2" ]
}

# stamp NAME TEXT: remembers that the step was done for this text.
stamp() {
    mkdir -p "$stamps"
    printf '%s\n' "$2" >"$stamps/$1"
}

digest_of() {
    sha256sum "$@" | sha256sum | cut -d ' ' -f 1
}

# Python of version 3.11 or newer, by the name it has on this machine.
find_python() {
    local name
    for name in python3 python3.14 python3.13 python3.12 python3.11; do
        if command -v "$name" >/dev/null && "$name" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
            printf '%s\n' "$name"
            return
        fi
    done
}
