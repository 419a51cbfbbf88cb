"""
Deaths that are no signals, seen by breakpoints: a Go runtime's fatal exit, a Rust panic at its first hand, the dynamic linker's
errors, and a signal handler that ends in _exit. Each stands on a function that runs rarely, so that a healthy program pays nothing.
"""
import re

import gdb

import ffid_elf
import ffid_go
import ffid_maps
from ffid_log import hexa

# SIGILL, SIGBUS, SIGFPE, SIGSEGV: those that runtimes raise and handle on purpose.
FAULTS = (4, 7, 8, 11)
# In which file, the function that has the reason as a C string, what to call it, and the register that it is in.
LAST_WORDS = (
    (r"/(node|nodejs)$|/libnode\.so", "_ZN4node12OnFatalErrorEPKcS1_", "Node's fatal error", "rsi"),
    (r"/(lib)?python[\d.]*(\.so[\d.]*)?$", "_Py_FatalErrorFunc", "Python's fatal error", "rsi"),
)
LIBC = re.compile(r"/libc[.-][^/]*so[^/]*$")
RUNTIMES = re.compile(r"/(node|nodejs|java|python[\d.]*)$")
SYSTEM_PATHS = ("/usr/lib/", "/lib/", "/lib64/", "/usr/bin/", "/bin/")


class Watch(gdb.Breakpoint):
    def __init__(self, spec, what, log):
        super().__init__(spec, internal=True, qualified=True)
        self.silent = True
        self.what, self.log = what, log


class LinkerError(Watch):
    """_dl_signal_error(errcode, object, occasion, text) and _dl_signal_exception(errcode, {object, text}, occasion) of glibc."""

    def stop(self):
        try:
            inferior = gdb.selected_inferior()
            words = {r: int(gdb.parse_and_eval("$" + r)) & ((1 << 64) - 1) for r in ("rdi", "rsi", "rdx", "rcx")}
            if self.what == "exception":
                pair = inferior.read_memory(words["rsi"], 16).tobytes()
                obj, text, occasion = int.from_bytes(pair[:8], "little"), int.from_bytes(pair[8:], "little"), words["rdx"]
            else:
                obj, text, occasion = words["rsi"], words["rcx"], words["rdx"]
            self.log.emit("linker-error", pid=inferior.pid, tid=gdb.selected_thread().ptid[1], errno=words["rdi"] & 0x7FFFFFFF,
                          object=cstring(inferior, obj), text=cstring(inferior, text), occasion=cstring(inferior, occasion))
        except (gdb.error, RuntimeError):
            pass
        return False


class HandlerInstalled(Watch):
    """sigaction(signo, act, old) of libc: whose handler each fatal signal has. glibc's struct sigaction: handler at 0, flags at 136."""

    def stop(self):
        try:
            number, act = int(gdb.parse_and_eval("$rdi")), int(gdb.parse_and_eval("$rsi"))
            if number not in FAULTS or not act:
                return False
            inferior = gdb.selected_inferior()
            handler = int.from_bytes(inferior.read_memory(act, 8).tobytes(), "little")
            flags = int.from_bytes(inferior.read_memory(act + 136, 4).tobytes(), "little")
            ffid_maps.forget()
            row = ffid_maps.current(inferior.pid).at(handler)
            name = gdb.execute("info symbol %d" % handler, to_string=True).split(" in section")[0].split(" + ")[0] if row else None
            self.log.emit("handler", pid=inferior.pid, tid=gdb.selected_thread().ptid[1], sig=number, handler=hexa(handler), flags=flags,
                          mod=row[4] if row else None, fn=None if name and name.startswith("No symbol") else name)
        except (gdb.error, RuntimeError):
            pass
        return False


class LastWords(Watch):
    """What a runtime says when it gives up: Go's throw and fatal (a string in rax and rbx, Go 1.17 and newer), V8's and CPython's by char*."""

    def stop(self):
        try:
            inferior, mask = gdb.selected_inferior(), (1 << 64) - 1
            source, kind = self.what
            if kind == "go":
                address, size = (int(gdb.parse_and_eval("$" + r)) & mask for r in ("rax", "rbx"))
                text = inferior.read_memory(address, min(size, 4096)).tobytes().decode("utf-8", "replace") if size < 1 << 20 else None
            else:
                text = cstring(inferior, int(gdb.parse_and_eval("$" + kind)) & mask)
            if text:
                self.log.emit("said", pid=inferior.pid, tid=gdb.selected_thread().ptid[1], text=text, by=source)
        except (gdb.error, RuntimeError):
            pass
        return False


