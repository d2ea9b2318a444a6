#!/usr/bin/env bash
# Builds the page that runs in a browser, and tests it in Chromium: scripts/web.sh [build]
#
# It needs a standard library for wasm32. `rustup target add wasm32-unknown-unknown` brings one. Where there is none,
# the compiler of Debian's packages is unpacked beside the build, and builds one from its own sources.
set -euo pipefail
cd "$(dirname "$0")/.."
cache=${CARGO_TARGET_DIR:-$PWD/target}/web
target=wasm32-unknown-unknown
mkdir -p "$cache"

say() { printf '\n== %s\n' "$*"; }

has_std() { compgen -G "$("${RUSTC:-rustc}" --print sysroot)/lib/rustlib/$target/lib/libstd-*.rlib" >/dev/null; }

# Debian's compiler for the browser. It is not installed, since it cannot be beside rustup's.
unpack_compiler() {
    local packages=$cache/packages std llvm
    mkdir -p "$packages" "$cache/rust"
    if [ "$(id -u)" -eq 0 ]; then apt-get update -qq; fi
    std=$(apt-cache depends libstd-rust-web-dev | sed -n 's/.*Depends: \(libstd-rust-web-[0-9.]*\)$/\1/p' | head -n 1)
    llvm=$(apt-cache depends "$std" | sed -n 's/.*Depends: \(libllvm[0-9]*\)$/\1/p' | head -n 1)
    (cd "$packages" && apt-get download -qq rustc-web rust-web-clippy rust-web-src libstd-rust-web-dev "$std" "$llvm" 2>/dev/null)
    for package in "$packages"/*.deb; do dpkg -x "$package" "$cache/rust"; done
    rm -rf "$packages"
}

# Its standard library, from its own sources.
build_std() {
    local probe=$cache/probe into=$cache/rust/usr/lib/rustlib/$target/lib
    mkdir -p "$probe/src" "$into"
    : >"$probe/src/lib.rs"
    printf '%s\n' '[workspace]' '[package]' 'name = "probe"' 'edition = "2024"' '[lib]' 'crate-type = ["cdylib"]' \
        '[profile.release]' 'panic = "abort"' >"$probe/Cargo.toml"
    # With bitcode, so that what is built with it can be optimised as one.
    (cd "$probe" && RUSTC_BOOTSTRAP=1 RUSTFLAGS=-Cembed-bitcode=yes \
        cargo build --quiet --release --target $target --target-dir "$probe/target" -Zbuild-std=std,panic_abort)
    cp "$probe/target/$target/release/deps/"lib*.rlib "$into/"
    rm -rf "$into"/libprobe* "$probe"
}

say "a standard library for $target"
clippy=(cargo clippy)
if ! has_std; then
    usr=$cache/rust/usr
    if [ ! -x "$usr/bin/rustc" ]; then
        unpack_compiler || { echo "run \`rustup target add $target\`, or this on Debian 12 or newer"; exit 1; }
    fi
    linkers=lib/rustlib/$(rustc -vV | sed -n 's/^host: //p')/bin
    mkdir -p "$usr/$linkers"
    ln -sf "$(rustc --print sysroot)/$linkers/rust-lld" "$usr/$linkers/rust-lld"
    export RUSTC=$usr/bin/rustc RUSTDOC=$usr/bin/rustdoc
    export LD_LIBRARY_PATH=$usr/lib/x86_64-linux-gnu
    # Clippy must be of the compiler's version, too.
    clippy=("$usr/bin/cargo-clippy" clippy)
    has_std || build_std
fi
"${RUSTC:-rustc}" --version

say "the library in a browser: clippy"
"${clippy[@]}" --package wgpu-activations --lib --features bench --target $target --target-dir "$cache/check" --quiet -- -D warnings
(cd web && "${clippy[@]}" --package wgpu-activations-web --target $target --target-dir "$cache/check" --quiet -- -D warnings)

say "the page"
(cd web && cargo build --package wgpu-activations-web --release --target $target --target-dir "$cache/build" --quiet)
# What makes a page of it runs here, so it is for this machine's compiler.
(unset RUSTC RUSTDOC LD_LIBRARY_PATH
    cd web && cargo build --package bundle --target-dir "$cache/bundle" --quiet)
"$cache/bundle/debug/bundle" "$cache/build/$target/release/wgpu_activations_web.wasm" web benches/results "$cache/dist"
echo "$cache/dist/index.html"
[ "${1:-}" = build ] && exit

say "the page in Chromium"
CHROMIUM=$(command -v chromium || command -v chromium-browser || command -v google-chrome) ||
    { echo "no Chromium to test the page in"; exit 1; }
python=$cache/venv/bin/python
if [ ! -x "$python" ]; then
    "${PYTHON:-python3}" -m venv "$cache/venv"
    "$python" -m pip install --quiet -r web/test/requirements.txt
fi
unset RUSTC RUSTDOC LD_LIBRARY_PATH
cargo build --package wgpu-activations-cli --quiet
export CHROMIUM DIST=$cache/dist ACTIVATIONS=${CARGO_TARGET_DIR:-$PWD/target}/debug/activations
"$python" -m pytest web/test -q -rP
