"""
HotSpot's frames, read from memory without calling anything. The layout comes from the tables that libjvm exports for its own
serviceability agent (vmStructs.hpp), so that it holds for any release. Machine constants that the tables leave out are those of
frame_x86.hpp, unchanged from JDK 8 to 25.
"""
import gdb

import ffid_maps

MASK = (1 << 64) - 1
INTERPRETER_METHOD, INTERPRETER_BCP = -3 * 8, -8 * 8
MAX_HEAPS, MAX_HOPS, MAX_TEXT, MAX_TABLE = 8, 64, 1024, 1 << 16
FIELDS = {
    "CodeCache": ("_heaps",), "GrowableArrayBase": ("_len",), "GrowableArray<int>": ("_data",),
    "CodeHeap": ("_memory", "_segmap", "_log2_segment_size"), "VirtualSpace": ("_low", "_high"), "HeapBlock::Header": ("_used",),
    "CodeBlob": ("_name", "_frame_size"), "CompiledMethod": ("_method",), "nmethod": ("_method",), "Method": ("_constMethod",),
    "ConstMethod": ("_constants", "_name_index", "_code_size"), "ConstantPool": ("_pool_holder", "_source_file_name_index"),
    "InstanceKlass": ("_source_file_name_index",), "Klass": ("_name",), "Symbol": ("_length", "_body"),
    "Abstract_VM_Version": ("_vm_major_version",),
}
SIZES = ("HeapBlock", "ConstMethod", "ConstantPool")


class Unreadable(Exception):
    pass


class Machine:
    """One process's JVM: where its structures have what."""

    def __init__(self, inferior):
        self.inferior = inferior
        self.at, self.size = {}, {}
        self.read_tables()
        self.heaps = self.code_heaps()

    def bytes(self, address, size):
        try:
            return self.inferior.read_memory(address, size).tobytes()
        except (gdb.error, OverflowError) as error:
            raise Unreadable(str(error))

    def number(self, address, size=8):
        return int.from_bytes(self.bytes(address, size), "little")

    def text(self, address):
        data = self.bytes(address, 64)
        return data.split(b"\0")[0].decode("utf-8", "replace")

    def read_tables(self):
        rows = list(self.table("gHotSpotVMStructs", 48))
        for row in rows:
            kind, name = self.text(row[0]), self.text(row[1])
            if name in FIELDS.get(kind, ()):
                self.at[kind + "." + name] = row[5] if row[3] & 0xFFFFFFFF else row[4]
        for row in self.table("gHotSpotVMTypes", 40):
            kind = self.text(row[0])
            if kind in SIZES:
                self.size[kind] = row[4]
        self.major = self.number(self.at["Abstract_VM_Version._vm_major_version"], 4)

    def table(self, symbol, stride):
        address = int(gdb.parse_and_eval("*(unsigned long *)&%s" % symbol))
        while True:
            data = self.bytes(address, stride)
            row = [int.from_bytes(data[i:i + 8], "little") for i in range(0, stride, 8)]
            if not row[0]:
                return
            yield row
            address += stride

    def code_heaps(self):
        array = self.number(self.at["CodeCache._heaps"])
        if not array:
            raise Unreadable("the code cache is not made yet")
        count = self.number(array + self.at["GrowableArrayBase._len"], 4)
        data = self.number(array + self.at["GrowableArray<int>._data"])
        heaps = []
        for i in range(min(count, MAX_HEAPS)):
            heap = self.number(data + 8 * i)
            memory, map_ = heap + self.at["CodeHeap._memory"], heap + self.at["CodeHeap._segmap"]
            heaps.append((self.number(memory + self.at["VirtualSpace._low"]), memory + self.at["VirtualSpace._high"],
                          self.number(map_ + self.at["VirtualSpace._low"]), self.number(heap + self.at["CodeHeap._log2_segment_size"], 4)))
        return heaps

    def blob(self, pc):
        """The CodeBlob that holds an address (CodeHeap::find_block_for); None where there is none."""
        for low, high, segments, shift in self.heaps:
            if not low <= pc < self.number(high):
                continue
            segment = (pc - low) >> shift
            for _ in range(MAX_HOPS):
                back = self.number(segments + segment, 1)
                if back == 0xFF:
                    return None
                if back == 0:
                    break
                segment -= back
            block = low + (segment << shift)
            if not self.number(block + self.at["HeapBlock::Header._used"], 1):
                return None
            return block + self.size["HeapBlock"]
        return None

    def name_of(self, blob):
        return self.text(self.number(blob + self.at["CodeBlob._name"]))

    def caller(self, pc, sp, bp):
        """(pc, sp, bp) of the caller of generated code, or None where a frame pointer must do."""
        blob = self.blob(pc)
        if blob is None or self.name_of(blob) == "Interpreter":
            return None
        words = int.from_bytes(self.bytes(blob + self.at["CodeBlob._frame_size"], 4), "little", signed=True)
        if words <= 1:
            return None
        above = sp + words * 8
        return self.number(above - 8), above, self.number(above - 16)

    def describe(self, pc, bp):
        """(class and method, file, line) of a Java frame, None for code that is HotSpot's own."""
        blob = self.blob(pc)
        if blob is None:
            return None
        name = self.name_of(blob)
        if name == "Interpreter":
            method = self.number(bp + INTERPRETER_METHOD)
            constant = self.number(method + self.at["Method._constMethod"])
            at = self.number(bp + INTERPRETER_BCP) - constant - self.size["ConstMethod"]
            return self.method(constant, at)
        if name in ("nmethod", "native nmethod"):
            method = self.number(blob + self.at.get("nmethod._method", self.at.get("CompiledMethod._method")))
            return self.method(self.number(method + self.at["Method._constMethod"]), None)
        return None

    def method(self, constant, at):
        pool = self.number(constant + self.at["ConstMethod._constants"])
        name = self.entry(pool, self.number(constant + self.at["ConstMethod._name_index"], 2))
        holder = self.number(pool + self.at["ConstantPool._pool_holder"])
        owner = self.symbol(self.number(holder + self.at["Klass._name"])).replace("/", ".")
        # A hidden class has its address in its name, which is another one in each run.
        return "%s.%s" % (owner.partition("+0x")[0], name), self.file(pool, holder), self.line(constant, at)

    def file(self, pool, holder):
        where = self.at.get("ConstantPool._source_file_name_index")
        index = self.number(pool + where, 2) if where is not None else self.number(holder + self.at["InstanceKlass._source_file_name_index"], 2)
        return self.entry(pool, index) if index else None

    def entry(self, pool, index):
        return self.symbol(self.number(pool + self.size["ConstantPool"] + 8 * index))

    def symbol(self, address):
        length = self.number(address + self.at["Symbol._length"], 2)
        return self.bytes(address + self.at["Symbol._body"], min(length, MAX_TEXT)).decode("utf-8", "replace")

    def line(self, constant, at):
        """The line of a bytecode index, from the compressed table that follows the bytecodes (CompressedLineNumberReadStream)."""
        size = self.number(constant + self.at["ConstMethod._code_size"], 2)
        if at is None or not 0 <= at < size:
            return None
        start = constant + self.size["ConstMethod"] + size
        try:
            table = self.bytes(start, 4096)
        except Unreadable:
            return None
        return line_of(table, at, 1 if self.major >= 20 else 0)


