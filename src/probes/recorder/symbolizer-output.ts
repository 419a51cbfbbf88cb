import type { Named } from "./symbols.js";

/**
 * The answers of llvm-symbolizer (--output-style=LLVM), one for each address in their order: pairs of lines, a function and its place,
 * innermost first; then an empty line. Answers that are missing, as the tool was ended, are empty.
 */
export function readLlvm(output: string, count: number): Named[][] {
  const answers = output.split(/\n\n/).map((answer) => answer.split("\n").filter((line) => line !== ""));
  return Array.from({ length: count }, (_, i) => pairs(answers[i] ?? []));
}

/** Those of addr2line -a -f -i: each begins with its address. */
export function readAddr2line(output: string, count: number): Named[][] {
  const answers: string[][] = [];
  for (const line of output.split("\n")) {
    if (/^0x[0-9a-f]{8,16}$/.test(line)) {
      answers.push([]);
    } else if (line !== "") {
      answers.at(-1)?.push(line);
    }
  }
  return Array.from({ length: count }, (_, i) => pairs(answers[i] ?? []));
}

function pairs(lines: readonly string[]): Named[] {
  const out: Named[] = [];
  for (let i = 0; i + 1 < lines.length; i += 2) {
    const name = lines[i] ?? "??";
    const place = placeOf(lines[i + 1] ?? "");
    if (name !== "??" || place.file !== null) {
      out.push({ function: name === "??" ? null : name, ...place });
    }
  }
  return out;
}

/** "/src/a.c:12:5", "/src/a.c:12 (discriminator 2)", "??:0". */
function placeOf(text: string): Pick<Named, "file" | "line"> {
  const match = /^(.*?):(\d{1,9}|\?)(?::\d{1,9})?(?: \(discriminator \d+\))?$/.exec(text);
  const file = match?.[1] ?? "??";
  const line = Number(match?.[2] ?? 0);
  return { file: file === "??" || file === "" ? null : file, line: line > 0 ? line : null };
}

/** The first instruction that objdump shows: "  401136:\tmov    (%rdi),%rax". */
export function readInstruction(output: string): string | null {
  const match = /^\s*[0-9a-f]+:\t(.+)$/m.exec(output);
  const text = match?.[1]?.trim() ?? null;
  return text === null || text.startsWith("(bad)") ? null : text;
}
