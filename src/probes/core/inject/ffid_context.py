"""
Contexts that a signal interrupted, as they still lie in a core's memory. x86-64: the kernel puts a ucontext and behind it the siginfo
on the handler's stack (struct rt_sigframe), and gdb knows the trampoline by its code.
"""
import struct

import gdb

import ffid_frames
import ffid_go
import ffid_maps
from ffid_log import hexa

MASK = (1 << 64) - 1
NAMES = {3: "SIGQUIT", 4: "SIGILL", 5: "SIGTRAP", 6: "SIGABRT", 7: "SIGBUS", 8: "SIGFPE", 11: "SIGSEGV", 24: "SIGXCPU", 25: "SIGXFSZ", 31: "SIGSYS"}
# Of a fault or an abort. Runtimes use the others among themselves: Go passes SIGQUIT on from thread to thread as it dies.
FAULTS = (4, 5, 6, 7, 8, 11, 31)
DEEPEST = 160
GREGS = ("r8", "r9", "r10", "r11", "r12", "r13", "r14", "r15", "rdi", "rsi", "rbp", "rbx", "rdx", "rax", "rcx", "rsp", "rip", "eflags")
MCONTEXT, RSP_IN, ERR, SIGINFO, SIZE = 40, 160, 192, 304, 304 + 128
# What a processor exception becomes (arch/x86/kernel/traps.c): signal and si_code.
TRAPS = {0: (8, 1), 3: (5, 128), 6: (4, 2), 12: (7, 128), 13: (11, 128), 16: (8, 7), 17: (7, 1), 19: (8, 7)}
PAGE_FAULT, PROTECTED, KERNEL_SPACE = 14, 1, 1 << 47
SYSCALL = b"\x0f\x05"
SI_TKILL, SI_KERNEL = -6, 128
BELOW = 64 << 10
SEARCHED = 64 << 20


class Context:
    def __init__(self, source, number, info, registers):
        self.source, self.number, self.info, self.registers = source, number, info, registers
        self.name, self.pc = NAMES.get(number, "signal %d" % number), registers["rip"]

    def others(self):
        return {name: self.registers[name] for name in GREGS if name in self.registers and name not in ("rip", "rsp", "rbp", "eflags")}


def find(pid, tid, signal):
    """Those below trampolines on the selected thread, outermost, and so the earliest, first. `signal` is the one that it died of."""
    frames, _, cursors = ffid_frames.walk(pid, DEEPEST)
    found = []
    for i, frame in enumerate(frames[:-1]):
        if i < len(cursors) and cursors[i][3] == gdb.SIGTRAMP_FRAME:
            context = read(pid, cursors[i][1], signal)
        else:
            continue
        if context is not None and context.number in FAULTS:
            found.append(context)
    return found[::-1]


def read(pid, address, signal, source="trampoline"):
    """The ucontext there, with its siginfo; None where the bytes say that they are none."""
    try:
        data = gdb.selected_inferior().read_memory(address, SIZE).tobytes()
    except (gdb.error, OverflowError):
        return None
    registers = dict(zip(GREGS, struct.unpack_from("<%dQ" % len(GREGS), data, MCONTEXT)))
    info = siginfo(data) or from_trap(pid, data, registers, signal)
    return None if info is None else Context(source, info["signo"], info, registers)


def siginfo(data):
    """Behind the ucontext, where the handler asked for one (SA_SIGINFO); else there is whatever had been there."""
    number, errno, code = struct.unpack_from("<iii", data, SIGINFO)
    if not 1 <= number <= 64 or errno != 0 or not -64 <= code <= 128:
        return None
    info = {"signo": number, "code": code, "errno": errno}
    if code > 0:
        address, = struct.unpack_from("<Q", data, SIGINFO + 16)
        _, trap, _, cr2 = struct.unpack_from("<4Q", data, ERR)
        if trap == PAGE_FAULT and code != SI_KERNEL and address != cr2:
            return None
        info["addr"] = hexa(address)
    else:
        info["sender"] = struct.unpack_from("<i", data, SIGINFO + 16)[0]
    return info


