#!/bin/sh
# Builds the auditor's page: one HTML file with the verifier in it, which a browser opens from a disk without any
# network. The same sources give the same bytes, whoever builds them and wherever; its SHA-256 is printed.
#
#   docs/deploy/auditor-page.sh auditor.html
#
# It takes the stable Rust of rust-version or newer; another version of the compiler gives other bytes, so the page
# names the one that built it.
set -eu
out=$(realpath -m "$1")
cd "$(dirname "$(realpath "$0")")/../.."
root=$(pwd)
page=src/auditor
target=wasm32-unknown-unknown
[ -d "$(rustc --print target-libdir --target "$target")" ] || rustup target add "$target"
compiler=$(rustc --version)
commit=$(rustc -vV | sed -n 's/^commit-hash: //p')
# No path of this machine is in the file.
sources=$(rustc --print sysroot)/lib/rustlib/src/rust
export RUSTFLAGS="--remap-path-prefix=$root=/ledger --remap-path-prefix=${CARGO_HOME:-$HOME/.cargo}=/cargo --remap-path-prefix=$sources=/rustc/$commit"
built=$(realpath -m "${CARGO_TARGET_DIR:-target}")
cargo build --quiet --locked --package rotation-ledger-auditor --profile page --target "$target" --target-dir "$built"
made=$(mktemp -d)
trap 'rm -rf "$made"' EXIT
base64 -w 0 "$built/$target/page/auditor.wasm" > "$made/wasm"
# A policy names what may run and what may style by its digest.
digest() { sha256sum < "$1" | cut -c 1-64 | tr a-f A-F | basenc --base16 -d | base64; }
cp "$page/page.js" "$page/page.css" src/page/style.css "$made/"
sed -e "s|{SCRIPT}|$(digest "$page/page.js")|" -e "s|{STYLE}|$(digest "$page/page.css")|" \
  -e "s|{REPORT}|$(digest src/page/style.css)|" -e "s|{COMPILER}|$compiler|" "$page/page.html" |
  while IFS= read -r line; do
    # What stands between its tags is what was digested, to the byte.
    case $line in
      *'{style.css}'* | *'{page.css}'* | *'{page.js}'* | *'{wasm}'*)
        name=${line#*\{} && name=${name%%\}*}
        printf '%s' "${line%%\{*}" && cat "$made/$name" && printf '%s\n' "${line#*\}}"
        ;;
      *) printf '%s\n' "$line" ;;
    esac
  done > "$made/page.html"
mv "$made/page.html" "$out"
chmod 644 "$out"
sha256sum "$out"
