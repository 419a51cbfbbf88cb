"""What is recorded at a stop: light for signals that are likely to be handled, heavy where the process may have been hurt."""
import gdb

import ffid_frames
import ffid_go
import ffid_jit
import ffid_maps
import ffid_python
from ffid_log import hexa

MASK = (1 << 64) - 1
LIGHT_FRAMES = 16
THREAD_FRAMES = 64
MAX_THREADS = 2000
WINDOW_BEFORE, WINDOW = 32, 96
NOT_POINTERS = ("eflags", "cs", "ss", "ds", "es", "fs", "gs")


def siginfo():
    out = {}
    try:
        si = gdb.parse_and_eval("$_siginfo")
        out["signo"], out["code"], out["errno"] = int(si["si_signo"]), int(si["si_code"]), int(si["si_errno"])
        if out["code"] > 0:
            out["addr"] = hexa(si["_sifields"]["_sigfault"]["si_addr"])
        else:
            out["sender"] = int(si["_sifields"]["_kill"]["si_pid"])
    except (gdb.error, RuntimeError) as error:
        out["error"] = str(error)
    return out


SIGTRAP = 5


def is_own_trap(inferior):
    """A SIGTRAP of the program's: sent to it, or by an int3 in its own code (gdb shows memory without the breakpoints that it has put there)."""
    info = siginfo()
    if info.get("signo") != SIGTRAP:
        return False
    if info.get("code", 0) <= 0:
        return True
    try:
        return inferior.read_memory((gdb.newest_frame().pc() & MASK) - 1, 1).tobytes() == b"\xcc"
    except gdb.error:
        return False


def registers(frame):
    out = {}
    for r in frame.architecture().registers("general"):
        try:
            out[r.name] = hexa(frame.read_register(r))
        except (gdb.error, ValueError):
            continue
    for name in ("fs_base", "gs_base"):
        try:
            out[name] = hexa(frame.read_register(name))
        except (gdb.error, ValueError):
            continue
    return out


def instruction(frame):
    try:
        return frame.architecture().disassemble(frame.pc())[0]["asm"]
    except gdb.error:
        return None


def light(pid):
    frames, stop, _ = ffid_frames.walk(pid, LIGHT_FRAMES)
    return {"frames": frames, "stop": stop}


def heavy(log, event, inferior, exe):
    """In stages, each a line of its own: the dearest and least certain come last."""
    pid, thread = inferior.pid, gdb.selected_thread()
    maps = ffid_maps.current(pid, fresh=True)
    ffid_jit.perf_map(pid).refresh()
    frame = gdb.newest_frame()
    log.emit("maps", ev=event, rows=[[hexa(a), hexa(b), perms, hexa(off), path] for a, b, perms, off, path in maps.rows])
    log.emit("disassembly", ev=event, rows=disassembly(frame))
    log.emit("memory", ev=event, rows=memory(inferior, registers(frame), maps))
    log.emit("abort-message", ev=event, text=abort_message(inferior))
    goid = None
    if ffid_go.is_go(exe):
        frames, stop, goid = ffid_go.joined(pid, thread.ptid[1], 16)
    else:
        frames, stop = native(pid, thread)
    log.emit("stack", ev=event, tid=thread.ptid[1], goid=goid, frames=frames, stop=stop)
    log.emit("modules", ev=event, rows=modules(maps))
    threads(log, event, inferior, thread, exe)
    log.emit("heavy-end", ev=event)


def native(pid, thread, arg_frames=16):
    """The selected thread's whole stack, with the frames of its interpreter."""
    frames, stop = ffid_frames.full(pid, arg_frames)
    return ffid_python.joined(frames, thread.ptid[1]), stop


def disassembly(frame):
    pc = frame.pc() & MASK
    return disassembly_at(frame.architecture(), pc, function_start(frame, pc))


def disassembly_at(arch, pc, start, before=6, after=5):
    rows = []
    try:
        if start is not None and 0 < pc - start < 1 << 16:
            rows = [i for i in arch.disassemble(start, pc - 1) if i["addr"] < pc][-before:]
        rows += arch.disassemble(pc, count=after + 1)
    except gdb.error:
        pass
    return [[hexa(i["addr"]), i["asm"]] for i in rows]


def function_start(frame, pc):
    try:
        function = None if frame is None else frame.function()
        if function is not None:
            return int(function.value().address) & MASK
        text = gdb.execute("info symbol %d" % pc, to_string=True).split(" in section")[0].split(" + ")
        return pc - int(text[1]) if len(text) == 2 and text[1].isdigit() else None
    except (gdb.error, RuntimeError):
        return None


def memory(inferior, values, maps):
    """What each register points to."""
    rows = []
    for name, text in values.items():
        value = int(text, 16)
        row = maps.at(value)
        if row is None or name in NOT_POINTERS or "r" not in row[2]:
            continue
        low = max(row[0], value - WINDOW_BEFORE)
        try:
            data = inferior.read_memory(low, min(WINDOW, row[1] - low)).tobytes()
        except gdb.error:
            continue
        rows.append([name, hexa(low), data.hex()])
    return rows


def abort_message(inferior):
    """glibc keeps the text of its last abort: __abort_msg points at {unsigned size; char text[]} (stdlib/abort.h)."""
    try:
        pointer = int(gdb.parse_and_eval("*(unsigned long *)&__abort_msg"))
        if not pointer:
            return None
        size = int.from_bytes(inferior.read_memory(pointer, 4).tobytes(), "little")
        text = inferior.read_memory(pointer + 4, max(0, min(size - 4, 4096))).tobytes()
        return text.split(b"\0")[0].decode("utf-8", "replace").strip() or None
    except (gdb.error, OverflowError):
        return None


def modules(maps):
    rows = []
    for objfile in gdb.objfiles():
        if not objfile.is_valid() or objfile.filename is None or objfile.owner is not None:
            continue
        path = ffid_maps.absolute(maps.pid, objfile.filename)
        span = maps.range_of(path)
        if span:
            rows.append([path, getattr(objfile, "build_id", None), hexa(span[0]), hexa(span[1])])
    return rows


def threads(log, event, inferior, faulting, exe):
    go = ffid_go.is_go(exe)
    for i, thread in enumerate(sorted(inferior.threads(), key=lambda t: t.num)):
        if i >= MAX_THREADS:
            log.emit("warning", what="threads", why="more than %d threads; the rest was not walked" % MAX_THREADS)
            break
        if thread.ptid == faulting.ptid:
            continue
        try:
            thread.switch()
            goid = None
            if go:
                frames, stop, _ = ffid_frames.walk(inferior.pid, THREAD_FRAMES, until=ffid_go.SWITCH)
                found = ffid_go.goroutine(thread.ptid[1])
                goid = found[0] if found else None
            else:
                frames, stop, _ = ffid_frames.walk(inferior.pid, THREAD_FRAMES, beyond=True)
                frames = ffid_python.joined(frames, thread.ptid[1])
            log.emit("thread", ev=event, tid=thread.ptid[1], name=thread.name, goid=goid, frames=frames, stop=stop)
        except (gdb.error, RuntimeError) as error:
            log.emit("thread", ev=event, tid=thread.ptid[1], name=None, goid=None, frames=[], stop=str(error))
    faulting.switch()
