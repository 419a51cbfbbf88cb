"""
gdb's side of a first-hand capture: attaches to the waiting target, records every fatal-class signal and passes it on, and lets a
process go at the stop after which it certainly dies. Decides nothing else: what an event meant is worked out later from the record.

Environment: FFID_PID target, FFID_LOG record file, FFID_DOCTOR pid of ffi-doctor, FFID_MODE launch|attach, FFID_HOLD the program
that the target waits in. Descriptor 3: one JSON
line to ffi-doctor for each of attached, refused, terminal, done.
"""
import json
import os
import sys
import time

import gdb

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import ffid_frames
import ffid_go
import ffid_jit
import ffid_maps
import ffid_snapshot
import ffid_watch
from ffid_log import Log, hexa

SIGNALS = ("SIGSEGV", "SIGBUS", "SIGILL", "SIGFPE", "SIGABRT", "SIGSYS", "SIGTRAP")
# gdb.execute("continue") returns with one of these as the last event. SIG64 is ffi-doctor's own tap on the shoulder.
WAKE = "SIG64"
HEAVY_PER_SITE = 2
HEAVY_AT_ALL = 64
NEAR_NULL = 65536
MAX_ARGUMENT = 4096
OLDEST = 10
MAX_ERRORS = 200
PATIENCE_S, PAUSE_S = 5.0, 0.01
# No libthread_db: listing threads with it drops those whose process has ended but whose end gdb has not told yet, and gdb then waits
# for ever. Linux tells of every new thread without it.
SETTINGS = (
    "set pagination off", "set confirm off", "set print thread-events off", "set print inferior-events off", "set style enabled off",
    "set debuginfod enabled off", "set auto-load off", "set print frame-arguments none", "set backtrace past-main off", "set language c",
    "set detach-on-fork off", "set schedule-multiple on", "set follow-fork-mode parent", "set follow-exec-mode same",
    "set unwindonsignal on", "set libthread-db-search-path /nonexistent",
    "set max-value-size 65536", "set print max-symbolic-offset 0x100000",
    "handle all nostop noprint pass", "handle SIGINT nostop noprint pass", "handle " + WAKE + " stop print nopass",
)


class OwnTrap:
    """gdb has no signal event for SIGTRAP, as it is mostly its own."""
    stop_signal = "SIGTRAP"


def execute(command):
    return gdb.execute(command, to_string=True)


