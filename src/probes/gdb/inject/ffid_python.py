"""
CPython's own frames, read from memory without calling anything: at a crash no code of the target may run. Layouts of 3.11 and 3.12 by
measurement (offsetof over their own headers, 64 bit); from 3.13 on by the table that CPython carries for this purpose
(_Py_DebugOffsets at the head of _PyRuntime).
"""
import gdb

MASK = (1 << 64) - 1
EVAL = "_PyEval_EvalFrameDefault"
MAX_FRAMES, MAX_THREADS, MAX_INTERPRETERS = 1024, 4096, 64
MAX_TEXT, MAX_TABLE = 4096, 1 << 20
OWNED_BY_C_STACK = 3
COOKIE = b"xdebugpy"

# frame: where the thread state has its newest frame; "entry": how the first frame of one C call of the evaluator is told.
LAYOUTS = {
    (3, 11): {
        "interpreters": 40, "next_interpreter": 0, "threads": 16, "next": 8, "native_id": 160, "frame": (56, 8), "previous": 48, "owner": 69,
        "entry": 68, "code": 32, "instruction": 56, "filename": 112, "qualname": 128, "linetable": 136, "firstline": 72, "bytecode": 184,
        "ascii": 48, "compact": 72,
    },
    (3, 12): {
        "interpreters": 40, "next_interpreter": 0, "threads": 72, "next": 8, "native_id": 144, "frame": (56, 0), "previous": 8, "owner": 70,
        "entry": None, "code": 0, "instruction": 56, "filename": 112, "qualname": 128, "linetable": 136, "firstline": 68, "bytecode": 192,
        "ascii": 40, "compact": 56,
    },
}
# Places in _Py_DebugOffsets, in 8-byte words from the cookie (pycore_runtime.h of 3.13).
TABLE_313 = {
    "interpreters": 5, "next_interpreter": 8, "threads": 9, "next": 21, "frame": 23, "native_id": 25, "previous": 29, "code": 30,
    "instruction": 31, "owner": 33, "filename": 35, "qualname": 37, "linetable": 38, "firstline": 39, "bytecode": 43,
}


class Memory:
    def __init__(self, inferior):
        self.inferior = inferior

    def bytes(self, address, size):
        return self.inferior.read_memory(address, size).tobytes()

    def word(self, address):
        return int.from_bytes(self.bytes(address, 8), "little")

    def int32(self, address):
        return int.from_bytes(self.bytes(address, 4), "little", signed=True)

    def byte(self, address):
        return self.bytes(address, 1)[0]


def runtime():
    """The address of _PyRuntime in the selected process, or None where this is no CPython."""
    try:
        return int(gdb.parse_and_eval("(long)&_PyRuntime")) & MASK
    except gdb.error:
        return None


def layout_of(memory, base):
    if memory.bytes(base, 8) == COOKIE:
        words = [int.from_bytes(memory.bytes(base + 8 * i, 8), "little") for i in range(44)]
        if words[2]:
            return None  # Free-threaded: references to code are tagged and frames move.
        found = {name: words[i] for name, i in TABLE_313.items()}
        return {**found, "frame": (found["frame"],), "entry": None, "ascii": 40, "compact": 56}
    try:
        version = int(gdb.parse_and_eval("*(unsigned long *)&Py_Version"))
    except gdb.error:
        return None
    return LAYOUTS.get((version >> 24, version >> 16 & 0xFF))


def chunks(tid):
    """
    The Python frames of a thread, innermost first, in one list for each call of the evaluator; None where they cannot be told.
    A frame is (qualified name, file, line).
    """
    base = runtime()
    if base is None:
        return None
    memory = Memory(gdb.selected_inferior())
    try:
        layout = layout_of(memory, base)
        state = layout and thread_state(memory, layout, base, tid)
        if not state:
            return None
        return read_chunks(memory, layout, state)
    except (gdb.error, OverflowError):
        return None


