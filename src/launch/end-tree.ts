import { setTimeout as sleep } from "node:timers/promises";
import { descendants, send } from "./process-tree.js";

const GRACE_MS = 2000;
const ROUND_MS = 50;
const MAX_ROUNDS = 100;

/** Ends a process and its descendants: SIGTERM, two seconds or as long as is said, then SIGKILL until none is left. */
export async function endTree(root: number, known: readonly number[] = [], grace = GRACE_MS): Promise<void> {
  const targets = (): number[] => [...new Set([...descendants(root), ...known.flatMap((pid) => descendants(pid))])];
  for (const pid of targets()) {
    send(pid, "SIGTERM");
  }
  const until = Date.now() + grace;
  while (Date.now() < until && targets().length > 0) {
    await sleep(ROUND_MS);
  }
  for (let round = 0; round < MAX_ROUNDS; round += 1) {
    const left = targets();
    if (left.length === 0) {
      return;
    }
    for (const pid of left) {
      send(pid, "SIGKILL");
    }
    await sleep(ROUND_MS);
  }
}
