#!/usr/bin/env bash
# Makes the target directory this checkout's. Checkouts share it for what they stand on; of our own crates cargo would take
# another checkout's for this one's: it tells them apart by their place in the workspace, and what has changed by times.
# Usage: target.sh TARGET_DIRECTORY

source "$(dirname "$0")/common.sh"

owner=$1/checkout
if [ -d "$1" ] && [ "$(cat "$owner" 2>/dev/null)" != "$checkout" ]; then
    say "another checkout built here last: Kernwerk's own crates are compiled again"
    rm -rf "$1"/*/.fingerprint/kernwerk-*
fi
mkdir -p "$1"
printf '%s\n' "$checkout" >"$owner"
