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
      process.stdout.write(`${plain(page, `${entry.title} (${entry.severity}${weakness})`)}\n`);
    });
}

/** Markdown as a terminal shows it best: headings in capitals, the rest as it is. */
function plain(page: string, subtitle: string): string {
  return page
    .trim()
    .split("\n")
    .flatMap((line) => {
      if (line.startsWith("# ")) {
        return [line.slice(2), subtitle];
      }
      return [line.startsWith("## ") ? line.slice(3).toUpperCase() : line];
    })
    .join("\n");
}
