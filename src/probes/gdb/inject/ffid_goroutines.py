"""
All goroutines of a Go process, those with the same stack as one. Walked by frame pointers, which Go keeps in each frame (amd64, arm64),
as gdb would take minutes for thousands; a group's stack is named afterwards.
"""
import gdb

import ffid_go
import ffid_maps
from ffid_log import hexa

MASK = (1 << 64) - 1
SCAN = 0x1000
# Never used, dead, and (since 1.26) dead on a thread of C's.
GONE = (0, 6, 11)
STATES = {1: "runnable", 2: "running", 3: "in a system call or C", 4: "waiting", 8: "growing its stack", 9: "preempted", 10: "leaked"}
MAX_GOROUTINES, MAX_DEPTH, MAX_GROUPS, MAX_IDS = 200000, 48, 64, 16


def record(log, event, pid):
    groups, total = grouped()
    if groups is None:
        return
    rows = [
        {"count": len(ids), "state": state, "ids": ids[:MAX_IDS], "frames": [describe(pid, pc) for pc in stack]}
        for (state, stack), ids in sorted(groups.items(), key=lambda row: -len(row[1]))[:MAX_GROUPS]
    ]
    log.emit("goroutines", ev=event, total=total, groups=rows)


def grouped():
    """({(state, pcs): goroutine ids}, how many); (None, 0) without the runtime's symbols."""
    value = ffid_go.symbol("runtime.allgs")
    if value is None:
        return None, 0
    groups, total, reasons = {}, 0, Reasons()
    count, array = int(value["len"]) if has(value, "len") else 0, value["array"] if has(value, "array") else None
    for i in range(min(count, MAX_GOROUTINES)):
        g = array[i]
        status = number(g["atomicstatus"]) & ~SCAN
        if status in GONE:
            continue
        total += 1
        state = reasons.of(number(g["waitreason"])) if status == 4 else STATES.get(status, "status %d" % status)
        groups.setdefault((state, stack_of(g)), []).append(int(g["goid"]))
    return groups, total


def has(value, name):
    return any(field.name == name for field in value.type.strip_typedefs().fields())


def number(value):
    """Newer runtimes wrap it in an atomic type of one field."""
    while value.type.strip_typedefs().code == gdb.TYPE_CODE_STRUCT:
        value = value[value.type.strip_typedefs().fields()[-1]]
    return int(value)


def stack_of(g):
    sched, sp = g["sched"], int(g["syscallsp"]) & MASK
    if sp:
        bp = int(g["syscallbp"]) & MASK if has(g.dereference(), "syscallbp") else 0
        return chain(int(g["syscallpc"]) & MASK, bp)
    return chain(int(sched["pc"]) & MASK, int(sched["bp"]) & MASK)


def chain(pc, bp):
    inferior, out = gdb.selected_inferior(), [pc]
    while bp and len(out) < MAX_DEPTH:
        try:
            words = inferior.read_memory(bp, 16).tobytes()
        except (gdb.error, OverflowError):
            break
        above, back = int.from_bytes(words[:8], "little"), int.from_bytes(words[8:], "little")
        if not back:
            break
        out.append(back)
        if above <= bp:
            break
        bp = above
    return tuple(out)


_described = {}


def describe(pid, pc):
    """By symbols alone: there is no frame of gdb's. A waiting goroutine's first pc is a return address like the others."""
    if pc not in _described:
        d = {"pc": hexa(pc), "fn": None}
        row = ffid_maps.current(pid).at(pc)
        if row is not None:
            d["mod"], d["off"] = row[4], hexa(pc - row[0] + row[3])
        try:
            sal, block = gdb.find_pc_line(pc - 1), gdb.block_for_pc(pc - 1)
            while block is not None and block.function is None:
                block = block.superblock
            d["fn"] = block.function.name if block is not None else None
            if sal.symtab:
                d["file"], d["line"] = sal.symtab.fullname(), sal.line
        except (gdb.error, RuntimeError):
            pass
        _described[pc] = d
    return _described[pc]


class Reasons:
    """runtime.waitReasonStrings: an array of Go strings. Read as memory, as gdb 13 crashes on formatting one."""

    def __init__(self):
        self.names = {}
        try:
            self.base = int(gdb.parse_and_eval("(long)&'runtime.waitReasonStrings'")) & MASK
        except gdb.error:
            self.base = None

    def of(self, index):
        if index not in self.names:
            self.names[index] = self.read(index) or "waiting"
        return self.names[index]

    def read(self, index):
        if self.base is None or not 0 <= index < 256:
            return None
        try:
            inferior = gdb.selected_inferior()
            words = inferior.read_memory(self.base + 16 * index, 16).tobytes()
            address, size = int.from_bytes(words[:8], "little"), int.from_bytes(words[8:], "little")
            return inferior.read_memory(address, size).tobytes().decode("utf-8", "replace") if 0 < size < 128 else None
        except (gdb.error, OverflowError):
            return None
