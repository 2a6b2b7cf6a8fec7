#!/usr/bin/env bash
# Puts the built program into .venv/bin, its kernelspec into .venv/share, and prepares what Rust cells import.
# Usage: program.sh TARGET_DIRECTORY, the directory cargo built into.

source "$(dirname "$0")/common.sh"

built=$1/debug/kernwerk
program=$venv/bin/kernwerk

# A new file that is renamed into place: kernels that run the old program keep it.
install_program() {
    cmp --silent "$built" "$program" && return
    say "installing the program into .venv/bin"
    cp "$built" "$program.new"
    mv "$program.new" "$program"
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

install_program
install_kernelspec
prepare_cells
