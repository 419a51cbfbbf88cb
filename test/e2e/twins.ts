import type { Host } from "./hosts.js";

/** What gdb-capture says of a twin. */
export interface Seen {
  code: string;
  /** Null where it depends on the code that the runtime chose. */
  confidence: "proved" | "likely" | null;
  blame: string;
  /** The innermost function that is somebody's own; a module where nobody knows its name. */
  site: RegExp;
  /** The call that crossed, null where the stack shows none. */
  boundary: string | null;
  /** What the target dies of; a number is an exit status. Null where the target itself is not sure. */
  end: "SIGSEGV" | "SIGABRT" | "SIGTRAP" | number | null;
}

/** A mistake that does not show in a crash, and the status that the target then ends with. */
export interface NotSeen {
  notSeen: string;
  status: number;
}

export type Cell = Seen | NotSeen;
type Row = (host: Host) => Cell;

const GO_FATAL = 2;
const HARMLESS_FREE =
  "glibc's free takes no size and no owner, so that nothing happens; a checker of allocations is needed";
const SILENT =
  "it reads or writes memory that is there, so that nothing happens; valgrind or AddressSanitizer is needed";

const shim = (name: string): RegExp => new RegExp(`^ffi_doctor_store::${name}$`);
const notSeen = (why: string, status = 0): NotSeen => ({ notSeen: why, status });

/** A JVM aborts after it has reported a fault; a runtime of Go's ends with a status. */
function ends(host: Host, signal: "SIGSEGV" | "SIGABRT"): Seen["end"] {
  return host.kind === "go" ? GO_FATAL : host.kind === "java" || host.kind === "ffm" ? "SIGABRT" : signal;
}

function inLibrary(code: string, site: string, boundary: string, signal: "SIGSEGV" | "SIGABRT" = "SIGSEGV"): Row {
  return (host) => ({
    code,
    confidence: "proved",
    blame: "library",
    site: shim(site),
    boundary,
    end: ends(host, signal),
  });
}

/** A fault where the host's side uses what it was given. */
function inHost(code: string, sites: Partial<Record<Host["kind"], RegExp>>, more: Partial<Seen> = {}): Row {
  return (host) => ({
    code,
    confidence: "proved",
    blame: host.kind === "c" || host.kind === "rust" ? "unknown" : "boundary",
    site: sites[host.kind] ?? /^koffi\.node$/,
    boundary: null,
    end: ends(host, "SIGSEGV"),
    ...more,
  });
}

const CALLED_BACK = "{closure#1}";

/** Interpreted, Unsafe_GetByte of the JVM; compiled, the method itself. */
const JAVA_READS = /^(Unsafe_GetByte|jdk\.internal\.misc\.|inventory\.)/;
const PYTHON_READS = /^(B_get|_ctypes.*|read_raw_unsigned_data|_cffi_.*)$/;

