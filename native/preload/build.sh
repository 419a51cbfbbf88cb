#!/usr/bin/env bash
# Builds the recorder into native/build/, only when something it is made from is newer.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"
output=../build/ffi_doctor_recorder.so
if [[ -e $output && -z $(find . ../include/blackbox.h \( -name '*.[chS]' -o -name exports.map \) -newer "$output" -print -quit) && $output -nt build.sh ]]; then
  echo "recorder: up to date"
  exit
fi
if [[ $(uname -m) != x86_64 ]]; then
  echo "recorder: not built, as it is for x86-64 only"
  exit
fi
mkdir -p ../build
# Frame pointers: a hook tells its caller's registers by its own frame. No stack protector, no lazy binding: it runs where neither is
# ready. initfirst: its constructor runs before all others.
mapfile -t sources < <(find . -name '*.c' -o -name '*.S')
gcc -D_GNU_SOURCE -std=gnu11 -O2 -g -fPIC -shared -fvisibility=hidden -fno-stack-protector -fno-omit-frame-pointer -fno-builtin-malloc \
  -Wall -Wextra -Werror -Wmissing-prototypes -Wl,-z,defs -Wl,-z,relro -Wl,-z,now -Wl,-z,initfirst \
  -Wl,--version-script=exports.map -Wl,-soname,ffi_doctor_recorder.so -o "$output.new" "${sources[@]}"
mv "$output.new" "$output"
echo "recorder: built"
