#!/usr/bin/env bash
# Builds what verifies packs for wasm32-unknown-unknown, with the compiler of Debian's rustc-web and its std sources (no toolchain of rustup's).
# Argument: a folder where the packages are unpacked (the folder `x`), or an empty one to fetch them to. Where neither can be, it says so.
# Some minutes of processor, most of them for the std library and the dependencies.
set -eu
cd "$(dirname "$0")/.."
folder=${1:?a folder for the packages}
packages=(rustc-web cargo-web libstd-rust-web-1.96 libstd-rust-web-dev rust-web-src libllvm22 lld-22 libgit2-1.5 libmbedtls14 libmbedcrypto7 libmbedx509-1 libhttp-parser2.9)
if [ ! -x "$folder/x/usr/bin/rustc" ]; then
  if ! apt-cache show "${packages[@]}" >/dev/null 2>&1; then echo "left out: no packages for wasm32 here"; exit 0; fi
  (cd "$folder" && apt-get download -q "${packages[@]}" && for file in ./*.deb; do dpkg -x "$file" x; done)
fi
usr=$(realpath "$folder/x/usr")
export PATH=$usr/bin:$usr/lib/llvm-22/bin:$PATH LD_LIBRARY_PATH=$usr/lib/x86_64-linux-gnu:$usr/lib/llvm-22/lib RUSTC=$usr/bin/rustc
# Chance is never asked for; a build for a browser says where it would come from.
export RUSTC_BOOTSTRAP=1 RUSTFLAGS='--cfg getrandom_backend="custom"'
cargo build --lib --no-default-features --features "${2:-}" --target wasm32-unknown-unknown -Zbuild-std=std,panic_abort --target-dir "$folder/target" \
  --config 'target.wasm32-unknown-unknown.linker="wasm-ld"'