const twins: Record<string, Row> = {
  "thread-local-runtime": inLibrary("null-dereference", "runtime::Runtime::check_key", "fds_get"),
  "stale-handle": inLibrary("wild-pointer", "ffi::stale::block_checksum", "fds_get"),
  "bytes-use-after-free": inHost("wild-pointer", {
    c: /^checksum_block$/,
    rust: /^rust_host::replica::checksum_block$/,
    // Wherever V8 reads the bytes of an ArrayBuffer.
    napi: /./,
    go: /^main\.checksumBlock$/,
    python: PYTHON_READS,
    java: JAVA_READS,
    ffm: /./,
  }),
  "double-free": inLibrary("double-free", "hot::evict_hot_value", "fds_free_bytes", "SIGABRT"),
  "panic-across-boundary": inLibrary(
    "panic-across-boundary",
    "prefix::trusting::parse_key_prefix",
    "fds_scan_open",
    "SIGABRT",
  ),
  // Go 1.19's handler pushes a frame on the stack that has just run over; a JVM's threads have no other stack for theirs.
  "stack-overflow": (host) => ({
    ...(inLibrary("stack-overflow", "prefix::descend_segment", "fds_scan_open")(host) as Seen),
    // A Rust program's own std looks at its guard page, and aborts.
    end: host.name === "go" || host.name === "go-static" ? GO_FATAL : host.kind === "rust" ? "SIGABRT" : "SIGSEGV",
  }),
  "shrink-forgotten": () => notSeen(HARMLESS_FREE),
  "malloc-dropped-by-rust": () => notSeen(HARMLESS_FREE),
  "box-freed-by-free": () => notSeen(HARMLESS_FREE),
  "off-by-one": (host) =>
    host.kind === "ffm"
      ? notSeen("Java's own bounds check refuses the text, and the program ends by its exception", 70)
      : notSeen(SILENT),
  "argument-kept": () => notSeen(SILENT),
  "uninitialised-field": () => notSeen(SILENT),
  leak: () => notSeen("a leak does not crash"),
  "unaligned-read": (host) => ({
    ...(inLibrary("misaligned-pointer", "magic::read", "fds_put")(host) as Seen),
    blame: "boundary",
  }),
  "wrong-length": (host) => ({
    ...(inLibrary("bad-length", "store::Store::put", "fds_put")(host) as Seen),
    blame: "host",
  }),
  "struct-layout": (host) =>
    inHost(
      "null-dereference",
      {
        c: /^checksum_block$/,
        rust: /^rust_host::replica::checksum_block$/,
        napi: /^checksum_block$/,
        go: /^main\.checksumBlock$/,
        python: PYTHON_READS,
        java: JAVA_READS,
        ffm: /./,
      },
      {
        // Compiled and interpreted Java hold the pointer in different ways.
        confidence: host.kind === "ffm" || host.kind === "java" ? null : "likely",
        // The addon reads it itself, with no other library on the stack.
        ...(host.kind === "napi" ? { blame: "library", boundary: "inventory_checksum" } : {}),
      },
    )(host),
  "truncated-pointer": (host) =>
    inHost(
      "truncated-pointer",
      {
        rust: /^rust_host::layout::label_width$/,
        napi: /^v8::String::NewFromUtf8/,
        c: /^(label_width|show_version|truncated_pointer)$/,
        go: /^_cgo_\w+_Cfunc_strlen$/,
        python: /^(string_at|PyBytes_FromString\w*|b_string)$/,
        java: /^UTF8::unicode_length/,
        ffm: /./,
      },
      { confidence: "likely", boundary: host.kind === "napi" ? "inventory_version" : null },
    )(host),
  "callback-after-close": (host) =>
    inHost(
      "wild-pointer",
      {
        c: /^finish_job$/,
        rust: /^rust_host::callbacks::finish_job$/,
        napi: /^finish_job$/,
        go: /^main\.finishJob$/,
        python: /^(i_set|_ctypes.*|_cffi_.*)$/,
        java: /^finish_job$/,
        ffm: /^Unsafe_PutInt/,
      },
      { boundary: host.kind === "node" ? null : CALLED_BACK },
    )(host),
  "callback-foreign-thread": (host) => {
    switch (host.kind) {
      case "node":
        return notSeen("koffi brings the callback to the event loop, where nothing crashes");
      case "python":
        return notSeen("the thread-local state is missing, which is an exception and no crash");
      case "ffm":
        return notSeen("Java ends by the exception that its upcall threw", 1);
      case "napi":
        return {
          ...(crashedOnThread(host) as Seen),
          code: "illegal-instruction",
          site: /^v8::base::OS::Abort/,
          end: "SIGTRAP",
        };
      case "go":
        return { ...(crashedOnThread(host) as Seen), blame: "library", boundary: null, end: "SIGSEGV" };
      default:
        return crashedOnThread(host);
    }
  },
  "missing-sa-onstack": (host) =>
    host.kind === "go"
      ? {
          code: "missing-sa-onstack",
          confidence: "proved",
          blame: "library",
          site: /^main\.labelOf$/,
          boundary: null,
          end: null,
        }
      : notSeen("the handler forwards, and this runtime's signals come on stacks that are large enough"),
  "signal-handler-displaced": (host) => ({
    code: "signal-handler-displaced",
    confidence: ["c", "rust", "python"].includes(host.kind) ? "likely" : "proved",
    blame: "library",
    site: /^(page_is_readable|rust_host::traps::first_byte|main\.labelOf|wasm-function.*|inventory\.NextLabel.*\.apply)$/,
    boundary: host.kind === "python" ? "page_is_readable" : null,
    end: "SIGSEGV",
  }),
};

const crashedOnThread = inHost(
  "null-dereference",
  {
    c: /^on_request_done$/,
    rust: /^rust_host::callbacks::complete_request$/,
    go: /^on_request_done$/,
    java: /^notify_listener$/,
  },
  { boundary: CALLED_BACK },
);

/** Only a host that loads the library as a plugin can unload it. */
const loaderTwins: Record<string, Row> = {
  "unload-running": () => ({
    code: "call-after-unload",
    confidence: "proved",
    blame: "boundary",
    site: /^(0x|$)/,
    boundary: null,
    end: "SIGSEGV",
  }),
};

/** Those whose library is linked into a program of its own. In struct-layout its low addresses may pass for a length, or may not. */
const LINKED = [
  "thread-local-runtime",
  "stale-handle",
  "bytes-use-after-free",
  "double-free",
  "panic-across-boundary",
  "stack-overflow",
  "unaligned-read",
  "wrong-length",
  "box-freed-by-free",
  "leak",
];

export function twinsOf(host: Host): Record<string, Row> {
  if (host.kind === "c-loader") {
    return loaderTwins;
  }
  return host.name === "go-static" ? Object.fromEntries(LINKED.map((twin) => [twin, twins[twin] as Row])) : twins;
}