class Capture:
    def __init__(self):
        self.log = Log(os.environ["FFID_LOG"])
        self.watches = ffid_watch.Watches(self.log)
        self.events, self.stops, self.sites, self.heavies = [], 0, {}, 0
        self.seen, self.loaded, self.libraries, self.dead = {}, {}, set(), set()
        self.doctor = int(os.environ["FFID_DOCTOR"])
        self.waiting = os.path.realpath(os.environ["FFID_HOLD"]) if "FFID_HOLD" in os.environ else None

    def tell(self, kind, **fields):
        try:
            os.write(3, (json.dumps({"k": kind, **fields}) + "\n").encode())
        except OSError:
            pass

    def setup(self):
        for command in SETTINGS:
            try:
                execute(command)
            except gdb.error as error:
                self.log.emit("warning", what=command, why=str(error))
        for name in SIGNALS[:-1]:
            execute("handle %s stop print pass" % name)
        ffid_frames.setup()
        if "x86-64" in execute("show configuration") or os.uname().machine == "x86_64":
            gdb.unwinder.register_unwinder(None, ffid_jit.JitUnwinder(), True)
        # The pid is taken at once: an inferior that has exited no longer tells it.
        gdb.events.stop.connect(lambda event: self.events.append((event, 0)))
        gdb.events.exited.connect(lambda event: self.events.append((event, event.inferior.pid)))
        gdb.events.new_objfile.connect(self.on_objfile)

    def attach(self):
        pid = int(os.environ["FFID_PID"])
        try:
            execute("attach %d" % pid)
        except gdb.error as error:
            self.log.emit("refused", why=str(error))
            self.tell("refused", why=str(error))
            return False
        self.watches.arm()
        self.events.clear()
        self.log.start_clock()
        self.log.emit("attached", pid=pid, gdb=gdb.VERSION, machine=os.uname().machine, mode=os.environ.get("FFID_MODE"))
        if os.environ.get("FFID_MODE") == "attach":
            self.process_facts(pid)
            for objfile in gdb.objfiles():
                if objfile.filename is not None and objfile.owner is None:
                    self.watches.loaded(objfile.filename, objfile.filename == self.exe())
                    if objfile.filename != self.exe():
                        self.library(pid, ffid_maps.absolute(pid, objfile.filename))
        self.tell("attached")
        return True

    # -- what processes there are, and what they load

    def on_objfile(self, event):
        try:
            inferior, path = gdb.selected_inferior(), event.new_objfile.filename
            self.watches.revive()
            if not inferior.pid or path is None:
                return
            if path == gdb.current_progspace().filename:
                self.process_facts(inferior.pid)
                self.watches.loaded(path, True)
                ffid_maps.forget()
            else:
                path = ffid_maps.absolute(inferior.pid, path)
                self.watches.loaded(path, False)
                if event.new_objfile.owner is None:
                    self.library(inferior.pid, path)
                span = ffid_maps.Maps(inferior.pid).range_of(path)
                if span:
                    self.loaded.setdefault(inferior.pid, {})[path] = span
        except (gdb.error, RuntimeError, OSError):
            pass

    def exe(self):
        return gdb.current_progspace().filename or ""

    def process_facts(self, pid):
        try:
            with open("/proc/%d/cmdline" % pid, "rb") as source:
                argv = source.read().decode("utf-8", "replace").split("\0")[:-1]
            with open("/proc/%d/status" % pid) as source:
                parent = next((int(l.split()[1]) for l in source if l.startswith("PPid:")), None)
            exe = os.readlink("/proc/%d/exe" % pid)
        except OSError:
            return
        if exe == self.waiting:
            return  # Still the program that holds the target, before it becomes the target.
        if self.seen.get(pid) != (exe, argv):
            self.seen[pid] = (exe, argv)
            self.loaded.pop(pid, None)
            self.log.emit("process", pid=pid, parent=parent, exe=exe, argv=[a[:MAX_ARGUMENT] for a in argv[:64]], argc=len(argv))

    def library(self, pid, path):
        # The vdso has a description in place of a path.
        if path.startswith("/") and (pid, path) not in self.libraries:
            self.libraries.add((pid, path))
            self.log.emit("library", pid=pid, path=path)

    @staticmethod
    def disposition(pid, number):
        """From /proc/<pid>/status at the stop: not caught means that the default action, death, certainly follows (signal(7))."""
        masks = {}
        try:
            with open("/proc/%d/status" % pid) as source:
                for line in source:
                    if line.startswith(("SigCgt", "SigIgn")):
                        masks[line[:6]] = int(line.split()[1], 16)
        except OSError:
            return "unknown"
        bit = 1 << (number - 1)
        return "caught" if masks.get("SigCgt", 0) & bit else "ignored" if masks.get("SigIgn", 0) & bit else "default"

    # -- stops

    def on_signal(self, event):
        inferior, thread = gdb.selected_inferior(), gdb.selected_thread()
        pid, info, frame = inferior.pid, ffid_snapshot.siginfo(), gdb.newest_frame()
        if pid not in self.seen:
            self.process_facts(pid)
        ffid_maps.forget()
        number = info.get("signo", 0)
        disposition = self.disposition(pid, number) if number else "unknown"
        pc = frame.pc() & ffid_frames.MASK
        ffid_jit.prepare(pid, self.exe())
        row = ffid_maps.current(pid).at(pc)
        is_heavy = disposition != "caught" and disposition != "ignored" or self.worth(pid, pc, row, info)
        ident, self.stops = self.stops, self.stops + 1
        small = ffid_snapshot.light(pid)
        self.log.emit("stop", ev=ident, pid=pid, tid=thread.ptid[1], name=thread.name, sig=event.stop_signal, si=info, disp=disposition,
                      pc=hexa(pc), mod=row[4] if row else None, exe=self.exe(), insn=ffid_snapshot.instruction(frame),
                      regs=ffid_snapshot.registers(frame), heavy=is_heavy, **small)
        if is_heavy:
            self.heavies += 1
            ffid_snapshot.heavy(self.log, ident, inferior, self.exe())
            self.gone(ident, pid)
        if disposition == "default":
            return self.finish(ident, pid, inferior, event.stop_signal)
        if disposition == "caught":
            self.watches.arm_handler_exit()
        return "signal SIGTRAP" if event.stop_signal == "SIGTRAP" else None

    def worth(self, pid, pc, row, info):
        """Runtimes fault on purpose: near null, in generated code, at few places and often. Anything else deserves a full look."""
        key = (pid, pc)
        self.sites[key] = self.sites.get(key, 0) + 1
        if row is not None and ffid_maps.executable_anonymous(row):
            return False
        near_null = int(info.get("addr", "0x0"), 16) < NEAR_NULL
        return self.sites[key] <= HEAVY_PER_SITE and (not near_null or self.heavies < HEAVY_AT_ALL)

    def gone(self, ident, pid):
        """Libraries seen earlier in this process whose mapping is no more: a call into one is a call after unload."""
        now = ffid_maps.current(pid)
        rows = [[path, hexa(a), hexa(b)] for path, (a, b) in self.loaded.get(pid, {}).items() if now.range_of(path) is None]
        if rows:
            self.log.emit("unloaded", ev=ident, rows=rows)

    def finish(self, ident, pid, inferior, name):
        self.log.emit("terminal", ev=ident, pid=pid)
        self.tell("terminal", pid=pid)
        self.dead.add(pid)
        if name == "SIGTRAP":
            return "signal SIGTRAP"  # gdb never passes its own signal on by detaching.
        # Detaching delivers the signal: a natural death with its own core and wait status, and no gdb in the way of a second one.
        execute("detach inferiors %d" % inferior.num)
        return None

    def on_breakpoint(self, event):
        inferior, thread, pid = gdb.selected_inferior(), gdb.selected_thread(), gdb.selected_inferior().pid
        ffid_maps.forget()
        ffid_jit.prepare(pid, self.exe())
        for breakpoint in event.breakpoints:
            what = getattr(breakpoint, "what", None)
            if what is None:
                continue
            small = ffid_snapshot.light(pid)
            common = {"pid": pid, "tid": thread.ptid[1], "name": thread.name, "exe": self.exe(), "pc": hexa(gdb.newest_frame().pc())}
            if what == "panic":
                ident, self.stops = self.stops, self.stops + 1
                self.log.emit("panic", ev=ident, text=ffid_watch.panic_payload(inferior), **common)
                ffid_jit.perf_map(pid).refresh()
                if ffid_go.is_go(self.exe()):
                    frames, stop, goid = ffid_go.joined(pid, thread.ptid[1], 24)
                else:
                    (frames, stop), goid = ffid_snapshot.native(pid, thread, 24), None
                self.log.emit("stack", ev=ident, tid=thread.ptid[1], goid=goid, frames=frames, stop=stop)
            elif what == "go-exit":
                frames, stop, _ = ffid_go.joined(pid, thread.ptid[1], 0)
                fatal = ffid_go.fatal_exit(frames)
                if fatal:
                    ident, self.stops = self.stops, self.stops + 1
                    self.log.emit("exit", ev=ident, how="go", via=fatal, frames=frames, stop=stop, **common)
                    ffid_snapshot.heavy(self.log, ident, inferior, self.exe())
                    self.log.emit("terminal", ev=ident, pid=pid)
                    self.tell("terminal", pid=pid)
            elif what == "handler-exit":
                frames, stop, _ = ffid_frames.walk(pid, 64)
                if any(f.get("kind") == "signal" for f in frames):
                    ident, self.stops = self.stops, self.stops + 1
                    self.log.emit("exit", ev=ident, how="handler", via="_exit", frames=frames, stop=stop, **common)
                    self.log.emit("terminal", ev=ident, pid=pid)
                    self.tell("terminal", pid=pid)
            del small

    def on_wake(self):
        """ffi-doctor asks: look at every process once (a hang), then let all of them go."""
        info = ffid_snapshot.siginfo()
        if info.get("sender") != self.doctor:
            return False
        for inferior in alive():
            try:
                select(inferior)
                ident, self.stops = self.stops, self.stops + 1
                frame, thread = gdb.newest_frame(), gdb.selected_thread()
                self.log.emit("interrupted", ev=ident, pid=inferior.pid, tid=thread.ptid[1], name=thread.name, exe=self.exe(), pc=hexa(frame.pc()))
                ffid_jit.prepare(inferior.pid, self.exe())
                ffid_snapshot.heavy(self.log, ident, inferior, self.exe())
            except (gdb.error, RuntimeError) as error:
                self.log.emit("warning", what="interrupted process %d" % inferior.pid, why=str(error))
        for inferior in alive():
            try:
                execute("detach inferiors %d" % inferior.num)
            except gdb.error as error:
                self.log.emit("warning", what="detach", why=str(error))
        return True

    def on_exit(self, event, pid):
        code = getattr(event, "exit_code", None)
        signal = None
        if code is None:
            value = gdb.convenience_variable("_exitsignal")
            signal = int(value) if value is not None else None
        self.log.emit("exited", pid=pid, code=code, signal=signal)

    def run(self):
        command, errors = "continue", 0
        while True:
            self.events.clear()
            failed = False
            try:
                execute(command)
            except gdb.error as error:
                errors, failed = errors + 1, True
                self.log.emit("warning", what=command, why=str(error))
                if errors > MAX_ERRORS:
                    break
            command = "continue"
            for event, pid in list(self.events):
                try:
                    if isinstance(event, gdb.ExitedEvent):
                        self.on_exit(event, pid)
                    elif isinstance(event, gdb.SignalEvent) and event.stop_signal == WAKE:
                        if self.on_wake():
                            return
                        command = "signal " + WAKE
                    elif isinstance(event, gdb.SignalEvent):
                        command = self.on_signal(event) or command
                    elif type(event) is gdb.StopEvent and ffid_snapshot.is_own_trap(gdb.selected_inferior()):
                        command = self.on_signal(OwnTrap) or command
                    elif isinstance(event, gdb.BreakpointEvent):
                        self.on_breakpoint(event)
                except (gdb.error, RuntimeError, OSError) as error:
                    # The process may be gone under our hands (SIGKILL at a stop): the rest of the tree goes on.
                    self.log.emit("warning", what=type(event).__name__, why=str(error))
            if failed or not gdb.selected_inferior().pid or not gdb.selected_inferior().threads():
                command = "continue"
                if not select_living():
                    break
                forget_ended()


