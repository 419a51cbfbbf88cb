import type { Format } from "../model/options.js";
import type { Severity } from "../model/primitives.js";
import type { Report } from "../model/report.js";
import type { Redaction } from "./redact.js";
import type { TerminalOptions } from "./terminal/report.js";

export interface RenderOptions extends TerminalOptions, Redaction {
  /** From here on a finding fails, where a format knows failures. */
  failOn: Severity;
  /** The root of the user's sources; files below it are named relative to it where a format asks for that. */
  sourceRoot: string;
}

export type Renderer = (report: Report, options: RenderOptions) => string;

/** Every format there is, loaded when it is asked for; one more is one line. */
export const renderers: Record<Format, () => Promise<Renderer>> = {
  terminal: async () => (await import("./terminal/report.js")).renderTerminal,
  json: async () => (await import("./json.js")).renderJson,
  sarif: async () => (await import("./sarif/sarif.js")).renderSarif,
  junit: async () => (await import("./junit.js")).renderJunit,
  markdown: async () => (await import("./markdown.js")).renderMarkdown,
};
