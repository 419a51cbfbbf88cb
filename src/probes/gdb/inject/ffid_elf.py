"""Names in an ELF file's symbol table, found without reading it whole (gABI 4.1). gdb's own search by demangled name depends on its version."""
import mmap
import struct

SHT_SYMTAB, SHT_DYNSYM = 2, 11
MAX_NAMES = 16


def ends_with(path, suffix):
    """Linkage names in .symtab (else .dynsym) that end so. Empty for what cannot be read."""
    try:
        with open(path, "rb") as source:
            data = mmap.mmap(source.fileno(), 0, access=mmap.ACCESS_READ)
        with data:
            return _search(data, suffix)
    except (OSError, ValueError, struct.error, IndexError):
        return []


def is_position_independent(path):
    """Whether a program is loaded wherever the kernel likes (ET_DYN)."""
    try:
        with open(path, "rb") as source:
            return source.read(18)[16:] == b"\x03\x00"
    except OSError:
        return False


def _search(data, suffix):
    if data[:6] != b"\x7fELF\x02\x01":
        return []
    offset, = struct.unpack_from("<Q", data, 40)
    size, count = struct.unpack_from("<HH", data, 58)
    sections = [struct.unpack_from("<IIQQQQIIQQ", data, offset + i * size) for i in range(count)]
    tables = {s[1]: s for s in sections if s[1] in (SHT_SYMTAB, SHT_DYNSYM)}
    table = tables.get(SHT_SYMTAB) or tables.get(SHT_DYNSYM)
    if table is None:
        return []
    _, _, _, _, start, length, _, _, _, _ = sections[table[6]]
    names, at = [], start
    while len(names) < MAX_NAMES:
        at = data.find(suffix + b"\0", at, start + length)
        if at < 0:
            break
        first = data.rfind(b"\0", start, at) + 1
        names.append(data[first:at + len(suffix)].decode("utf-8", "replace"))
        at += len(suffix)
    return names