def alive():
    return [i for i in gdb.inferiors() if i.pid and i.threads()]


def select_living():
    """
    Makes a process current from which gdb can go on; False when none is left. One that has ended in the meantime is still listed until
    its end is told, has no registers any more, and to go on from it would wait for ever with all others stopped.
    """
    until = time.monotonic() + PATIENCE_S
    while True:
        rest = [inferior for inferior in alive() if ffid_maps.is_running(inferior.pid)]
        for inferior in rest:
            try:
                select(inferior)
                gdb.newest_frame().pc()
                return True
            except gdb.error:
                continue
        if not rest or time.monotonic() > until:
            return False
        time.sleep(PAUSE_S)


def forget_ended():
    """
    gdb waits for an event in an inferior picked at random, the ended ones too; picking one of those while all that live have theirs
    already (it had stopped them to present another's end) it waits for ever.
    """
    current = gdb.selected_inferior().num
    for inferior in gdb.inferiors():
        if not inferior.pid and inferior.num != current:
            execute("remove-inferiors %d" % inferior.num)


def select(inferior):
    if gdb.selected_inferior().num != inferior.num:
        execute("inferior %d" % inferior.num)
    if gdb.selected_thread() is None:
        inferior.threads()[0].switch()


def main():
    capture = Capture()
    if int(gdb.VERSION.split(".")[0]) < OLDEST:
        return capture.tell("refused", why="gdb %s is too old; %d or newer is needed" % (gdb.VERSION, OLDEST))
    capture.setup()
    if not capture.attach():
        return
    try:
        capture.run()
        capture.log.emit("end", stops=capture.stops, full=capture.log.failed)
    except Exception as error:  # A bug of ours: recorded with its trace, the target let go unharmed.
        import traceback
        capture.log.emit("bug", why=str(error), trace=traceback.format_exc())
        for inferior in alive():
            try:
                execute("detach inferiors %d" % inferior.num)
            except gdb.error:
                pass
    capture.tell("done")


main()
