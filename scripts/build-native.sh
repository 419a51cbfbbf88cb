#!/usr/bin/env bash
# The native parts, each only when something it is made from is newer.
#   build-native.sh [package|quickstart|test]      package: what the packed tarball carries
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
purpose=${1:-test}

build_hold() {
  local source=native/hold/hold.c output=native/build/hold
  if [[ ! -e $source ]]; then
    return
  fi
  mkdir -p native/build
  if [[ $output -nt $source && $output -nt scripts/build-native.sh ]]; then
    echo "hold: up to date"
    return
  fi
  # Static: it runs before the target and must not care for the target's LD_LIBRARY_PATH or LD_PRELOAD.
  gcc -O2 -static -std=gnu11 -Wall -Wextra -Werror -o "$output.new" "$source"
  mv "$output.new" "$output"
  echo "hold: built"
}

build_hold
bash native/companion/build.sh
bash native/preload/build.sh
if [[ $purpose == package ]]; then
  exit
elif [[ $purpose == quickstart ]]; then
  bash native/store/build-all.sh healthy stale-handle
else
  bash native/store/build-all.sh
  bash native/store/build-sanitized.sh
  bash fixtures/hosts/build.sh
  bash fixtures/cases/build.sh
  bash fixtures/situations/build.sh
  bash fixtures/checkers/build.sh
  bash fixtures/memory/build.sh
  bash fixtures/libs/build.sh
fi
