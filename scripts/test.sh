#!/usr/bin/env bash
# Sets everything up, then runs every test there is. The last line counts checks, Rust tests and TypeScript tests together.
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.." || exit 1
bash scripts/setup.sh --for test || exit 1
command -v cargo > /dev/null || export PATH="$PATH:$HOME/.cargo/bin"

results=.cache/test
rm -rf "$results"
mkdir -p "$results"

echo "test: 1/3 npm run check"
bash scripts/check.sh --results "$results/check.tsv"

echo "test: 2/3 cargo test (native/store)"
(cd native/store && cargo test --locked --color never) 2>&1 | tee "$results/cargo.log"
echo "${PIPESTATUS[0]}" > "$results/cargo.status"

echo "test: 3/3 vitest"
node_modules/.bin/vitest run --reporter=default --reporter=json --outputFile.json="$results/vitest.json"
echo "$?" > "$results/vitest.status"

node scripts/summarise.mjs "$results" test/conditions.json
