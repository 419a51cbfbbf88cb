#!/usr/bin/env bash
# Sets everything up, then runs every test there is. The last line counts checks, Rust tests and TypeScript tests together.
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.." || exit 1
bash scripts/setup.sh --for test || exit 1
command -v cargo > /dev/null || export PATH="$PATH:$HOME/.cargo/bin"

results=.cache/test
rm -rf "$results"
mkdir -p "$results"

echo "test: 1/4 npm run check"
bash scripts/check.sh --results "$results/check.tsv"

echo "test: 2/4 ffi-doctor ci on our own koffi binding"
if node dist/cli/main.js ci --out "$results/ci"; then state=passed; else state=failed; fi
printf '%s\tffi-doctor ci on our own koffi binding\n' "$state" >> "$results/check.tsv"

echo "test: 3/4 cargo test (native/store)"
(cd native/store && cargo test --locked --color never) 2>&1 | tee "$results/cargo.log"
echo "${PIPESTATUS[0]}" > "$results/cargo.status"

echo "test: 4/4 vitest"
node_modules/.bin/vitest run --reporter=default --reporter=json --outputFile.json="$results/vitest.json"
echo "$?" > "$results/vitest.status"

node scripts/summarise.mjs "$results" test/conditions.json
