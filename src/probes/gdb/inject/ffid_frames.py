"""
Stacks: gdb's own unwinder, with generated code through ffid_jit, deep recursion skipped instead of walked. Of a core file the same,
though its registers cannot be written: see `Displaced`.
"""
import time

import gdb
from gdb.unwinder import Unwinder

import ffid_java
import ffid_jit
import ffid_maps
from ffid_log import hexa

MASK = (1 << 64) - 1
SCALARS = None
KINDS = {}
FOLD_AFTER = 512
KEEP = 64
MAX_PERIOD = 24
BUDGET_S = 4.0
CALLEE_SAVED = ("rip", "rsp", "rbp", "rbx", "r12", "r13", "r14", "r15")
SYSTEM_PATHS = ("/usr/lib/", "/lib/", "/lib64/", "/usr/bin/", "/bin/", "/usr/sbin/", "/opt/java/")


def setup():
    global SCALARS
    SCALARS = {gdb.TYPE_CODE_INT, gdb.TYPE_CODE_PTR, gdb.TYPE_CODE_BOOL, gdb.TYPE_CODE_ENUM, gdb.TYPE_CODE_CHAR, gdb.TYPE_CODE_REF}
    KINDS.update({gdb.SIGTRAMP_FRAME: "signal", gdb.INLINE_FRAME: "inlined"})


class Displaced(Unwinder):
    """
    Walking a core file from another place than where a thread's registers are: gdb is told that its innermost frame was called from
    there. Its made-up id lies below every stack, so that no frame is inner to it. gdb takes the place for a return address, and looks
    things up one byte before; `exact` asks for one byte more.
    """

    def __init__(self):
        super().__init__("ffi-doctor-displaced")
        self.place, self.exact = None, False

    def __call__(self, pending):
        if self.place is None:
            return None
        try:
            here = tuple(int(pending.read_register(name)) & MASK for name in ("rip", "rsp"))
        except (gdb.error, ValueError):
            return None
        if here != self.real:
            return None
        long = gdb.lookup_type("long")
        as_long = lambda value: gdb.Value(value - (1 << 64) if value >> 63 else value).cast(long)
        info = pending.create_unwind_info(_FrameId(as_long(16), as_long(here[0])))
        for name, value in self.place.items():
            if value is not None:
                info.add_saved_register(name, as_long(value + 1 if name == "rip" and self.exact else value))
        return info

    def move(self, place, exact):
        """Returns what moves back."""
        before = (self.place, self.exact)
        self.place = None
        gdb.invalidate_cached_frames()
        frame = gdb.newest_frame()
        if "x86-64" not in frame.architecture().name():
            self.place, self.exact = before
            raise gdb.error("a core's stack is looked at from another place on x86-64 only")
        self.real = (register(frame, "rip"), register(frame, "rsp"))
        self.place, self.exact = place, exact
        gdb.invalidate_cached_frames()
        return before


class _FrameId:
    def __init__(self, sp, pc):
        self.sp, self.pc = sp, pc


_displaced = None


def of_core():
    """From here on the process is one of a core file."""
    global _displaced
    _displaced = Displaced()
    gdb.unwinder.register_unwinder(None, _displaced, True)


def innermost():
    """The frame to begin with."""
    frame = gdb.newest_frame()
    if _displaced is None or _displaced.place is None:
        return frame
    while frame.type() == gdb.INLINE_FRAME:
        frame = frame.older()
    return frame.older()


def pc_of(frame, is_first):
    beyond = is_first and _displaced is not None and _displaced.place is not None and _displaced.exact
    return (frame.pc() & MASK) - (1 if beyond else 0)


def describe(frame, pid, innermost, with_args):
    """One frame as plain data. Values of Go frames are never read: formatting a Go string makes gdb 13 crash."""
    pc = pc_of(frame, innermost)
    row = ffid_maps.current(pid).at(pc)
    d = {"pc": hexa(pc), "fn": frame.name()}
    kind = KINDS.get(frame.type())
    if kind:
        d["kind"] = kind
    if row:
        d["mod"] = row[4]
        d["off"] = hexa(pc - row[0] + row[3])
        if ffid_maps.executable_anonymous(row) or d["fn"] is None:
            java = ffid_java.describe(pid, pc, register(frame, "rbp"))
            text = ffid_jit.perf_map(pid).name(pc if innermost else pc - 1) or ffid_jit.builtin_name(row, pc)
            if java:
                d["kind"], d["lang"] = "jit", "java"
                d["fn"], d["file"], d["line"] = java
            elif text:
                d["jit"] = text
            elif ffid_maps.executable_anonymous(row):
                d["kind"] = "jit"
    sal = frame.find_sal()
    if sal.symtab:
        d["file"] = sal.symtab.fullname()
        d["line"] = sal.line
        if with_args and not d["file"].endswith((".go", ".s")) and row and not row[4].startswith(SYSTEM_PATHS):
            args = scalar_args(frame)
            if args:
                d["args"] = args
    return d


