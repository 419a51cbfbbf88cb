/** A file of memcheck's, made of parts. */
export function document(body: string, { pid = 100, parent = 1, command = ["/app/host"] } = {}): string {
  const [exe = "", ...args] = command;
  return `<?xml version="1.0"?>

<valgrindoutput>

<protocolversion>4</protocolversion>
<protocoltool>memcheck</protocoltool>

<preamble>
  <line>Using Valgrind-3.19.0 and LibVEX; rerun with -h for copyright info</line>
</preamble>

<pid>${pid}</pid>
<ppid>${parent}</ppid>
<tool>memcheck</tool>

<args>
  <vargv>
    <exe>/usr/bin/valgrind.bin</exe>
    <arg>--tool=memcheck</arg>
  </vargv>
  <argv>
    <exe>${exe}</exe>
${args.map((arg) => `    <arg>${arg}</arg>`).join("\n")}
  </argv>
</args>

<status>
  <state>RUNNING</state>
</status>

${body}
</valgrindoutput>

`;
}

export const FINISHED = "<status>\n  <state>FINISHED</state>\n</status>\n";

export function frame(fn: string, { ip = "0x48B8BD5", obj = "/app/libstore.so", file = "store.c", line = 7 } = {}) {
  return `<frame><ip>${ip}</ip><obj>${obj}</obj><fn>${fn}</fn><dir>/src</dir><file>${file}</file><line>${line}</line></frame>`;
}

export const MALLOC = frame("malloc", {
  obj: "/usr/libexec/valgrind/vgpreload_memcheck-amd64-linux.so",
  ip: "0x48417B4",
});
export const FREE = frame("free", { obj: "/usr/libexec/valgrind/vgpreload_memcheck-amd64-linux.so", ip: "0x4844110" });

/** An error of sentences and stacks, in memcheck's order. */
export function error(
  kind: string,
  parts: readonly (readonly [text: string, ...frames: string[]])[],
  { unique = "0x0", tid = 1 } = {},
): string {
  const told = parts.map(([text, ...frames], i) => {
    const stack = frames.length === 0 ? "" : `<stack>${frames.join("")}</stack>`;
    return i === 0 ? `<what>${text}</what>${stack}` : `<auxwhat>${text}</auxwhat>${stack}`;
  });
  return `<error><unique>${unique}</unique><tid>${tid}</tid><kind>${kind}</kind>${told.join("\n")}</error>\n`;
}

export function leak(kind: string, bytes: number, blocks: number, ...frames: string[]): string {
  return `<error><unique>0x9</unique><tid>1</tid><kind>Leak_${kind}</kind><xwhat><text>${bytes} bytes in ${blocks} blocks are lost</text><leakedbytes>${bytes}</leakedbytes><leakedblocks>${blocks}</leakedblocks></xwhat><stack>${frames.join("")}</stack></error>\n`;
}

export function fatal(name: string, number: number, code: number, address: string | null, ...frames: string[]): string {
  const where = address === null ? "" : `<event>Access not within mapped region</event><siaddr>${address}</siaddr>`;
  return `<fatal_signal><tid>1</tid><signo>${number}</signo><signame>${name}</signame><sicode>${code}</sicode>${where}<stack>${frames.join("")}</stack></fatal_signal>\n`;
}

export function counts(pairs: Readonly<Record<string, number>>): string {
  const told = Object.entries(pairs).map(([u, n]) => `<pair><count>${n}</count><unique>${u}</unique></pair>`);
  return `<errorcounts>${told.join("")}</errorcounts>\n`;
}

/** What valgrind writes to its log with -v. */
export function log(pid: number, files: readonly string[], more = ""): string {
  const own = "/usr/libexec/valgrind/vgpreload_memcheck-amd64-linux.so";
  return [...[...files, own].map((file) => `--${pid}-- Reading syms from ${file}`), more, ""].join("\n");
}
