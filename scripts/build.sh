#!/usr/bin/env bash
# TypeScript -> dist/, with what is copied beside it.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
node_modules/.bin/tsc -p tsconfig.json
node scripts/place-files.mjs
echo "build: dist/ is current"
