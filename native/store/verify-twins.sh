#!/usr/bin/env bash
# Proves what build-all.sh built: each twin dies of its own trigger as it should, RUNS times out of RUNS (default 100), and of
# nothing else; the sound library survives every trigger; every twin gets through the workload. With gdb, also where it dies.
# Twins whose trigger is not told from other calls are not run with the others' triggers; silent ones only get through the workload,
# which off-by-one cannot: a text that is cut is part of it.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
runs=${RUNS:-100}
libraries="$here/../build/store"
driver="$here/../build/store-verify/driver"
twins=(thread-local-runtime stale-handle bytes-use-after-free double-free panic-across-boundary stack-overflow)
blunt=(callback-after-close unaligned-read struct-layout)
silent=(shrink-forgotten malloc-dropped-by-rust argument-kept unload-running missing-sa-onstack signal-handler-displaced
    uninitialised-field)
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

declare -A status=(
    [thread-local-runtime]=139 [stale-handle]=139 [bytes-use-after-free]=139
    [double-free]=134 [panic-across-boundary]=134 [stack-overflow]=139
    [callback-after-close]=139 [unaligned-read]=139 [struct-layout]=139
)
# What it says on standard error, nothing at all where this is empty.
declare -A words=(
    [double-free]='free(): double free detected in tcache 2'
    [panic-across-boundary]='panic in a function that cannot unwind'
)
# The faulting address or the innermost frames that are not libc's or Rust's, as gdb prints them.
declare -A address=([thread-local-runtime]=0x30 [stale-handle]=0x18589091b1 [struct-layout]=0x40)
declare -A frames=(
    [thread-local-runtime]='Runtime::check_key Store::get fds_get get_on_another_thread'
    [stale-handle]='stale::block_checksum stale::read_block stale::get fds_get get_value stale_handle'
    [bytes-use-after-free]='read_bytes bytes_use_after_free'
    [double-free]='__GI___libc_free hot::evict_hot_value hot::release_hot_value fds_free_bytes double_free'
    [panic-across-boundary]='panic_cannot_unwind fds_scan_open panic_across_boundary'
    [stack-overflow]='prefix::descend_segment prefix::descend_segment prefix::descend_segment'
    [callback-after-close]='store_answer on_answer start_thread'
    [unaligned-read]='magic::read magic::check fds_put unaligned_read'
    [struct-layout]='read_bytes struct_layout'
)

fail() {
    echo "verify-twins.sh: $*" >&2
    cat "$scratch/stderr" >&2 || true
    exit 1
}

# Leaves the status in $died; 128 + n for signal n.
run() {
    local variant=$1 what=$2
    rm -rf "$scratch/db"
    mkdir "$scratch/db"
    died=0
    # The outer group takes the shell's own word about the signal.
    {
        (
            ulimit -c 0
            export LD_LIBRARY_PATH="$libraries/$variant" RUST_BACKTRACE=0
            exec "$driver" "$scratch/db" "$what"
        ) >"$scratch/stdout" 2>"$scratch/stderr" || died=$?
    } 2>/dev/null
}

expect_clean() {
    run "$1" "$2"
    [[ $died == 0 && $(tail -n 1 "$scratch/stdout") == done ]] || fail "$2 over $1: status $died, not a clean end"
}

expect_workload() {
    local suffix=+$1
    [ "$1" != healthy ] || suffix=''
    expect_clean "$1" workload
    grep -qx "version [0-9.]*${suffix}" "$scratch/stdout" || fail "$1 calls itself $(head -n 1 "$scratch/stdout")"
}

expect_death() {
    run "$1" "$1"
    [[ $died == "${status[$1]}" ]] || fail "$1: status $died, not ${status[$1]}"
    grep -qF -- "${words[$1]:-}" "$scratch/stderr" || [[ -z ${words[$1]:-} ]] || fail "$1: no word of '${words[$1]}'"
    [[ -n ${words[$1]:-} || ! -s $scratch/stderr ]] || fail "$1: it says what it should not"
}

check_frames() {
    local twin=$1 wanted name
    rm -rf "$scratch/db"
    mkdir "$scratch/db"
    LD_LIBRARY_PATH="$libraries/$twin" RUST_BACKTRACE=0 gdb -nx -batch -ex 'set debuginfod enabled off' -ex 'set print frame-arguments none' \
        -ex run -ex 'set language c' -ex 'printf "address %#lx\n", (unsigned long) $_siginfo._sifields._sigfault.si_addr' -ex 'set language auto' -ex 'bt 40' \
        --args "$driver" "$scratch/db" "$twin" >"$scratch/gdb" 2>"$scratch/stderr" || true
    if [[ -n ${address[$twin]:-} ]]; then
        grep -qx "address ${address[$twin]}" "$scratch/gdb" || fail "$twin: it does not fault at ${address[$twin]}: $(cat "$scratch/gdb")"
    fi
    # In this order, other frames between them allowed.
    wanted=''
    for name in ${frames[$twin]}; do
        wanted+=".*\\b$name \\("
    done
    grep '^#' "$scratch/gdb" | tr '\n' ' ' | grep -qP -- "$wanted" || fail "$twin: other frames than '${frames[$twin]}': $(cat "$scratch/gdb")"
}

"$here/build-all.sh"
mkdir -p "$(dirname "$driver")"
gcc -std=c11 -O2 -g -Wall -Wextra -Werror -pthread -I "$here/../include" -o "$driver" "$here"/verify/*.c \
    -L "$libraries/healthy" -lffi_doctor_store

for variant in healthy "${twins[@]}"; do
    expect_workload "$variant"
    for trigger in "${twins[@]}"; do
        [ "$trigger" = "$variant" ] || expect_clean "$variant" "$trigger"
    done
    echo "verify: $variant: the workload and the others' triggers end clean"
done
for variant in "${blunt[@]}" "${silent[@]}"; do
    expect_workload "$variant"
    echo "verify: $variant: the workload ends clean"
done
for trigger in "${blunt[@]}"; do
    expect_clean healthy "$trigger"
done
for twin in "${twins[@]}" "${blunt[@]}"; do
    for ((i = 0; i < runs; i++)); do
        expect_death "$twin"
    done
    echo "verify: $twin: died as it should, $runs of $runs"
    if command -v gdb >/dev/null; then
        check_frames "$twin"
        echo "verify: $twin: ${frames[$twin]// / <- }"
    fi
done
echo "verify: all twins proven"
