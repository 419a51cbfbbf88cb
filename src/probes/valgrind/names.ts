/**
 * The folder for copies of files whose debug information valgrind dies of. Below it each lies at the path of its original, which is what
 * reports name.
 */
export const MENDED = "ffi-doctor-mended";

const IN_MENDED = new RegExp(`^/.*/${MENDED}(/.+)$`);

/** The path of the original where a file is such a copy. */
export function originalOf(path: string): string {
  return IN_MENDED.exec(path)?.[1] ?? path;
}

/** A process's XML, and the number that it was given when it was begun. */
export const XML_NAME = /^vg\.(?<pid>\d{1,10})\.xml(?:\.(?<order>\d{1,9}))?$/;
export const LOG_NAME = /^valgrind\.log(?:\.(?<order>\d{1,9}))?$/;
