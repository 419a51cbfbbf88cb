#!/usr/bin/env bash
# Makes a fresh checkout usable: the tools that are missing, the npm packages, the build. Safe and quick to run again.
#   setup.sh [--for quickstart|test]
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(dirname "$here")
cd "$root"

purpose=quickstart
if [[ ${1:-} == --for ]]; then
  purpose=${2:-}
fi
case $purpose in
  quickstart | test) ;;
  *)
    echo "usage: setup.sh [--for quickstart|test]" >&2
    exit 64
    ;;
esac

say() { echo "setup: $*"; }
fail() {
  local line
  for line in "$@"; do echo "setup: $line" >&2; done
  exit 1
}
# True when version $1 is at least version $2.
at_least() { [[ $(printf '%s\n%s\n' "$1" "$2" | sort -V | head -n 1) == "$2" ]]; }

# vitest and its tools ask for more than ffi-doctor itself does.
oldest_node=20.11.0
[[ $purpose == quickstart ]] || oldest_node=20.19.0
oldest_rust=$(sed -n 's/^rust-version = "\(.*\)"/\1/p' native/store/Cargo.toml)

explain() {
  say "for $purpose. What is missing here will be installed; what is there is left as it is:"
  say "  Debian packages: gcc libc6-dev (the native parts), gdb (the debugger that captures)"
  say "  Rust $oldest_rust or newer (the storage shim): Debian's cargo-web or rustup package where no cargo is found"
  if [[ $purpose == test ]]; then
    say "  for tests only: g++, golang-go where no Go is found, golang-1.19-go (the story test), rustfmt and clippy,"
    say "  python3 with python3-cffi, default-jdk-headless where no javac is found, valgrind, libjemalloc2"
  fi
  say "  npm packages of package-lock.json, into node_modules/ here; Rust crates of Cargo.lock, into cargo's own cache"
  say "  built: dist/, native/build/$([[ $purpose == test ]] && echo ", fixtures/hosts/build/, fixtures/cases/build/")"
}

check_platform() {
  [[ $(uname -s) == Linux ]] || fail "ffi-doctor works on Linux only; this is $(uname -s)"
  command -v node > /dev/null || fail "Node.js $oldest_node or newer is needed and is not on PATH"
  local version
  version=$(node -p process.versions.node)
  at_least "$version" "$oldest_node" || fail "Node.js $oldest_node or newer is needed for $purpose; this is $version ($(command -v node))"
}

package_lists_read=no
# Installs Debian packages, or says exactly what to type and fails.
install_packages() {
  local as_root=()
  if ! command -v apt-get > /dev/null; then
    fail "these are missing, under Debian's names: $*" "there is no apt-get here: install them with this system's own means and try again"
  fi
  if ((EUID != 0)); then
    if ! command -v sudo > /dev/null || { ! sudo -n true 2> /dev/null && [[ ! -t 0 ]]; }; then
      fail "these Debian packages are missing, and installing them needs root. Type, as root:" "  apt-get update && apt-get install -y --no-install-recommends $*"
    fi
    as_root=(sudo)
  fi
  read_package_lists "${as_root[@]}"
  say "installing Debian packages: $*"
  "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends --no-remove "$@" > .cache/apt.log 2>&1 ||
    { tail -n 20 .cache/apt.log >&2; fail "apt-get could not install $*; its own words are above"; }
}
read_package_lists() {
  [[ $package_lists_read == no ]] || return 0
  say "reading Debian's package lists (apt-get update)"
  "$@" apt-get update -qq > .cache/apt.log 2>&1 || { tail -n 5 .cache/apt.log >&2; say "apt-get update failed; going on with the lists that are here"; }
  package_lists_read=yes
}
# The version of a package that apt-get would install; empty for none.
candidate() {
  command -v apt-cache > /dev/null || return 0
  apt-cache policy "$1" 2> /dev/null | sed -n 's/^ *Candidate: \([0-9:]*[^ ]*\)$/\1/p' | grep -v '(none)' | sed 's/^[0-9]*://' || true
}

