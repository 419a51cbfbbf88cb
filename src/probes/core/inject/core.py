"""
gdb's side of a look at a core file, which gdb has loaded: what killed the process, and every context that was interrupted by a signal
and is still there: below a signal trampoline of any thread, in what Go's runtime noted of it, or in the frame of a handler that has
returned already. Decides nothing: the records are those of a capture beside the process, read by the same rules.

Environment: FFID_LOG record file, FFID_FACTS what ffi-doctor read of the core itself (JSON).
"""
import json
import os
import re
import sys

import gdb

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(HERE, "..", "..", "gdb", "inject")]
import ffid_context
import ffid_frames
import ffid_go
import ffid_goroutines
import ffid_jit
import ffid_maps
import ffid_python
import ffid_snapshot
from ffid_log import Log, hexa

MASK = (1 << 64) - 1
OLDEST = 10
LIGHT_FRAMES = 16
MAX_THREADS = 2000
SETTINGS = (
    "set pagination off", "set confirm off", "set style enabled off", "set print frame-arguments none", "set backtrace past-main off",
    "set language c", "set max-value-size 65536", "set print max-symbolic-offset 0x100000",
)


def execute(command):
    return gdb.execute(command, to_string=True)


class Look:
    def __init__(self, log, facts):
        self.log, self.facts, self.events = log, facts, 0
        self.exe = facts["exe"]
        self.known = facts["machine"] == "x86-64"

    def begin(self):
        """False where gdb could not read the core."""
        for command in SETTINGS:
            execute(command)
        inferior = gdb.selected_inferior()
        if not inferior.threads():
            self.log.emit("refused", why="gdb found no thread in it")
            return False
        self.pid = inferior.pid
        ffid_maps.give(self.pid, [(int(a, 16), int(b, 16), perms, int(off, 16), path) for a, b, perms, off, path in self.facts["maps"]])
        ffid_jit.dead(self.pid, self.facts["owner"], self.facts["written"])
        ffid_frames.setup()
        gdb.unwinder.register_unwinder(None, ffid_jit.JitUnwinder(), True)
        ffid_frames.of_core()
        self.log.start_clock()
        self.log.emit("attached", pid=self.pid, gdb=gdb.VERSION, machine=self.facts["machine"])
        argv = self.facts["argv"]
        for spot in self.facts["spots"]:
            self.log.emit("warning", **spot)
        if not self.known:
            self.log.emit("warning", what="contexts of earlier faults", why="what a handler of %s leaves is not taken apart yet" % self.facts["machine"],
                          mend="ffi-doctor gdb-capture -- <command>")
        self.log.emit("process", pid=self.pid, parent=None, exe=self.exe, argv=argv[:64], argc=len(argv))
        self.libraries()
        ffid_jit.prepare(self.pid, self.exe)
        ffid_jit.perf_map(self.pid).refresh()
        return True

    def libraries(self):
        """With libraries of another build around, gdb was told to load no symbols by itself: names must not come from a wrong file."""
        if self.facts["selective"]:
            for path in self.facts["same"]:
                try:
                    execute("sharedlibrary ^%s$" % re.escape(path))
                except gdb.error as error:
                    self.log.emit("warning", what="symbols of %s" % path, why=str(error))
        for path in self.facts["same"]:
            self.log.emit("library", pid=self.pid, path=path)
        for path, build_id in self.facts["foreign"]:
            ffid_maps.foreign.add(path)
            self.log.emit("library", pid=self.pid, path=path, foreign=build_id or "")

    # -- threads

    def whole(self, thread, arg_frames=16):
        """(frames, why ended, goid) from where the thread is, through handlers, to its start."""
        tid = thread.ptid[1]
        if ffid_go.is_go(self.exe):
            try:
                return ffid_go.joined(self.pid, tid, arg_frames)
            except gdb.error as error:
                frames, stop = ffid_frames.full(self.pid, arg_frames)
                return frames, stop or str(error), None
        frames, stop = ffid_frames.full(self.pid, arg_frames)
        return ffid_python.joined(frames, tid), stop, None

    def thread(self, thread):
        """All of one thread: (frames, why ended, goid, contexts with the place of their stack in frames)."""
        thread.switch()
        frames, stop, goid = self.whole(thread)
        if not self.known:
            return frames, stop, goid, []
        contexts = ffid_context.find(self.pid, thread.ptid[1], self.facts["signal"])
        return frames, stop, goid, ffid_context.behind_sigpanic(thread.ptid[1], frames) + contexts

    def stack_of(self, context, thread, frames, stop, goid):
        """What was interrupted: the part of the whole stack below the handler, else walked from its registers."""
        at = next((i for i, frame in enumerate(frames) if i > 0 and frame["pc"] == hexa(context.pc) and below_handler(frames[i - 1])), None)
        if at is not None:
            return frames[at:], stop, goid
        with ffid_frames.moved_to(context.pc, context.registers.get("rsp"), context.registers.get("rbp"), context.others(), exact=True):
            return self.whole(thread)

    def emit_context(self, context, thread, whole):
        frames, stop, goid = self.stack_of(context, thread, *whole)
        ident = self.stop(thread, context.name, context.info, "caught", context.pc, context.registers, frames, stop, source=context.source)
        self.details(ident, thread, context.pc, None, context.registers, frames, stop, goid)

    def stop(self, thread, name, info, disposition, pc, registers, frames, stop, **more):
        ident, self.events = self.events, self.events + 1
        row = ffid_maps.current(self.pid).at(pc)
        self.log.emit("stop", ev=ident, pid=self.pid, tid=thread.ptid[1], name=thread.name, sig=name, si=info, disp=disposition, pc=hexa(pc),
                      mod=row[4] if row else None, exe=self.exe, insn=instruction(pc, row), regs=hexed(registers), heavy=True,
                      frames=frames[:LIGHT_FRAMES], stop=stop, **more)
        return ident

    def details(self, ident, thread, pc, frame, registers, frames, stop, goid):
        if is_here(ffid_maps.current(self.pid).at(pc)):
            start = ffid_snapshot.function_start(frame, pc)
            self.log.emit("disassembly", ev=ident, rows=ffid_snapshot.disassembly_at(architecture(), pc, start))
        self.log.emit("memory", ev=ident, rows=ffid_snapshot.memory(gdb.selected_inferior(), hexed(registers), ffid_maps.current(self.pid)))
        self.log.emit("stack", ev=ident, tid=thread.ptid[1], goid=goid, frames=frames, stop=stop)

    # -- the order in which it is told: what matters most first, as gdb may not live to the end

    def run(self):
        dying = gdb.selected_thread()
        frame = gdb.newest_frame()
        pc, registers = frame.pc() & MASK, {name: int(text, 16) for name, text in ffid_snapshot.registers(frame).items()}
        info = ffid_snapshot.siginfo()
        signal = None if is_debuggers(info, pc) else self.facts["signal"]
        frames, stop, goid, contexts = self.thread(dying)
        if signal is None:
            terminal, self.events = self.events, self.events + 1
            self.log.emit("interrupted", ev=terminal, pid=self.pid, tid=dying.ptid[1], name=dying.name, exe=self.exe, pc=hexa(pc))
        else:
            contexts = contexts or ffid_context.returned(self.pid, signal, info, registers)
            for context in contexts:
                self.guarded("a context on the stack of thread %d" % dying.ptid[1], self.emit_context, context, dying, (frames, stop, goid))
            name = ffid_context.NAMES.get(signal, "signal %d" % signal)
            terminal = self.stop(dying, name, info, "default", pc, registers, frames, stop)
        self.details(terminal, dying, pc, gdb.newest_frame(), registers, frames, stop, goid)
        inferior, maps = gdb.selected_inferior(), ffid_maps.current(self.pid)
        self.log.emit("maps", ev=terminal, rows=[[hexa(a), hexa(b), perms, hexa(off), path] for a, b, perms, off, path in maps.rows])
        self.log.emit("modules", ev=terminal, rows=ffid_snapshot.modules(maps))
        self.log.emit("abort-message", ev=terminal, text=ffid_snapshot.abort_message(inferior))
        if signal is not None:
            self.log.emit("terminal", ev=terminal, pid=self.pid)
        self.log.emit("thread", ev=terminal, tid=dying.ptid[1], name=dying.name, goid=goid, frames=frames, stop=stop)
        self.others(terminal, dying)
        if ffid_go.is_go(self.exe):
            self.guarded("goroutines", ffid_goroutines.record, self.log, terminal, self.pid)
        self.log.emit("heavy-end", ev=terminal)

    def others(self, terminal, dying):
        for i, thread in enumerate(sorted(gdb.selected_inferior().threads(), key=lambda t: t.num)):
            if i >= MAX_THREADS:
                self.log.emit("warning", what="threads", why="more than %d threads; the rest was not walked" % MAX_THREADS)
                break
            if thread.ptid != dying.ptid:
                self.guarded("thread %d" % thread.ptid[1], self.other, terminal, thread)
        dying.switch()

    def other(self, terminal, thread):
        frames, stop, goid, contexts = self.thread(thread)
        for context in contexts:
            self.emit_context(context, thread, (frames, stop, goid))
        self.log.emit("thread", ev=terminal, tid=thread.ptid[1], name=thread.name, goid=goid, frames=frames, stop=stop)

    def guarded(self, what, do, *args):
        try:
            do(*args)
        except (gdb.error, RuntimeError) as error:
            self.log.emit("warning", what=what, why=str(error))