def cstring(inferior, address, limit=2048):
    """A C string of the target, read in small pieces as it may end right before an unmapped page."""
    out = b""
    while address and len(out) < limit:
        step = min(64, 4096 - (address + len(out)) % 4096)
        try:
            piece = inferior.read_memory(address + len(out), step).tobytes()
        except gdb.error:
            break
        out += piece
        if b"\0" in piece:
            break
    return out.split(b"\0")[0].decode("utf-8", "replace") if address else None


class Watches:
    """Pending until the function is loaded; gdb sets each again in every process of the tree."""

    def __init__(self, log):
        self.log = log
        self.handler_exit, self.all, self.later, self.named, self.searched = [], [], [], set(), set()

    def arm(self):
        gdb.execute("set breakpoint pending on", to_string=True)
        self.add(LinkerError, "_dl_signal_error", "error")
        self.add(LinkerError, "_dl_signal_exception", "exception")

    def add(self, kind, spec, what):
        try:
            self.all.append(kind(spec, what, self.log))
            return self.all[-1]
        except (gdb.error, RuntimeError) as error:
            self.log.emit("warning", what="breakpoint %s" % spec, why=str(error))
            return None

    def loaded(self, path, is_program):
        """A panic is seen in whatever brings Rust's runtime; Go's exit is the only place that every fatal path of it passes."""
        names = ffid_elf.ends_with(path, b"rust_panic") if path not in self.searched and not path.startswith(SYSTEM_PATHS) else []
        self.searched.add(path)
        wanted = [(name, "panic") for name in names if name == "rust_panic" or name.endswith("10rust_panic")]
        # Shells set every handler anew in each child: a tree of them alone is not slowed down for it.
        program = gdb.current_progspace().filename or ""
        if "sigaction" not in self.named and LIBC.search(path) and (not program.startswith(SYSTEM_PATHS) or RUNTIMES.search(program)):
            self.named.add("sigaction")
            self.add(HandlerInstalled, "sigaction", "sigaction")
        if is_program and ffid_go.exit_symbol():
            wanted.append((ffid_go.exit_symbol(), "go-exit"))
            wanted += [(name, ("Go's fatal error", "go")) for name in ("runtime.throw", "runtime.fatal")]
        wanted += [(name, (source, where)) for pattern, name, source, where in LAST_WORDS if re.search(pattern, path)]
        # gdb tells of a program before it knows where it lies, and cannot insert anything there yet.
        if is_program and ffid_elf.is_position_independent(path):
            self.later += wanted
            return
        wanted, self.later = self.later + wanted, []
        for name, what in wanted:
            if name not in self.named:
                self.named.add(name)
                self.add(LastWords if isinstance(what, tuple) else Watch, name, what)

    def revive(self):
        """A program that lacks the function makes gdb disable its breakpoint, for the programs after it as well (location_to_sals)."""
        for watch in self.all:
            if watch.is_valid() and not watch.enabled:
                watch.enabled = True

    def arm_handler_exit(self):
        """After the first caught fault: a crash handler may end the process by _exit, and no signal would ever show it."""
        if not self.handler_exit:
            found = self.add(Watch, "_exit", "handler-exit")
            self.handler_exit = [found] if found else [None]


def panic_payload(inferior):
    """
    The message behind `rust_panic(&mut dyn PanicPayload)`: its data holds a &str or a formatted String whose layout Rust does not
    promise. Every reading is checked to be text in full; none holds, none is told.
    """
    mask = (1 << 64) - 1
    try:
        data = int(gdb.parse_and_eval("$rdi")) & mask
        words = [int.from_bytes(inferior.read_memory(data + 8 * i, 8).tobytes(), "little") for i in range(6)]
    except (gdb.error, RuntimeError):
        return None
    for i in range(4):
        for pointer, length, capacity in ((words[i], words[i + 1], None), (words[i + 1], words[i + 2], words[i])):
            if not 1 <= length <= 8192 or pointer < 4096 or (capacity is not None and not length <= capacity <= 1 << 40):
                continue
            try:
                text = inferior.read_memory(pointer, length).tobytes().decode("utf-8")
            except (gdb.error, UnicodeDecodeError):
                continue
            if all(c.isprintable() or c in "\n\t" for c in text):
                return text
    return None
