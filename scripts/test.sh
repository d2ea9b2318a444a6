#!/usr/bin/env bash
# All set-up and all tests, of Rust and of Python, from a fresh Debian or Ubuntu machine with Rust.
#
# Installs what is missing of: a software Vulkan adapter (lavapipe), a software GL adapter
# (llvmpipe), and a second vendor's Vulkan adapter (SwiftShader, which Debian's chromium carries).
# On other systems, or without root, it uses the adapters that are there and says which.
set -euo pipefail
cd "$(dirname "$0")/.."

say() { printf '\n== %s\n' "$*"; }

lavapipe() { ls /usr/share/vulkan/icd.d/lvp_icd*.json 2>/dev/null | head -n 1; }
swiftshader() { ls /usr/lib/chromium/vk_swiftshader_icd.json /usr/lib/chromium-browser/vk_swiftshader_icd.json 2>/dev/null | head -n 1; }
have_library() { ldconfig -p 2>/dev/null | grep -q "$1"; }

install_packages() {
    local root=()
    if [ "$(id -u)" -ne 0 ]; then
        command -v sudo >/dev/null && sudo -n true 2>/dev/null || return 1
        root=(sudo)
    fi
    command -v apt-get >/dev/null || return 1
    "${root[@]}" apt-get update -qq || return 1
    "${root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@" >/dev/null
}

say "software adapters"
missing=()
[ -n "$(lavapipe)" ] || missing+=(mesa-vulkan-drivers)
have_library libvulkan.so.1 || missing+=(libvulkan1)
{ have_library libEGL.so.1 && have_library libEGL_mesa; } || missing+=(libegl1 libegl-mesa0 libgles2)
if [ ${#missing[@]} -gt 0 ]; then
    install_packages "${missing[@]}" || echo "could not install ${missing[*]}; going on with the adapters that are there"
fi
if [ -z "$(swiftshader)" ]; then
    # Ubuntu's chromium is a snap without it: then two adapters have to do.
    install_packages chromium || echo "could not install chromium; going on without SwiftShader"
fi

# Both software Vulkan adapters beside each other; a hardware one keeps its own entry.
icds=""
for icd in /usr/share/vulkan/icd.d/*.json /etc/vulkan/icd.d/*.json "$(swiftshader)"; do
    case "$icd" in *lvp_icd* | *swiftshader* | *nvidia* | *radeon* | *intel*) ;; *) continue ;; esac
    [ -f "$icd" ] && icds="${icds:+$icds:}$icd"
done
[ -n "$icds" ] && export VK_ICD_FILENAMES="$icds"
export REQUIRE_GPU=1

say "format"
# By file: cargo fmt does not find modules that a macro declares.
git ls-files '*.rs' | xargs rustfmt --edition 2024 --check

say "clippy"
cargo clippy --workspace --all-targets --all-features --quiet -- -D warnings

say "the library alone"
library=(--package wgpu-activations)
for features in "" bench npz safetensors; do
    cargo clippy "${library[@]}" --lib --features "$features" --quiet -- -D warnings
done
for dependency in clap serde serde_json indicatif comfy-table env_logger npyz maud resvg dejavu dirs jiff sysinfo tempfile; do
    if cargo tree "${library[@]}" --edges normal --prefix none --quiet --depth 1 | grep -q "^$dependency "; then
        echo "a user of the library without features must not get $dependency"
        exit 1
    fi
done

say "documentation"
RUSTDOCFLAGS="-D warnings" cargo doc --workspace --all-features --no-deps --quiet

say "tests"
cargo test --workspace --all-features --quiet --no-run
# Without the tests' dependencies, cargo run would build it a second time.
"${CARGO_TARGET_DIR:-target}/debug/activations" devices
cargo test --workspace --all-features

say "Python"
python=${PYTHON:-python3}
venv=${CARGO_TARGET_DIR:-target}/python/venv
if ! "$python" -c 'import ensurepip, sys; sys.exit(sys.version_info < (3, 10))' 2>/dev/null; then
    install_packages python3 python3-venv || true
fi
if "$python" -m venv "$venv"; then
    # A release build takes minutes, and what the tests see is the same.
    CARGO_TARGET_DIR=${CARGO_TARGET_DIR:-$PWD/target}/python "$venv/bin/pip" install --quiet './python[test,jax,dask]' \
        --config-settings=build-args="--profile dev"
    "$venv/bin/python" -m pytest python/tests --rootdir python
else
    echo "no Python 3.10 or newer with venv; its package is not tested"
fi
