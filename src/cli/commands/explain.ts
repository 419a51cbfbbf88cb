import { Command } from "commander";

/** `explain <code>`: the page on a finding code; without one, the list. */
export function explainCommand(): Command {
  return new Command("explain")
    .description("Say what a finding code means and what usually causes it; without a code, list them all.")
    .argument("[code]", "such as null-dereference")
    .action(async (code: string | undefined) => {
      const { explainCode, listCodes } = await import("../../session/explain.js");
      if (code === undefined) {
        const rows = listCodes().map((row) => `${row.code.padEnd(26)} ${row.title}`);
        process.stdout.write(`${rows.join("\n")}\n`);
        return;
      }
      const { entry, page } = explainCode(code);
      const weakness = entry.cwe === null ? "" : `, CWE-${entry.cwe}`;
      process.stdout.write(`${plain(page, `${entry.severity}${weakness}`)}\n`);
    });
}

/** Markdown as a terminal shows it best: headings in capitals, links as their text. */
function plain(page: string, rank: string): string {
  return page
    .trim()
    .split("\n")
    .map((line) => {
      if (line.startsWith("# ")) {
        return `${line.slice(2)} (${rank})`;
      }
      return line.startsWith("## ") ? line.slice(3).toUpperCase() : line.replace(/\[([^\]]+)\]\([^)]+\)/g, "$1");
    })
    .join("\n");
}
