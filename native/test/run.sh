#!/usr/bin/env bash
# Builds and runs native/test/*_test.c, or those that are named; one line each, `ok` or `FAIL`, and what a bench measured. A test may begin with lines
#   // sources: ../preload/unwind.c     what it is linked with
#   // flags: -fsanitize=address        what the compiler is given besides
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"
if [[ $(uname -m) != x86_64 ]]; then
  echo "native tests: not run, as the recorder is for x86-64 only"
  exit
fi
built=$(mktemp -d)
trap 'rm -rf "$built"' EXIT
said() { sed -n "1,5s|^// $2: ||p" "$1" | tr '\n' ' '; }
failed=0
for test in "${@:-}"; do
  for file in ${test:-*_test.c}; do
    name=$(basename "$file" .c)
    read -ra sources <<<"$(said "$name.c" sources)"
    read -ra flags <<<"$(said "$name.c" flags)"
    if gcc -D_GNU_SOURCE -std=gnu11 -O2 -g -Wall -Wextra -Werror -fno-omit-frame-pointer "${flags[@]}" -I../preload \
      -o "$built/$name" "$name.c" "${sources[@]}" -pthread -ldl >"$built/log" 2>&1 && timeout 120 "$built/$name" >"$built/log" 2>&1; then
      echo "ok $name"
      if [[ $name == *_bench ]]; then
        sed 's/^/  /' "$built/log"
      fi
    else
      echo "FAIL $name"
      sed 's/^/  /' "$built/log"
      failed=1
    fi
  done
done
exit "$failed"
