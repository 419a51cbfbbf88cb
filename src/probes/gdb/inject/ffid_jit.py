"""
Walking through generated code. V8 and HotSpot keep frame pointers in it and emit no CFI, so that gdb's own walk is garbage after the
first such frame. V8's embedded builtins are code of the node binary without CFI; on "short builtin calls" they are mapped a second time.
"""
import bisect
import os
import stat

import gdb
from gdb.unwinder import Unwinder

import ffid_java
import ffid_maps

MASK = (1 << 64) - 1
MAX_FRAME = 1 << 20
SECOND_MAPPING = 0x7F0000000000

_builtins = {}


def prepare(pid, exe):
    """Finds V8's embedded builtins of this executable, and HotSpot. Not in the unwinder: gdb commands inside one are unsafe."""
    ffid_java.prepare(pid)
    if exe in _builtins:
        return
    _builtins[exe] = (0, 0)
    if not exe or b"Builtins_" not in _probe_symbols(exe):
        return
    try:
        low = int(gdb.parse_and_eval("(long)&Builtins_DeoptimizationEntry_Eager")) & MASK
        high = int(gdb.parse_and_eval("(long)&Builtins_AbortExtraWideHandler")) & MASK
        _builtins[exe] = (low, high + 0x1000)
    except gdb.error:
        pass


def _probe_symbols(exe):
    return b"Builtins_" if os.path.basename(exe) in ("node", "nodejs", "electron") else b""


class _FrameId:
    def __init__(self, sp, pc):
        self.sp, self.pc = sp, pc


class JitUnwinder(Unwinder):
    def __init__(self):
        super().__init__("ffi-doctor-jit")
        self.long = None

    def generated(self, pid, pc):
        row = ffid_maps.current(pid).at(pc)
        if row is None:
            return False
        if ffid_maps.executable_anonymous(row):
            return True
        low, high = _builtins.get(row[4], (0, 0))
        return low != 0 and (low <= pc < high or (pc >= SECOND_MAPPING > low))

    def __call__(self, pending):
        inferior = gdb.selected_inferior()
        try:
            pc = int(pending.read_register("rip")) & MASK
            if not self.generated(inferior.pid, pc):
                return None
            bp = int(pending.read_register("rbp")) & MASK
            sp = int(pending.read_register("rsp")) & MASK
            outer = ffid_java.caller(inferior.pid, pc, sp, bp)
            if outer is None:
                if not sp <= bp < sp + MAX_FRAME:
                    return None
                words = inferior.read_memory(bp, 16).tobytes()
                outer = int.from_bytes(words[8:], "little"), bp + 16, int.from_bytes(words[:8], "little")
        except (gdb.error, ValueError):
            return None
        if self.long is None:
            self.long = gdb.lookup_type("long")
        as_long = lambda value: gdb.Value(value - (1 << 64) if value >> 63 else value).cast(self.long)
        info = pending.create_unwind_info(_FrameId(as_long(outer[1]), as_long(pc)))
        for name, value in zip(("rip", "rsp", "rbp"), outer):
            info.add_saved_register(name, as_long(value))
        return info


class PerfMap:
    """Names of generated code from /tmp/perf-<pid>.map. Code moves: a later line for the same start wins."""

    def __init__(self, pid):
        self.pid, self.offset, self.named, self.starts = pid, 0, {}, []

    def refresh(self):
        """Reads what was appended since the last time. The path is predictable: owner, kind and link are checked first."""
        try:
            fd = os.open("/tmp/perf-%d.map" % self.pid, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
        except OSError:
            return
        with os.fdopen(fd, "rb") as source:
            facts = os.fstat(fd)
            if not stat.S_ISREG(facts.st_mode) or not self.is_of_process(facts):
                return
            source.seek(self.offset)
            data = source.read()
        whole = data[:data.rfind(b"\n") + 1]
        self.offset += len(whole)
        for line in whole.decode("utf-8", "replace").split("\n"):
            parts = line.split(" ", 2)
            if len(parts) == 3:
                try:
                    self.named[int(parts[0], 16)] = (int(parts[1], 16), parts[2])
                except ValueError:
                    continue
        self.starts = sorted(self.named)

    def is_of_process(self, facts):
        """The owner's, and of a process that left a core: written before it, as another process may have had the pid since."""
        if _dead.get(self.pid):
            owner, died = _dead[self.pid]
            return facts.st_uid == owner and facts.st_mtime <= died
        try:
            return facts.st_uid == os.stat("/proc/%d" % self.pid).st_uid
        except OSError:
            return False

    def name(self, pc):
        i = bisect.bisect_right(self.starts, pc) - 1
        if i < 0:
            return None
        size, text = self.named[self.starts[i]]
        return text if pc < self.starts[i] + size else None


_perf_maps = {}
_dead = {}


def dead(pid, owner, died):
    """A process of which only the core file is left: its user, and when the file was written, in seconds."""
    _dead[pid] = (owner, died)


def perf_map(pid):
    if pid not in _perf_maps:
        _perf_maps[pid] = PerfMap(pid)
    return _perf_maps[pid]


def builtin_name(row, pc):
    """The name of a builtin that runs from the second mapping of the node binary, where gdb knows no symbols."""
    low, _ = _builtins.get(row[4], (0, 0))
    if not (low and pc >= SECOND_MAPPING > low):
        return None
    first = next((r for r in ffid_maps.current(gdb.selected_inferior().pid).rows if r[4] == row[4]), None)
    if first is None:
        return None
    text = gdb.execute("info symbol %d" % (pc - row[0] + row[3] - first[3] + first[0]), to_string=True)
    return None if text.startswith("No symbol") else text.split(" ")[0]
