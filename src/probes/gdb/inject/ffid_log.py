"""The recording: JSON lines in a file of its own, each flushed, so that a dying gdb loses at most the line it was writing."""
import json
import os
import time

STARTED = time.monotonic()


class Log:
    def __init__(self, path):
        # O_EXCL and O_NOFOLLOW: a run directory is ours alone, whatever somebody planted there.
        self.fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_APPEND, 0o600)
        self.failed = False
        self.zero = STARTED

    def start_clock(self):
        """Times are counted from the moment the target was let go."""
        self.zero = time.monotonic()

    def now(self):
        """Milliseconds since the target was let go."""
        return round((time.monotonic() - self.zero) * 1000, 2)

    def emit(self, kind, **fields):
        record = {"k": kind, "t": self.now()}
        record.update(fields)
        # surrogateescape: names in a target need not be UTF-8, and none may stop the recording.
        line = json.dumps(record, ensure_ascii=True, default=str) + "\n"
        try:
            data = line.encode("ascii")
            while data:
                data = data[os.write(self.fd, data):]
        except OSError:
            # A full disk must not end the target's run; the reader sees the missing "end" line.
            self.failed = True


def hexa(value):
    return "0x%x" % (int(value) & 0xFFFFFFFFFFFFFFFF)