def scalar_args(frame):
    out = []
    try:
        block = frame.block()
        while block and not block.function and not block.is_global:
            block = block.superblock
        for symbol in block or ():
            if not symbol.is_argument or len(out) >= 12:
                continue
            try:
                value = symbol.value(frame)
                if value.type.strip_typedefs().code in SCALARS and not value.is_optimized_out:
                    out.append([symbol.name, hexa(value.cast(gdb.lookup_type("long")) if value.type.strip_typedefs().code == gdb.TYPE_CODE_REF else value)])
            except (gdb.error, ValueError, RuntimeError):
                continue
    except (gdb.error, RuntimeError):
        pass
    return out


def walk(pid, limit, arg_frames=0, until=None, beyond=False):
    """
    Frames from the selected frame outward, at most `limit`; (frames, why it ended early or None, raw cursor list).
    `until`: stop after a frame whose name is in it. `beyond`: go on where the stack was switched.
    """
    out, cursors, stop, deadline = [], [], None, time.monotonic() + BUDGET_S
    frame = innermost()
    physical = True
    while frame is not None:
        if len(out) >= limit:
            stop = "limit of %d frames" % limit
            break
        if time.monotonic() > deadline:
            stop = "time limit"
            break
        try:
            # The first frames may be inlined in one: all of them stand at its pc.
            d = describe(frame, pid, physical, len(out) < arg_frames)
            out.append(d)
            cursors.append((pc_of(frame, physical), register(frame, "rsp"), register(frame, "rbp"), frame.type()))
            physical = physical and frame.type() == gdb.INLINE_FRAME
            if until and d["fn"] in until:
                break
            if d.get("mod") in ffid_maps.foreign:
                stop = "the code of %s is not here" % d["mod"].rpartition("/")[2]
                break
            reason = frame.unwind_stop_reason()
            if reason not in (gdb.FRAME_UNWIND_NO_REASON, gdb.FRAME_UNWIND_OUTERMOST):
                stop = gdb.frame_stop_reason_string(reason)
            if reason == gdb.FRAME_UNWIND_INNER_ID and beyond:
                rest, stop = beyond_switch(pid, frame, limit - len(out), stop)
                return out + rest, stop, cursors
            frame = frame.older()
            if _displaced is not None and d["fn"] in SIGPANIC and frame is not None:
                rest, stop, more = from_sigpanic(pid, frame, limit - len(out), until, beyond)
                return out + rest, stop, cursors + more
        except (gdb.error, RuntimeError) as error:
            stop = str(error)
            break
    return out, stop, cursors


# Go makes a fault look like a call of this function: the faulting pc is pushed as it is, and is no return address.
SIGPANIC = ("runtime.sigpanic", "runtime.sigpanic0", "runtime.sigpanic.abi0", "runtime.sigpanic0.abi0")


def from_sigpanic(pid, caller, limit, until, beyond):
    """
    Go keeps no register but the frame pointer across it (runtime/signal_amd64.go, preparePanic), which each of its functions saves two
    words below its caller's stack; Go's CFI does not tell. Arguments may have been in the others, and are not read.
    """
    pc, sp = caller.pc() & MASK, register(caller, "rsp")
    try:
        bp = int.from_bytes(gdb.selected_inferior().read_memory(sp - 16, 8).tobytes(), "little")
    except gdb.error:
        bp = register(caller, "rbp")
    with moved_to(pc, sp, bp, exact=True):
        rest, stop, cursors = walk(pid, limit, 0, until, beyond)
    if rest:
        rest[0]["sp"], rest[0]["bp"] = hexa(sp), hexa(bp)
    return rest, stop, cursors


