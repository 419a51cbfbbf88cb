"""
Go under cgo: the C part of a stack runs on g0, the Go part waits where the goroutine left for C. Its place is m.curg.syscall{sp,pc}
(runtime/proc.go, entersyscall). Read by DWARF; a binary stripped of it keeps its C part only.
"""
import gdb

import ffid_frames

MASK = (1 << 64) - 1
TO_C = ("runtime.asmcgocall", "runtime.asmcgocall.abi0")
# The runtime's own work on the system stack; the goroutine waits at m.curg.sched (runtime/asm_amd64.s).
TO_SYSTEM = ("runtime.systemstack", "runtime.systemstack.abi0", "runtime.mcall", "runtime.mcall.abi0", "runtime.morestack", "runtime.morestack.abi0")
SWITCH = TO_C + TO_SYSTEM
# Where C called back into Go. Its frame on the thread's own stack, from m.g0.sched.sp: three words, the caller's rbp, the return address.
CALLBACK = ("runtime.cgocallback", "runtime.cgocallback.abi0")
CALLBACK_BP, CALLBACK_RETURN, CALLBACK_SIZE = 0x18, 0x20, 0x28
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
    """(frames, why ended, goid): native frames to the switch, the goroutine's, and where C called it, C's again."""
    frames, stop = ffid_frames.full(pid, arg_frames, until=SWITCH + CALLBACK)
    found = goroutine(tid, last_name(frames))
    goid = found[0] if found else None
    if found and found[2] and last_name(frames) in SWITCH:
        with ffid_frames.moved_to(*found[1:]):
            rest, stop, _ = ffid_frames.walk(pid, 256, until=CALLBACK)
        frames = frames + rest
    if last_name(frames) in CALLBACK:
        place = caller_of_callback(tid)
        if place is not None:
            with ffid_frames.moved_to(*place):
                rest, stop, _ = ffid_frames.walk(pid, 256, arg_frames, until=TO_C)
            frames = frames + rest
    return frames, stop, goid


def last_name(frames):
    return frames[-1]["fn"] if frames else None


def caller_of_callback(tid):
    """(pc, sp, bp) in crosscall2, through which C entered Go on this thread; None when the words there do not say so."""
    try:
        m = current_m(tid)
        sp = int(m["g0"]["sched"]["sp"]) & MASK
        words = gdb.selected_inferior().read_memory(sp, CALLBACK_SIZE).tobytes()
        bp, pc = (int.from_bytes(words[at:at + 8], "little") for at in (CALLBACK_BP, CALLBACK_RETURN))
        name = gdb.execute("info symbol %d" % pc, to_string=True)
        return (pc, sp + CALLBACK_SIZE, bp) if name.startswith("crosscall2") else None
    except (gdb.error, RuntimeError, TypeError):
        return None


def fatal_exit(frames):
    return next((f["fn"] for f in frames if f["fn"] and f["fn"].startswith(FATAL)), None)
