#!/usr/bin/env bash
# Builds the documentation as a site into dist/site, with mdBook, which is compiled once for all checkouts.
# Usage: site.sh

source "$(dirname "$0")/common.sh"

version=0.5.4
tools=${XDG_CACHE_HOME:-$HOME/.cache}/kernwerk/tools
mdbook=$tools/bin/mdbook

install_mdbook() {
    [ "$("$mdbook" --version 2>/dev/null)" = "mdbook v$version" ] && return
    say "compiling mdBook $version (once; minutes)"
    CARGO_TARGET_DIR=$tools/target cargo install mdbook --version "$version" --locked --quiet --root "$tools" --force
    rm -rf "$tools/target"
}

# The pages as a book wants them: all below one directory, the README as the first one.
gather_pages() {
    local book=$1
    cp "$checkout/tests/setup/site/book.toml" "$book/"
    mkdir "$book/pages"
    cp -r "$checkout/docs/." "$checkout/LICENSE" "$book/pages/"
    sed 's#](../../../README.md)#](index.md)#; s#](../../../docs/#](#' "$checkout/tests/setup/site/SUMMARY.md" >"$book/pages/SUMMARY.md"
    sed 's#\(](\|="\)docs/#\1#g' "$checkout/README.md" >"$book/pages/index.md"
}

install_mdbook
book=$(mktemp -d)
trap 'rm -rf "$book"' EXIT
gather_pages "$book"
"$mdbook" build --dest-dir "$checkout/dist/site" "$book"
say "the site is in dist/site: open dist/site/index.html"
