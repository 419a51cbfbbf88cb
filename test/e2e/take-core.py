"""Writes the core that the kernel would, for machines whose core_pattern hands cores to a program. gdb starts the command."""
import os

import gdb

gdb.execute("set pagination off")
gdb.execute("set confirm off")
gdb.execute("set startup-with-shell on")
gdb.execute("handle all nostop noprint pass")
for name in ("SIGSEGV", "SIGBUS", "SIGABRT", "SIGQUIT"):
    gdb.execute("handle %s stop print pass" % name)
gdb.execute("run")
while gdb.selected_inferior().pid:
    pid, number = gdb.selected_inferior().pid, int(gdb.parse_and_eval("$_siginfo")["si_signo"])
    with open("/proc/%d/status" % pid) as status:
        caught = next(int(line.split()[1], 16) for line in status if line.startswith("SigCgt"))
    if not caught >> (number - 1) & 1:
        gdb.execute("generate-core-file " + os.environ["CORE"])
        gdb.execute("kill")
        break
    gdb.execute("continue")
