#!/usr/bin/env bash
# Puts the built program into .venv/bin, its kernelspec and JupyterLab's extension into .venv/share, the Python package into
# .venv/lib, and prepares what Rust cells import. The same files as the wheel's, without packing them.
# Usage: program.sh TARGET_DIRECTORY, the directory cargo built into.

source "$(dirname "$0")/common.sh"

built=$1/debug
program=$venv/bin/kernwerk

# install_file FROM TO WORDS: a new file that is renamed into place, so that processes that run the old one keep it.
install_file() {
    cmp --silent "$1" "$2" && return
    [ -z "$3" ] || say "installing $3"
    cp "$1" "$2.new"
    mv "$2.new" "$2"
}

install_package() {
    local packages
    packages=$("$venv/bin/python" -c 'import sysconfig; print(sysconfig.get_path("platlib"))')
    "$venv/bin/python" "$checkout/python/build/wheel_of_workspace.py" install
    install_file "$1" "$packages/kernwerk/_kernwerk.abi3.so" "the Python package into .venv/lib"
}

install_kernelspec() {
    local state=$venv
    [ -f "$venv/share/jupyter/kernels/kernwerk/kernel.json" ] && stamp_is_fresh kernelspec "$state" && return
    "$program" kernel install --prefix "$venv"
    stamp kernelspec "$state"
}

# The program knows what is prepared already: what cells import is compiled once for each toolchain. Magics, and cells
# without frames or charts, work without it; the first cell that needs it then compiles it.
prepare_cells() {
    "$program" kernel prepare || say "what Rust cells import is not prepared; the first cell that needs it compiles it"
}

install_file "$built/kernwerk" "$program" "the program into .venv/bin"
install_kernelspec
install_package "$built/lib_kernwerk.so"
prepare_cells
