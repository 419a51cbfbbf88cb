import { isAllocator } from "../probes/recorder/allocators.js";
import type { Call } from "../probes/recorder/symbols.js";
import type { Wanted } from "../probes/recorder/wanted.js";
import { type Body, callsBefore, exportsOf, jumpsWithin, type Target } from "../survey/elf-calls.js";

/** What the innermost frames of a step's stacks call, by file and return address; names are as the files have them. */
export interface Called {
  calls: Map<string, Map<bigint, Call>>;
  /** By file and address of the jump: the allocator's function that it leads to. */
  jumps: Map<string, Map<bigint, string>>;
}

interface Found {
  path: string;
  back: bigint;
  target: Target;
}

/**
 * Looks up what each innermost frame calls, and for functions that left by a jump the one that leads to an allocator. `plain` gives a
 * name as people write it. The addresses of jumps are added to what is asked of their files.
 */
export function calledOf(wanted: Wanted, plain: (name: string) => string): Called {
  const isWanted = (name: string): boolean => isAllocator(plain(name));
  const found = wanted.modules.flatMap(({ path, calls }) =>
    [...callsBefore(path, [...calls])].map(([back, target]): Found => ({ path, back, target })),
  );
  const gone = found.filter(({ target }) => !isWanted(target.function));
  const homes = homesOf(wanted, gone);
  const bodies = new Map<string, Map<bigint, Body>>();
  for (const { path, body } of homes.values()) {
    bodies.set(path, (bodies.get(path) ?? new Map()).set(body.address, body));
  }
  const out: Called = { calls: new Map(), jumps: new Map() };
  const jumpOf = new Map<string, bigint>();
  for (const [path, all] of bodies) {
    for (const [address, jumps] of jumpsWithin(path, [...all.values()], isWanted)) {
      const [only, second] = jumps;
      if (only !== undefined && second === undefined) {
        jumpOf.set(`${path} ${address}`, only.at);
        out.jumps.set(path, (out.jumps.get(path) ?? new Map<bigint, string>()).set(only.at, only.function));
        wanted.modules.find((module) => module.path === path)?.addresses.add(only.at);
      }
    }
  }
  for (const one of found) {
    const home = homes.get(one);
    const jump = home === undefined ? undefined : jumpOf.get(`${home.path} ${home.body.address}`);
    const call: Call = {
      function: one.target.function,
      path: home?.path ?? null,
      jump: jump === undefined ? null : `0x${jump.toString(16)}`,
    };
    out.calls.set(one.path, (out.calls.get(one.path) ?? new Map<bigint, Call>()).set(one.back, call));
  }
  return out;
}

/** Which file each function is in: its caller's own, or the first of those that were mapped which gives it to others. */
function homesOf({ mapped }: Wanted, gone: readonly Found[]): Map<Found, { path: string; body: Body }> {
  const homes = new Map<Found, { path: string; body: Body }>();
  for (const one of gone) {
    if (one.target.body !== null) {
      homes.set(one, { path: one.path, body: one.target.body });
    }
  }
  let left = gone.filter((one) => !homes.has(one));
  for (const path of left.length === 0 ? [] : mapped) {
    const names = new Set(left.map(({ target }) => target.function));
    const given = names.size === 0 ? null : exportsOf(path, names);
    for (const one of left) {
      const body = given?.get(one.target.function);
      if (body !== undefined) {
        homes.set(one, { path, body });
      }
    }
    left = left.filter((one) => !homes.has(one));
  }
  return homes;
}