def from_trap(pid, data, registers, signal):
    """The same from the exception that the processor raised: number, error code and cr2 are in every sigcontext."""
    err, trap, _, cr2 = struct.unpack_from("<4Q", data, ERR)
    if is_after_syscall(registers["rip"]):
        # The process's own raise() or abort(); what the trap fields hold is of an earlier signal.
        return {"signo": signal, "code": SI_TKILL, "errno": 0, "sender": pid} if signal in FAULTS else None
    if trap == PAGE_FAULT:
        code = 2 if err & PROTECTED and cr2 < KERNEL_SPACE else 1
        return {"signo": 7 if signal == 7 else 11, "code": 2 if signal == 7 else code, "errno": 0, "addr": hexa(cr2)}
    if trap not in TRAPS:
        return None
    number, code = TRAPS[trap]
    return {"signo": number, "code": code, "errno": 0, "addr": "0x0" if code == 128 else hexa(registers["rip"])}


def is_after_syscall(pc):
    try:
        return gdb.selected_inferior().read_memory(pc - 2, 2).tobytes() == SYSCALL
    except (gdb.error, OverflowError):
        return False


def behind_sigpanic(tid, frames):
    """Those that Go made look like a call, as far as the stack joined over all switches shows them, in the same order."""
    found = [noted_by_go(tid, frames[i + 1]) for i, frame in enumerate(frames[:-1]) if frame["fn"] in ffid_frames.SIGPANIC]
    return [context for context in found if context is not None and context.number in FAULTS][::-1]


def noted_by_go(tid, frame):
    """Go's runtime keeps the signal in the g that it interrupted (runtime/runtime2.go: sig, sigcode0, sigcode1, sigpc)."""
    pc = int(frame["pc"], 16)
    try:
        m = ffid_go.current_m(tid)
        for name in ("g0", "curg", "gsignal"):
            g = m[name] if m is not None else None
            if g is None or not int(g) or int(g["sigpc"]) & MASK != pc:
                continue
            number, code = int(g["sig"]), int(g["sigcode0"])
            info = {"signo": number, "code": code, "errno": 0, "addr": hexa(g["sigcode1"])}
            registers = {"rip": pc}
            if "sp" in frame:
                registers.update(rsp=int(frame["sp"], 16), rbp=int(frame["bp"], 16))
            return Context("sigpanic", number, info, registers)
    except (gdb.error, RuntimeError):
        pass
    return None


def returned(pid, signal, info, registers):
    """
    A handler that set the default action, raised the signal again and returned: the process died where it had faulted, but with a siginfo
    that raise() made. The kernel's own still lies where the handler's frame was, told by the pair of rsp and rip in it.
    """
    if info.get("code", 0) > 0 or info.get("sender") != pid or signal not in FAULTS or "rip" not in registers:
        return []
    pattern = struct.pack("<QQ", registers["rsp"], registers["rip"])
    for low, length in places(pid, registers["rsp"]):
        at = search(low, length, pattern)
        while at is not None:
            context = read(pid, at - RSP_IN, signal, "returned")
            if context is not None and context.number == signal and context.info["code"] > 0:
                return [context]
            at = search(at + 8, low + length - at - 8, pattern)
    return []


def places(pid, sp):
    """Right below the stack pointer first; then wherever an alternate stack may be."""
    maps = ffid_maps.current(pid)
    row, left = maps.at(sp), SEARCHED
    if row is not None:
        low = max(row[0], sp - BELOW)
        yield low, sp - low
    for start, end, perms, _, path in maps.rows:
        if perms.startswith("rw") and end - start <= left and (path == "" or path.startswith("[")):
            left -= end - start
            yield start, end - start


def search(low, length, pattern):
    try:
        return gdb.selected_inferior().search_memory(low, length, pattern) if length > len(pattern) else None
    except (gdb.error, ValueError, OverflowError, RuntimeError):
        return None
