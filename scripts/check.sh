#!/usr/bin/env bash
# The one gate: everything that can be judged without running the product.
#   check.sh [--results <file>]   also writes "passed|failed|skipped<TAB>name" lines
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
mkdir -p .cache
results=.cache/check-results.tsv
if [[ ${1:-} == --results ]]; then
  results=$2
fi
: > "$results"
command -v cargo > /dev/null || export PATH="$PATH:$HOME/.cargo/bin"
bin=node_modules/.bin
if [[ ! -x $bin/tsc ]]; then
  echo "check: nothing is installed here yet; run: npm run setup:test" >&2
  exit 1
fi

failed=0
step() {
  local name=$1 started=$SECONDS
  shift
  if "$@" > .cache/check.log 2>&1; then
    echo "check: ok    $name ($((SECONDS - started)) s)"
    printf 'passed\t%s\n' "$name" >> "$results"
  else
    cat .cache/check.log
    echo "check: FAIL  $name"
    printf 'failed\t%s\n' "$name" >> "$results"
    failed=$((failed + 1))
  fi
}
skip() {
  echo "check: skip  $1 ($2)"
  printf 'skipped\t%s\n' "$1" >> "$results"
}
shell_syntax() {
  local file
  while IFS= read -r file; do bash -n "$file" || return 1; done < <(find scripts .ci native fixtures -name target -prune -o -name build -prune -o \( -name '*.sh' -o -path .ci/run \) -type f -print)
}
# The broken twins differ by features: each is code that the default build does not see.
clippy() {
  local twin
  cargo clippy --quiet --locked --all-targets -- -D warnings || return 1
  while IFS= read -r twin; do
    echo "clippy: $twin"
    cargo clippy --quiet --locked --lib --features "$twin" -- -D warnings || return 1
  done < <(sed -n '/^\[features\]/,/^\[dependencies\]/s/^\([a-z-]*\) = .*/\1/p' Cargo.toml)
}
in_store() { (cd native/store && "$@"); }

step "format and lint (biome)" "$bin/biome" check . --error-on-warnings --colors=off
step "types (tsc)" "$bin/tsc" -p tsconfig.test.json
step "dead code (knip)" "$bin/knip" --no-progress
step "build" bash scripts/build.sh
step "schemas current" node scripts/schema.mjs --check
step "import law and other contracts" "$bin/vitest" run test/contract --reporter=dot
step "shell syntax" shell_syntax
step "rust format" in_store cargo fmt --check
if cargo clippy --version > /dev/null 2>&1; then
  step "rust lint (clippy)" in_store clippy
else
  skip "rust lint (clippy)" "this cargo has no clippy"
fi

if ((failed > 0)); then
  echo "check: $failed failed"
  exit 1
fi
echo "check: all passed"
