#!/usr/bin/env bash
# What the build needs from the machine: Debian packages and Rust's sources, each installed only when missing.

source "$(dirname "$0")/common.sh"

# Lance's build compiles protocol buffers that import the well-known types.
protoc_works() {
    command -v protoc >/dev/null || return 1
    local scratch
    scratch=$(mktemp -d)
    printf 'syntax = "proto3"; import "google/protobuf/any.proto"; message M { google.protobuf.Any a = 1; }\n' >"$scratch/m.proto"
    if protoc -I "$scratch" --descriptor_set_out="$scratch/out" "$scratch/m.proto" 2>/dev/null; then
        rm -r "$scratch"
    else
        rm -r "$scratch"
        return 1
    fi
}

missing_packages() {
    command -v cc >/dev/null && command -v c++ >/dev/null || echo build-essential
    protoc_works || echo protobuf-compiler libprotobuf-dev
    local python
    python=$(find_python)
    if [ -z "$python" ]; then
        echo python3 python3-venv
    elif ! "$python" -c 'import venv, ensurepip' 2>/dev/null; then
        echo python3-venv
    fi
}

install_packages() {
    local as_root=()
    if [ "$(id -u)" -ne 0 ]; then
        command -v sudo >/dev/null || fail "as root, please run: apt-get install $*"
        as_root=(sudo)
    fi
    command -v apt-get >/dev/null || fail "this is not Debian: please install what corresponds to its packages $*"
    say "installing Debian packages: $*"
    "${as_root[@]}" apt-get update -qq
    "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@" >/dev/null
}

ensure_rust() {
    command -v cargo >/dev/null || fail "cargo was not found: please install Rust with rustup, and put ~/.cargo/bin on the PATH"
    local sources
    sources=$(rustc --print sysroot)/lib/rustlib/src/rust/library/Cargo.toml
    if [ ! -f "$sources" ]; then
        command -v rustup >/dev/null || fail "Rust's sources are missing ($sources), and rustup, which would install them, was not found"
        say "adding Rust's sources (rust-src), from which cells learn the types of variables"
        rustup component add rust-src
    fi
}

packages=$(missing_packages | tr '\n' ' ')
# shellcheck disable=SC2086 # a list of words
[ -z "$packages" ] || install_packages $packages
[ -n "$(find_python)" ] || fail "Python 3.11 or newer was not found"
ensure_rust
