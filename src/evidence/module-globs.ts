/**
 * What no library in question is, by the path of its file: as shell globs, whose stars cross slashes, so that the recorder in the target
 * goes by the same words. A library that `--lib` names is in question all the same.
 */

/** Glue between a runtime and native code. */
export const BINDINGS = [
  "*/koffi*.node",
  "*/libffi.so*",
  "*/_ctypes.*",
  "*/_cffi_backend.*",
  "*/libjffi.*",
  "*/libjnidispatch.*",
  "*/ffi_bindings.node",
];

export const RUNTIMES = [
  "*/libpython[0-9]*.so*",
  "*/libnode.so*",
  "*/libjvm.so",
  "*/libjava.so",
  "*/libgo.so*",
  "*/jvm/*",
  "*/lib-dynload/*",
];

export const DISTRIBUTION = ["lib", "lib32", "lib64", "libx32"].flatMap((folder) => [
  `/${folder}/*`,
  `/usr/${folder}/*`,
]);

/** What a checker puts into a process: its own allocator and interceptors, and ffi-doctor's companions. */
export const CHECKERS = [
  "*/vgpreload_*.so",
  ...["asan", "lsan", "tsan", "ubsan"].map((name) => `*/lib*${name}*.so*`),
  "*/libc_malloc_debug.so*",
  "*/libjemalloc.so*",
  "*/ffi_doctor_*.so",
];

export const NOT_IN_QUESTION: readonly string[] = [...BINDINGS, ...RUNTIMES, ...DISTRIBUTION, ...CHECKERS];

/** Whether a whole path fits one of the globs. */
export function fits(path: string, globs: readonly RegExp[]): boolean {
  return globs.some((glob) => glob.test(path));
}

export function compiled(globs: readonly string[]): RegExp[] {
  return globs.map((glob) => {
    const body = glob
      .replace(/[.+^${}()|\\]/g, "\\$&")
      .replaceAll("*", ".*")
      .replaceAll("?", ".");
    return new RegExp(`^${body}$`, "s");
  });
}
