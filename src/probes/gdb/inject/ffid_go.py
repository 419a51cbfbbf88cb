"""
Go under cgo: the C part of a stack runs on g0, the Go part waits where the goroutine left for C. Its place is m.curg.syscall{sp,pc}
(runtime/proc.go, entersyscall). Read by DWARF; a binary stripped of it keeps its C part only.
"""
import gdb

import ffid_frames

MASK = (1 << 64) - 1
TO_C = ("runtime.asmcgocall", "runtime.asmcgocall.abi0")
# The runtime's own work on the system stack; the goroutine waits at m.curg.sched (runtime/asm_amd64.s).
TO_SYSTEM = ("runtime.systemstack", "runtime.systemstack.abi0", "runtime.mcall", "runtime.mcall.abi0")
SWITCH = TO_C + TO_SYSTEM
FATAL = ("runtime.fatalthrow", "runtime.fatalpanic", "runtime.sighandler", "runtime.dieFromSignal", "runtime.fatalsignal", "runtime.badsignal", "runtime.raisebadsignal", "runtime.crash")
_is_go = {}


def exit_symbol():
    """The function through which the Go runtime ends a process, or None when this is no Go program (or a stripped one)."""
    for name in ("runtime.exit.abi0", "runtime.exit"):
        try:
            gdb.parse_and_eval("(long)&'%s'" % name)
            return name
        except gdb.error:
            continue
    return None


def symbol(name):
    try:
        found = gdb.lookup_global_symbol(name) or gdb.lookup_static_symbol(name)
        return found.value() if found else None
    except (gdb.error, RuntimeError):
        return None


def current_m(tid):
    m, seen = symbol("runtime.allm"), 0
    while m is not None and int(m) and seen < 20000:
        if int(m["procid"]) == tid:
            return m
        m, seen = m["alllink"], seen + 1
    return None


def goroutine(tid, switch=None):
    """(goid, pc, sp, bp or None) of the goroutine that this thread left for C or the system stack; None outside of one."""
    try:
        m = current_m(tid)
        g = m["curg"] if m is not None else None
        if g is None or not int(g):
            return None
        fields = {f.name for f in g.type.target().fields()}
        if switch in TO_SYSTEM:
            sched = g["sched"]
            sp, pc, bp = int(sched["sp"]) & MASK, int(sched["pc"]) & MASK, int(sched["bp"]) & MASK
        else:
            sp, pc = int(g["syscallsp"]) & MASK, int(g["syscallpc"]) & MASK
            bp = int(g["syscallbp"]) & MASK if "syscallbp" in fields else 0
        return int(g["goid"]), pc, sp, bp or None
    except (gdb.error, RuntimeError):
        return None


def is_go(exe):
    if exe not in _is_go:
        _is_go[exe] = symbol("runtime.allm") is not None
    return _is_go[exe]


def joined(pid, tid, arg_frames):
    """(frames, why ended, goid): native frames to the switch, then the goroutine's."""
    frames, stop = ffid_frames.full(pid, arg_frames, until=SWITCH)
    switch = frames[-1]["fn"] if frames else None
    found = goroutine(tid, switch)
    at_switch = switch in SWITCH
    if found is None:
        return frames, stop, None
    goid, pc, sp, bp = found
    if not sp or not at_switch:
        return frames, stop, goid
    with ffid_frames.moved_to(pc, sp, bp):
        rest, stop, _ = ffid_frames.walk(pid, 256)
    return frames + rest, stop, goid


def fatal_exit(frames):
    return next((f["fn"] for f in frames if f["fn"] and f["fn"].startswith(FATAL)), None)
