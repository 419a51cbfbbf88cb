import type { Format } from "../model/options.js";
import type { Report } from "../model/report.js";
import { renderJson } from "./json.js";
import { renderTerminal, type TerminalOptions } from "./terminal/report.js";

export interface RenderOptions extends TerminalOptions {
  /** Keep memory bytes and secret-looking arguments in formats that are shared. */
  showMemory: boolean;
}

/** Every format there is; one more is one line. */
export const renderers: Record<Format, (report: Report, options: RenderOptions) => string> = {
  terminal: renderTerminal,
  json: renderJson,
};
