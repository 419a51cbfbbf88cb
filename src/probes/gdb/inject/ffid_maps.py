"""The memory map of a process, read from /proc (proc(5)): gdb's own list is text and slower. That of a core file is given."""
import bisect
import os


class Maps:
    def __init__(self, pid, rows=None):
        self.pid = pid
        self.rows = [] if rows is None else rows
        try:
            if rows is None:
                with open("/proc/%d/maps" % pid, "rb") as source:
                    for line in source:
                        self.rows.append(self.parse(line))
        except (OSError, ValueError):
            pass
        self.starts = [row[0] for row in self.rows]

    @staticmethod
    def parse(line):
        fields = line.decode("utf-8", "surrogateescape").rstrip("\n").split(None, 5)
        low, high = (int(x, 16) for x in fields[0].split("-"))
        return (low, high, fields[1], int(fields[2], 16), fields[5] if len(fields) > 5 else "")

    def at(self, address):
        """(start, end, perms, file offset, path) or None."""
        i = bisect.bisect_right(self.starts, address) - 1
        if i >= 0 and self.rows[i][0] <= address < self.rows[i][1]:
            return self.rows[i]
        return None

    def range_of(self, path):
        """Where the loader put a file: its executable mapping and the neighbours in file order, not a second mapping of it as data."""
        low = next((i for i, row in enumerate(self.rows) if row[4] == path and "x" in row[2]), None)
        if low is None:
            return None
        high = low
        while low > 0 and self.rows[low - 1][4] == path and self.rows[low - 1][3] < self.rows[low][3]:
            low -= 1
        while high + 1 < len(self.rows) and self.rows[high + 1][4] == path and self.rows[high + 1][3] >= self.rows[high][3]:
            high += 1
        return (self.rows[low][0], self.rows[high][1])


_cache = {"pid": None, "maps": None}
_given = {}
# Files that are not here as the process had them: what lies at their paths, if anything, says nothing of its code.
foreign = set()


def give(pid, rows):
    """The map of a process that is no more, in address order."""
    _given[pid] = Maps(pid, rows)


def current(pid, fresh=False):
    """The maps of a stopped process; `fresh` rereads them. Stale ones are dropped by forget()."""
    if pid in _given:
        return _given[pid]
    if fresh or _cache["pid"] != pid or _cache["maps"] is None:
        _cache["pid"], _cache["maps"] = pid, Maps(pid)
    return _cache["maps"]


def forget():
    _cache["pid"] = None


def absolute(pid, path):
    """A library that was loaded by a relative name is known to gdb by that name, and to the kernel by its path."""
    if path.startswith("/") or "/" not in path:
        return path
    try:
        return os.path.realpath(os.path.join(os.readlink("/proc/%d/cwd" % pid), path))
    except OSError:
        return path


def executable_anonymous(row):
    """Generated code: no file behind it, or the memfd and perf map names that JITs use."""
    path = row[4]
    return "x" in row[2] and (path == "" or path.startswith(("[anon", "/memfd:", "/dev/zero", "/tmp/perf-")))


def is_running(pid):
    """Whether any thread of a process has not ended yet: a zombie is only waited for (proc_pid_stat(5))."""
    try:
        for task in os.listdir("/proc/%d/task" % pid):
            with open("/proc/%d/task/%s/stat" % (pid, task)) as source:
                if source.read().rpartition(")")[2].split()[0] not in ("Z", "X"):
                    return True
    except OSError:
        pass
    return False