def thread_state(memory, layout, base, tid):
    interpreter = memory.word(base + layout["interpreters"])
    for _ in range(MAX_INTERPRETERS):
        if not interpreter:
            return None
        state = memory.word(interpreter + layout["threads"])
        for _ in range(MAX_THREADS):
            if not state:
                break
            if memory.word(state + layout["native_id"]) == tid:
                return state
            state = memory.word(state + layout["next"])
        interpreter = memory.word(interpreter + layout["next_interpreter"])
    return None


def read_chunks(memory, layout, state):
    frame = state
    for offset in layout["frame"]:
        frame = memory.word(frame + offset)
    out = [[]]
    for _ in range(MAX_FRAMES):
        if not frame:
            break
        try:
            if memory.byte(frame + layout["owner"]) == OWNED_BY_C_STACK:
                out.append([])  # The shim frame that each call of the evaluator puts below its first one (3.12 and newer).
            else:
                out[-1].append(describe(memory, layout, frame))
                if layout["entry"] is not None and memory.byte(frame + layout["entry"]):
                    out.append([])
            frame = memory.word(frame + layout["previous"])
        except gdb.error:
            break
    return [chunk for chunk in out if chunk]


def describe(memory, layout, frame):
    code = memory.word(frame + layout["code"]) & ~7
    at = memory.word(frame + layout["instruction"]) - (code + layout["bytecode"])
    table = memory.word(code + layout["linetable"])
    size = memory.word(table + 16)
    line = None
    if 0 <= at < MAX_TABLE and size < MAX_TABLE:
        line = line_of(memory.bytes(table + 32, size), memory.int32(code + layout["firstline"]), at // 2)
    return text(memory, layout, memory.word(code + layout["qualname"])), text(memory, layout, memory.word(code + layout["filename"])), line


def text(memory, layout, address):
    """A compact str object: length at 16, state bits at 32 (kind in bits 2-4, ascii in bit 6), characters after its head."""
    length, state = memory.word(address + 16), memory.bytes(address + 32, 4)[0]
    kind, ascii_only = state >> 2 & 7, state >> 6 & 1
    if kind not in (1, 2, 4):
        return None
    head = layout["ascii"] if ascii_only else layout["compact"]
    data = memory.bytes(address + head, min(length, MAX_TEXT) * kind)
    return data.decode({1: "latin-1", 2: "utf-16-le", 4: "utf-32-le"}[kind], "replace")


def line_of(table, line, unit):
    """The line of one code unit in a location table (CPython's Objects/locations.md); None where the table has none for it."""
    i, at = 0, 0
    while i < len(table):
        head = table[i]
        code, length = head >> 3 & 15, (head & 7) + 1
        i += 1
        if code in (13, 14):
            delta, shift, j = 0, 0, i
            while j < len(table):
                delta |= (table[j] & 63) << shift
                shift += 6
                j += 1
                if not table[j - 1] & 64:
                    break
            line += -(delta >> 1) if delta & 1 else delta >> 1
        elif 10 <= code <= 12:
            line += code - 10
        at += length
        if unit < at:
            return None if code == 15 else line
        while i < len(table) and not table[i] & 128:
            i += 1
    return None


def joined(frames, tid):
    """Puts the Python frames behind the frame of the evaluator that runs them. Without both sides, the native stack stays as it is."""
    places = [i for i, frame in enumerate(frames) if frame.get("fn") == EVAL]
    found = chunks(tid) if places else None
    if not found:
        return frames
    out, rest = [], list(found)
    for i, frame in enumerate(frames):
        out.append(frame)
        if frame.get("fn") == EVAL and rest:
            out += [
                {"pc": frame["pc"], "fn": name, "file": file, "line": line, "lang": "python", "mod": frame.get("mod"), "kind": "interpreted"}
                for name, file, line in rest.pop(0)
            ]
    return out
