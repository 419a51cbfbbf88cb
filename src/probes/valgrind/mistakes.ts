import type { Block } from "../../model/block.js";
import type { Mistake } from "../../model/checker-error.js";
import type { Access } from "../../model/crash.js";
import type { StackRole } from "../../model/frame.js";
import type { RawError, RawPart } from "./records.js";

/** What memcheck's kind and its sentences on the address mean. */
export interface Meaning {
  mistake: Mistake;
  access: Access | null;
  block: Block | null;
  /** The role of the stack of each part. */
  roles: StackRole[];
}

const LEAKS = { DefinitelyLost: "definite", IndirectlyLost: "indirect", PossiblyLost: "possible" } as const;

export function leakKind(kind: string): "definite" | "indirect" | "possible" | "reachable" {
  return LEAKS[kind.replace(/^Leak_/, "") as keyof typeof LEAKS] ?? "reachable";
}

/** What one error of memcheck says happened. */
export function meaningOf(error: RawError): Meaning {
  const about = error.parts.slice(1);
  const place = placeOf(about);
  const roles = error.parts.map((part, i): StackRole => (i === 0 ? "fault" : roleOf(part.text)));
  const accessed = accessOf(error, place);
  const block = blockOf(error, place);
  return { mistake: mistakeOf(error, place, accessed), access: accessed, block, roles };
}

/** Where an address lies, in memcheck's words (coregrind/m_addrinfo.c). */
interface Place {
  text: string;
  address: string | null;
  /** In a heap block, or in a piece of the heap that is nobody's now. */
  heap: { offset: number; size: number; state: "live" | "freed" | "unknown" } | null;
}

const ADDRESS = /^(?:Address|Location) (0x[0-9a-f]{1,16}) is /i;
const IN_BLOCK =
  /\b(\d{1,15}) bytes (inside|before|after) an? (?:recently re-allocated |unallocated )?block of size ([\d,]{1,20})/;

function placeOf(about: readonly RawPart[]): Place | null {
  const text = about.map((part) => part.text).find((candidate) => ADDRESS.test(candidate));
  if (text === undefined) {
    return null;
  }
  const address = ADDRESS.exec(text)?.[1]?.toLowerCase() ?? null;
  const block = IN_BLOCK.exec(text);
  if (block === null) {
    return { text, address, heap: null };
  }
  const [, distance = "0", where, whole = "0"] = block;
  const size = Number(whole.replaceAll(",", ""));
  const far = Number(distance);
  return {
    text,
    address,
    heap: {
      offset: where === "before" ? -far : where === "after" ? size + far : far,
      size,
      state: /free'd/.test(text) ? "freed" : /alloc'd/.test(text) && !/unallocated/.test(text) ? "live" : "unknown",
    },
  };
}

/** The stack behind a sentence; memcheck tells the freeing first and then "Block was alloc'd at". */
function roleOf(text: string): StackRole {
  if (/free'd/.test(text)) {
    return "free";
  }
  if (/was created by/.test(text)) {
    return "origin";
  }
  return /alloc'd/.test(text) ? "alloc" : "call";
}

function mistakeOf(error: RawError, place: Place | null, access: Access | null): Mistake {
  const what = error.parts[0]?.text ?? "";
  if (error.kind.startsWith("Leak_")) {
    return "leak";
  }
  switch (error.kind) {
    case "InvalidRead":
    case "InvalidWrite":
      return accessMistake(place, access);
    case "InvalidJump":
      return "bad-jump";
    case "InvalidFree":
      return place?.heap?.state === "freed" && place.heap.offset === 0 ? "double-free" : "invalid-free";
    case "MismatchedFree":
      return "mismatched-free";
    case "UninitCondition":
    case "UninitValue":
      return "uninitialized";
    case "SyscallParam":
    case "ClientCheck":
      return /uninitialised/i.test(what) ? "uninitialized" : accessMistake(place, access);
    case "Overlap":
    case "FishyValue":
    case "ReallocSizeZero":
    case "BadAlign":
    case "BadSize":
    case "SizeMismatch":
    case "AlignMismatch":
      return "bad-argument";
    default:
      return "other";
  }
}

function accessMistake(place: Place | null, access: Access | null): Mistake {
  if (place === null) {
    return "unmapped-access";
  }
  const { heap, text } = place;
  if (heap !== null) {
    // memcheck has forgotten whose it was: a block that was freed long ago, or no block at all.
    if (heap.state === "unknown") {
      return "unmapped-access";
    }
    const inside = heap.offset >= 0 && heap.offset < heap.size;
    return heap.state === "freed" && inside ? "freed-access" : "heap-bounds";
  }
  if (/guard page/.test(text)) {
    return "stack-overflow";
  }
  if (/'s stack|stack pointer|local var/.test(text)) {
    return "stack-bounds";
  }
  if (/data symbol|BSS segment|Data segment|global var/i.test(text)) {
    return "global-bounds";
  }
  return /Text segment/.test(text) && access?.kind === "write" ? "forbidden-access" : "unmapped-access";
}

/** System calls that fill what their argument points to; of the others memcheck speaks where they read it. */
const FILLS = /^Syscall param (?:__)?(?:p?read|recv|get|stat|fstat|lstat|newfstat|pipe|wait|clock_get|epoll_wait|poll)/;

function accessOf(error: RawError, place: Place | null): Access | null {
  const what = error.parts[0]?.text ?? "";
  const size = /of size (\d{1,15})\b/.exec(what)?.[1];
  const of = (kind: Access["kind"]): Access => ({
    kind,
    size: size === undefined || kind === "free" ? null : Number(size),
    address: place?.address ?? null,
    addressFrom: place?.address == null ? "none" : "kernel",
    base: null,
    displacement: null,
  });
  switch (error.kind) {
    case "InvalidRead":
      return of("read");
    case "InvalidWrite":
      return of("write");
    case "InvalidJump":
      return of("execute");
    case "InvalidFree":
    case "MismatchedFree":
      return of("free");
    case "SyscallParam":
      return of(FILLS.test(what) ? "write" : "read");
    default:
      return null;
  }
}

function blockOf(error: RawError, place: Place | null): Block | null {
  if (place === null || place.heap === null) {
    return null;
  }
  const { offset, size, state } = place.heap;
  return {
    address: blockStart(place.address, offset),
    size,
    offset,
    state,
    allocatedBy: allocator(error.parts.find((part, i) => i > 0 && roleOf(part.text) === "alloc")),
    freedBy: allocator(
      error.kind === "MismatchedFree" || error.kind === "InvalidFree"
        ? error.parts[0]
        : error.parts.find((part, i) => i > 0 && roleOf(part.text) === "free"),
    ),
  };
}

/** An address may wrap: a damaged recording must not give a number that no address can be. */
function blockStart(address: string | null, offset: number): string | null {
  return address === null ? null : `0x${BigInt.asUintN(64, BigInt(address) - BigInt(offset)).toString(16)}`;
}

/** "malloc", "operator new[]": the function of valgrind's own allocator that was called. */
function allocator(part: RawPart | undefined): string | null {
  const top = part?.frames[0];
  return top?.fn != null && /vgpreload/.test(top.obj ?? "") ? top.fn.replace(/\(.*$/, "") : null;
}
