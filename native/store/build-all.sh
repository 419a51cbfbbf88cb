#!/usr/bin/env bash
# Builds the storage shim and its broken twins into native/build/store/<variant>/. Arguments: variants; none for all.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
out="$here/../build/store"
all=(healthy thread-local-runtime stale-handle bytes-use-after-free double-free panic-across-boundary stack-overflow
    shrink-forgotten malloc-dropped-by-rust off-by-one argument-kept callback-after-close unaligned-read unload-running
    missing-sa-onstack signal-handler-displaced struct-layout uninitialised-field)
wanted=("$@")
[ ${#wanted[@]} -gt 0 ] || wanted=("${all[@]}")
for variant in "${wanted[@]}"; do
    if [[ " ${all[*]} " != *" $variant "* ]]; then
        echo "build-all.sh: no such variant: $variant (there are: ${all[*]})" >&2
        exit 64
    fi
done

# One at a time: all variants pass through the same file of one target directory, and two runs would take each other's.
mkdir -p "$here/target"
exec 9>"$here/target/build-all.lock"
flock 9

# The place cargo reads its settings from: elsewhere the frame pointers would be lost without a word.
cd "$here"
for variant in "${wanted[@]}"; do
    library="$out/$variant/libffi_doctor_store.so"
    if [ -e "$library" ] && [ -z "$(find .cargo Cargo.toml Cargo.lock build.rs build-all.sh src -newer "$library" -print -quit)" ]; then
        echo "store: $variant is up to date"
        continue
    fi
    features=(--features "$variant")
    [ "$variant" != healthy ] || features=()
    echo "store: building $variant"
    cargo build --release --locked --quiet --lib --target-dir target "${features[@]}"
    mkdir -p "$out/$variant"
    # Renamed into place: a process that runs with the old file keeps it whole.
    cp target/release/libffi_doctor_store.so "$library.new"
    mv "$library.new" "$library"
done
echo "store: ready (${wanted[*]})"
