import type { HostReport } from "../model/crash.js";

/** HotSpot's own report (hs_err_pid<pid>.log), as far as it bears on where the fault was; null for a text that is none. */
export function parseHsErr(text: string, file: string): HostReport | null {
  const frame = /^# Problematic frame:\s*\n# (.+)$/m.exec(text)?.[1]?.trim();
  if (frame === undefined) {
    return null;
  }
  const java = /^Java frames:.*\n((?:[jJvA ] .*\n)+)/m.exec(text)?.[1] ?? "";
  const frames = [...java.matchAll(/^[jJ]\s+(?:\d+ )?(?:c\d )?([\w$./<>]+)\(/gm)].map((match) => match[1] ?? "");
  return { from: "the JVM's error report", file, frame, scriptFrames: frames };
}
