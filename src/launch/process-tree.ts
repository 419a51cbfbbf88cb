import { readdirSync, readFileSync } from "node:fs";

interface ProcessRow {
  pid: number;
  parent: number;
  tracer: number;
  state: string;
}

/** Every process that can be seen in /proc (proc(5)); those that vanish meanwhile are left out. */
function allProcesses(): ProcessRow[] {
  const rows: ProcessRow[] = [];
  for (const name of readdirSync("/proc")) {
    if (!/^\d+$/.test(name)) {
      continue;
    }
    try {
      const status = readFileSync(`/proc/${name}/status`, "utf8");
      const field = (key: string): string => new RegExp(`^${key}:\\s*(\\S+)`, "m").exec(status)?.[1] ?? "0";
      rows.push({
        pid: Number(name),
        parent: Number(field("PPid")),
        tracer: Number(field("TracerPid")),
        state: field("State"),
      });
    } catch {}
  }
  return rows;
}

/** Processes that a debugger traces now, zombies left out. */
export function tracedBy(tracer: number): { pid: number; stopped: boolean }[] {
  return allProcesses()
    .filter((row) => row.tracer === tracer && row.state !== "Z" && row.state !== "X")
    .map((row) => ({ pid: row.pid, stopped: row.state === "t" || row.state === "T" }));
}

/** A process and all that descend from it, children last; zombies left out. */
export function descendants(root: number): number[] {
  const rows = allProcesses().filter((row) => row.state !== "Z" && row.state !== "X");
  const out = rows.some((row) => row.pid === root) ? [root] : [];
  const frontier = [root];
  for (let parent = frontier.pop(); parent !== undefined; parent = frontier.pop()) {
    for (const row of rows.filter((r) => r.parent === parent)) {
      out.push(row.pid);
      frontier.push(row.pid);
    }
  }
  return out;
}

/** Sends a signal; a process that is gone already is no error. */
export function send(pid: number, signal: NodeJS.Signals | number): boolean {
  try {
    process.kill(pid, signal);
    return true;
  } catch {
    return false;
  }
}

/** The soft limit of open files that this process was started under: Node raises its own, the parent still has the old one. */
export function inheritedNofile(): string {
  try {
    const line = /^Max open files\s+(\d+)/m.exec(readFileSync(`/proc/${process.ppid}/limits`, "utf8"));
    return line?.[1] ?? "-";
  } catch {
    return "-";
  }
}