def line_of(table, at, excluded):
    index, line, found, i = 0, 0, None, 0
    while i < len(table) and table[i]:
        if table[i] == 0xFF:
            first, i = signed(table, i + 1, excluded)
            second, i = signed(table, i, excluded)
            index, line = index + first, line + second
        else:
            index, line, i = index + (table[i] >> 3), line + (table[i] & 7), i + 1
        if index > at:
            break
        found = line
    return found if found is None or 0 < found < MAX_TABLE else None


def signed(table, i, excluded):
    """UNSIGNED5 (compressedStream.hpp, unsigned5.hpp): 6 bits a byte from the second on; since JDK 20 no byte of it is 0."""
    total, low = 0, 192 - excluded
    for n in range(5):
        if i >= len(table):
            break
        byte = table[i] - excluded
        i += 1
        total += byte << (6 * n)
        if byte < low:
            break
    return (total >> 1) ^ -(total & 1), i


_machines = {}


def prepare(pid):
    """Finds the JVM of the selected process. Not in an unwinder: gdb commands inside one are unsafe."""
    if isinstance(_machines.get(pid), Machine) or not any(row[4].endswith("/libjvm.so") for row in ffid_maps.current(pid).rows):
        return
    try:
        _machines[pid] = Machine(gdb.selected_inferior())
    except (gdb.error, KeyError, Unreadable):
        _machines[pid] = None  # Too early in its life, or a JVM of another make: its frames stay unnamed.


def machine(pid):
    return _machines.get(pid)


def caller(pid, pc, sp, bp):
    try:
        return _machines[pid].caller(pc, sp, bp) if _machines.get(pid) else None
    except Unreadable:
        return None


def describe(pid, pc, bp):
    try:
        return _machines[pid].describe(pc, bp) if _machines.get(pid) else None
    except Unreadable:
        return None