missing=()
want_tools() {
  if ! command -v gcc > /dev/null || [[ ! -e $(gcc -print-file-name=libc.a) ]]; then missing+=(gcc libc6-dev); fi
  command -v gdb > /dev/null || missing+=(gdb)
  if [[ $purpose == test ]]; then
    command -v go > /dev/null || missing+=(golang-go)
    command -v g++ > /dev/null || missing+=(g++)
    command -v javac > /dev/null || missing+=(default-jdk-headless)
    command -v python3 > /dev/null || missing+=(python3)
    [[ -e /usr/lib/$(gcc -dumpmachine 2> /dev/null)/libjemalloc.so.2 || -e /usr/lib64/libjemalloc.so.2 ]] || missing+=(libjemalloc2)
    command -v valgrind > /dev/null || missing+=(valgrind)
    python3 -c 'import cffi' 2> /dev/null || /usr/bin/python3 -c 'import cffi' 2> /dev/null || missing+=(python3-cffi)
  fi
  ((${#missing[@]} == 0)) || install_packages "${missing[@]}"
  gdb -nx -batch -ex 'python print("python here")' 2> /dev/null | grep -q 'python here' ||
    fail "gdb here ($(command -v gdb)) has no Python inside, which a capture needs. On Debian, type as root:" "  apt-get install -y gdb   # in place of gdb-minimal"
}

old_go() {
  [[ ! -x /usr/lib/go-1.19/bin/go ]] || return 0
  if [[ -z $(candidate golang-1.19-go) ]]; then
    ((EUID != 0)) || ! command -v apt-get > /dev/null || read_package_lists
  fi
  if [[ -n $(candidate golang-1.19-go) ]]; then
    install_packages golang-1.19-go
  else
    say "NOT HERE: golang-1.19-go (Debian 12 has it). The tests of the Go 1.19 host and its column of the story cannot run: they count as skipped, and npm test fails for it"
  fi
}

cargo_version() { cargo --version 2> /dev/null | sed -n 's/^cargo \([0-9.]*\).*/\1/p'; }
rust_by_hand() {
  fail "$1" "Rust $oldest_rust or newer is needed to build the storage shim. Type:" \
    "  curl --proto '=https' --tlsv1.2 -sSf https://sh.rustup.rs | sh -s -- -y && . \"\$HOME/.cargo/env\"" "and then the same command again"
}
want_rust() {
  # Where rustup puts it; a login shell has it on PATH, a fresh one may not.
  command -v cargo > /dev/null || export PATH="$PATH:$HOME/.cargo/bin"
  if command -v cargo > /dev/null; then
    local version
    version=$(cargo_version)
    [[ -n $version ]] || fail "cargo is here but cannot run; with rustup, type:" "  rustup default stable"
    at_least "$version" "$oldest_rust" && return 0
    if command -v rustup > /dev/null; then
      fail "cargo $version is too old for the crates of the storage shim ($oldest_rust or newer). Type:" "  rustup update stable"
    fi
    rust_by_hand "cargo $version ($(command -v cargo)) is too old for the crates of the storage shim"
  fi
  ((EUID != 0)) || ! command -v apt-get > /dev/null || read_package_lists
  local version
  version=$(candidate cargo-web)
  if [[ -n $version ]] && at_least "$version" "$oldest_rust"; then
    install_packages cargo-web
  elif [[ -n $(candidate rustup) ]]; then
    install_packages rustup
    say "installing Rust's stable toolchain (rustup)"
    rustup default stable > .cache/rustup.log 2>&1 || { tail -n 5 .cache/rustup.log >&2; rust_by_hand "rustup could not install the stable toolchain"; }
  else
    rust_by_hand "cargo is not here, and no Debian package at hand is new enough"
  fi
}
want_rust_checkers() {
  local components=()
  cargo fmt --version > /dev/null 2>&1 || components+=(rustfmt)
  cargo clippy --version > /dev/null 2>&1 || components+=(clippy)
  ((${#components[@]} > 0)) || return 0
  if command -v rustup > /dev/null; then
    say "installing Rust components: ${components[*]}"
    rustup component add "${components[@]}" > .cache/rustup.log 2>&1 || { tail -n 5 .cache/rustup.log >&2; fail "rustup could not add ${components[*]}"; }
  elif [[ ${components[0]} == rustfmt ]]; then
    install_packages rustfmt-web
  fi
}

node_modules() {
  local stamp=node_modules/.ffi-doctor-setup lock
  lock="$(sha256sum < package-lock.json) $(node -p process.versions.modules)"
  if [[ -e $stamp && $(< "$stamp") == "$lock" ]]; then
    say "npm packages: up to date"
    return
  fi
  say "installing npm packages (npm ci)"
  npm ci --no-audit --no-fund --loglevel=error > .cache/npm.log 2>&1 || { tail -n 20 .cache/npm.log >&2; fail "npm ci failed; its own words are above"; }
  echo "$lock" > "$stamp"
}

mkdir -p .cache
exec 9> .cache/setup.lock
flock --nonblock 9 || { say "another setup is running here; waiting for it"; flock 9; }
explain
check_platform
want_tools
want_rust
if [[ $purpose == test ]]; then
  old_go
  want_rust_checkers
fi
node_modules
bash scripts/build.sh
bash scripts/build-native.sh "$purpose"
say "ready"
