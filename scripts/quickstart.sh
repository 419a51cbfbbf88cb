#!/usr/bin/env bash
# From a fresh clone to the first report: sets everything up, then captures a real crash of the storage shim.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
bash scripts/setup.sh --for quickstart
# rustup's place may not be on this shell's PATH; nothing below needs it.

folder=".ffi-doctor/quickstart-$(date +%Y%m%d-%H%M%S)-$$"
command=(node dist/cli/main.js gdb-capture --demo --out "$folder")
echo
echo "quickstart: ${command[*]}"
echo
status=0
"${command[@]}" || status=$?
echo

if ((status == 1)) && node scripts/shows-crash.mjs "$folder/report.json"; then
  echo "quickstart: done. ffi-doctor ended with status 1, which means: a finding. The crash above is real; the demo library has this bug on purpose."
  echo "quickstart: the same report again: node dist/cli/main.js report $folder"
  exit 0
fi
echo "quickstart: FAILED: expected status 1 and a report that shows the crash; ffi-doctor ended with status $status" >&2
exit 1
