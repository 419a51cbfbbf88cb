#!/usr/bin/env bash
# Builds the storage shim and its broken twins with AddressSanitizer's checks into native/build/store-asan/<variant>/, by the stable
# toolchain. The runtime is not linked in: whoever loads the library must have preloaded one. Arguments: variants; none for all.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
out="$here/../build/store-asan"
# Those whose mistake is an access that instrumented code checks; of the others the plain build tells as much.
all=(healthy stale-handle bytes-use-after-free double-free shrink-forgotten off-by-one argument-kept)
wanted=("$@")
[ ${#wanted[@]} -gt 0 ] || wanted=("${all[@]}")

if [[ $(uname -m) != x86_64 ]]; then
    echo "store: no sanitised build on $(uname -m)"
    exit 0
fi
mkdir -p "$here/target"
exec 9>"$here/target/build-sanitized.lock"
flock 9

cd "$here"
# RUSTFLAGS takes the place of what .cargo/config.toml says, so that is said again. With --target, build scripts stay as they are.
export RUSTC_BOOTSTRAP=1
export RUSTFLAGS="-Zsanitizer=address -C force-frame-pointers=yes -C force-unwind-tables=yes"
triple=x86_64-unknown-linux-gnu
for variant in "${wanted[@]}"; do
    library="$out/$variant/libffi_doctor_store.so"
    if [ -e "$library" ] && [ -z "$(find Cargo.toml Cargo.lock build.rs build-sanitized.sh src -newer "$library" -print -quit)" ]; then
        echo "store: $variant with checks is up to date"
        continue
    fi
    features=(--features "$variant")
    [ "$variant" != healthy ] || features=()
    echo "store: building $variant with checks"
    cargo build --release --locked --quiet --lib --target "$triple" --target-dir target/sanitized "${features[@]}"
    mkdir -p "$out/$variant"
    cp "target/sanitized/$triple/release/libffi_doctor_store.so" "$library.new"
    mv "$library.new" "$library"
done
echo "store: ready with checks (${wanted[*]})"
