#!/usr/bin/env bash
# Builds the sanitizers' companion into native/build/, only when something it is made from is newer.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"
output=../build/ffi_doctor_companion.so
if [[ -e $output && -z $(find . -name '*.[ch]' -newer "$output" -print -quit) && $output -nt build.sh ]]; then
  echo "companion: up to date"
  exit
fi
mkdir -p ../build
# Hidden but for what it interposes; all symbols bound at once, so that nothing is left to be looked up in a dying process.
gcc -D_GNU_SOURCE -std=gnu11 -O2 -g -fPIC -shared -fno-stack-protector -Wall -Wextra -Werror \
  -Wl,-z,now -Wl,--version-script=exports.map -Wl,-soname,ffi_doctor_companion.so -o "$output.new" ./*.c -ldl
mv "$output.new" "$output"
echo "companion: built"
