import { loadedAt, type ProcessRecord } from "./process-record.js";
import type { ReportStack, SanitizerReport } from "./report.js";

const RUNTIME = /\/lib(tsan|clang_rt\.tsan)[\w.-]*\.so/;

/**
 * Whether ThreadSanitizer can judge a race: of code without its checks it sees the calls of libc, and not the atomics that order them.
 * Without a record of what was loaded nobody can tell, and it is believed.
 */
export function canJudge(report: SanitizerReport, record: ProcessRecord | null): boolean {
  if (report.checker !== "ThreadSanitizer" || !/^(data race|heap-use-after-free)/.test(report.kind)) {
    return true;
  }
  return record === null || report.stacks.every((stack) => stack.role === "alloc" || isChecked(stack, record));
}

function isChecked({ frames }: ReportStack, record: ProcessRecord): boolean {
  for (const { pc } of frames) {
    const loaded = pc === null ? null : loadedAt(record, pc);
    if (loaded === null || !RUNTIME.test(loaded.path)) {
      return loaded === null || loaded.checks.includes("thread");
    }
  }
  return true;
}