def beyond_switch(pid, frame, limit, stop):
    """
    koffi calls on a stack of its own. Where that lies above the thread's, gdb takes the way back for a corrupt stack. Seen from the
    frame that switched, as if it were the innermost, there is nothing odd.
    """
    here = {name: register(frame, name) for name in CALLEE_SAVED}
    maps = ffid_maps.current(pid)
    with moved_to(here["rip"], here["rsp"], here["rbp"], {name: here[name] for name in CALLEE_SAVED[3:]}):
        frames, onward, cursors = walk(pid, limit + 1)
    same = len(cursors) < 2 or maps.at(cursors[1][1]) is None or maps.at(cursors[1][1]) == maps.at(here["rsp"])
    return ([], stop) if same else (frames[1:], onward)


def register(frame, name):
    try:
        return int(frame.read_register(name)) & MASK
    except (gdb.error, ValueError):
        return 0


def full(pid, arg_frames=16, until=None):
    """The whole stack. A runaway recursion is recognised by its constant stride and skipped, its frames counted."""
    frames, stop, cursors = walk(pid, FOLD_AFTER, arg_frames, until, beyond=True)
    if not (stop and stop.startswith("limit")):
        return frames, stop
    skipped = skip_recursion(pid, cursors, until)
    if skipped is None:
        frames, stop, _ = walk(pid, 4096, arg_frames, until)
        return frames, stop
    count, rest, stop = skipped
    # Counted from the same cursor: the 256 frames up to it, the whole cycles jumped over, then what was walked.
    return frames[:KEEP] + [{"pc": frames[KEEP]["pc"], "fn": None, "kind": "folded", "count": count - KEEP}] + rest, stop


def skip_recursion(pid, cursors, until):
    real = [i for i, c in enumerate(cursors) if c[3] != gdb.INLINE_FRAME]
    base = next((i for i in real if i >= 256), None)
    if base is None:
        return None
    period = find_period(cursors, base)
    if period is None:
        return None
    stride = cursors[base + period][1] - cursors[base][1]
    older = next(i for i in real if i > base)
    slot, expected = cursors[older][1] - 8, cursors[older][0]
    row = ffid_maps.current(pid).at(slot)
    inferior = gdb.selected_inferior()

    def holds(k):
        where = slot + k * stride
        if row is None or where + 8 > row[1]:
            return False
        try:
            return int.from_bytes(inferior.read_memory(where, 8).tobytes(), "little") == expected
        except gdb.error:
            return False

    low, high = 0, 1
    while holds(high):
        low, high = high, high * 2
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if holds(middle) else (low, middle)
    cycles = max(0, low - 1)
    pc, sp, bp, _ = cursors[base]
    moves = cursors[base + period][2] - bp == stride
    with moved_to(pc, sp + cycles * stride, bp + cycles * stride if moves else bp):
        rest, stop, _ = walk(pid, FOLD_AFTER, 0, until, beyond=True)
    return base + cycles * period, rest, stop


def find_period(cursors, base):
    for period in range(1, MAX_PERIOD + 1):
        span = range(base, len(cursors) - 2 * period)
        if len(span) < 4 * period:
            continue
        stride = cursors[base + period][1] - cursors[base][1]
        if stride > 0 and cursors[base][3] != gdb.INLINE_FRAME and all(
            cursors[i][0] == cursors[i + period][0] and cursors[i + period][1] - cursors[i][1] == stride for i in span
        ):
            return period
    return None


class moved_to:
    """Looks from another place of the same stack, registers put back whatever happens. `exact`: the pc is not a return address."""

    def __init__(self, pc, sp, bp=None, others=None, exact=False):
        self.target = {"rip": pc, "rsp": sp, "rbp": bp, **(others or {})}
        self.exact = exact

    def __enter__(self):
        if _displaced is not None:
            self.before = _displaced.move(self.target, self.exact)
            return
        frame = gdb.newest_frame()
        self.saved = {name: register(frame, name) for name in self.target}
        self.write(self.target)

    def __exit__(self, *_):
        if _displaced is not None:
            _displaced.move(*self.before)
            return False
        self.write(self.saved)
        return False

    @staticmethod
    def write(values):
        # After each assignment gdb looks for the frame it had selected, along the whole stack: minutes in a runaway recursion.
        gdb.execute("set backtrace limit 2", to_string=True)
        try:
            for name in ("rsp", "rbp", *CALLEE_SAVED[3:], "rip"):
                if values.get(name) is not None:
                    gdb.execute("set $%s=%d" % (name, values[name]), to_string=True)
        finally:
            gdb.execute("set backtrace limit unlimited", to_string=True)