def is_debuggers(info, pc):
    """A SIGTRAP that stopped a process under a debugger, which then wrote the core: not of an int3 in its code, nor sent by anybody."""
    if info.get("signo") != ffid_snapshot.SIGTRAP:
        return False
    if info.get("code", 0) == ffid_context.SI_TKILL or info.get("sender", gdb.selected_inferior().pid) != gdb.selected_inferior().pid:
        return False
    try:
        return gdb.selected_inferior().read_memory(pc - 1, 1).tobytes() != b"\xcc"
    except gdb.error:
        return True


def below_handler(frame):
    return frame.get("kind") == "signal" or frame["fn"] in ffid_frames.SIGPANIC


def architecture():
    return gdb.newest_frame().architecture()


def is_here(row):
    return row is None or row[4] not in ffid_maps.foreign


def instruction(pc, row):
    try:
        return architecture().disassemble(pc)[0]["asm"] if is_here(row) else None
    except gdb.error:
        return None


def hexed(registers):
    return {name: hexa(value) for name, value in registers.items()}


def main():
    log = Log(os.environ["FFID_LOG"])
    with open(os.environ["FFID_FACTS"]) as source:
        facts = json.load(source)
    if int(gdb.VERSION.split(".")[0]) < OLDEST:
        return log.emit("refused", why="gdb %s is too old; %d or newer is needed" % (gdb.VERSION, OLDEST))
    look = Look(log, facts)
    try:
        if look.begin():
            look.run()
            log.emit("end", stops=look.events, full=log.failed)
    except Exception as error:  # A bug of ours, or a core damaged in a way that nobody thought of: what is written so far stays.
        import traceback
        log.emit("bug", why=str(error), trace=traceback.format_exc())


main()
