#!/usr/bin/env bash
# Builds the storage shim and its broken twins into native/build/store/<variant>/. Arguments: variants; none for all.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
out="$here/../build/store"
all=(healthy thread-local-runtime stale-handle bytes-use-after-free double-free panic-across-boundary stack-overflow)
wanted=("$@")
[ ${#wanted[@]} -gt 0 ] || wanted=("${all[@]}")
cd "$here"
for variant in "${wanted[@]}"; do
    features=(--features "$variant")
    [ "$variant" != healthy ] || features=()
    library="$out/$variant/libffi_doctor_store.so"
    if [ -e "$library" ] && [ -z "$(find Cargo.toml Cargo.lock build.rs src -newer "$library" -print -quit)" ]; then
        continue
    fi
    echo "store: building $variant"
    cargo build --release --locked --quiet --lib "${features[@]}"
    mkdir -p "$out/$variant"
    cp target/release/libffi_doctor_store.so "$library.new"
    mv "$library.new" "$library"
done
echo "store: ready (${wanted[*]})"
