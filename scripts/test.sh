#!/usr/bin/env bash
# Sets everything up, then runs every test there is. The last line counts checks, Rust tests and TypeScript tests together.
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.." || exit 1
bash scripts/setup.sh --for test || exit 1
command -v cargo > /dev/null || export PATH="$PATH:$HOME/.cargo/bin"

results=.cache/test
rm -rf "$results"
mkdir -p "$results"

echo "test: 1/5 npm run check"
bash scripts/check.sh --results "$results/check.tsv"

echo "test: 2/5 ffi-doctor ci on our own koffi binding"
if node dist/cli/main.js ci --out "$results/ci"; then state=passed; else state=failed; fi
printf '%s\tffi-doctor ci on our own koffi binding\n' "$state" >> "$results/check.tsv"

echo "test: 3/5 native tests of the recorder"
if bash native/test/run.sh > "$results/native.log" 2>&1; then state=passed; else state=failed; fi
cat "$results/native.log"
printf '%s\tnative tests of the recorder\n' "$state" >> "$results/check.tsv"

echo "test: 4/5 cargo test (native/store)"
(cd native/store && cargo test --locked --color never) 2>&1 | tee "$results/cargo.log"
echo "${PIPESTATUS[0]}" > "$results/cargo.status"

echo "test: 5/5 vitest"
node_modules/.bin/vitest run --reporter=default --reporter=json --outputFile.json="$results/vitest.json"
echo "$?" > "$results/vitest.status"

node scripts/summarise.mjs "$results" test/conditions.json
