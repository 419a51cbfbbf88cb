// complete-lockfile.mjs [--check]: run after any change to package-lock.json.
// npm leaves out of the lockfile the packages for other platforms that its registry does not hold, and then `npm ci` refuses the
// lockfile as incomplete. They are never installed here, so that name, version and platform are all that npm ci asks of them.
import { readFileSync, writeFileSync } from "node:fs";

const FILE = "package-lock.json";
const SYSTEMS = ["android", "darwin", "freebsd", "linux", "openbsd", "openharmony", "win32"];
const PROCESSORS = ["arm", "arm64", "ia32", "loong64", "ppc64", "riscv64", "s390x", "x64"];

const lock = JSON.parse(readFileSync(FILE, "utf8"));

/** "@scope/binding-linux-x64-musl" -> what package.json of that package says about where it runs. */
function platform(name) {
  const words = name.split(/[/-]/);
  const pick = (known) => known.filter((word) => words.includes(word));
  return {
    os: pick(SYSTEMS),
    cpu: pick(PROCESSORS),
    ...(words.some((word) => word.startsWith("musl")) ? { libc: ["musl"] } : {}),
    ...(words.includes("gnu") ? { libc: ["glibc"] } : {}),
  };
}

/** Where npm would find `name` from `place`; null when nowhere. */
function found(place, name) {
  for (let at = place; at !== ""; at = at.slice(0, Math.max(0, at.lastIndexOf("/node_modules/")))) {
    if (lock.packages[`${at}/node_modules/${name}`]) {
      return lock.packages[`${at}/node_modules/${name}`];
    }
  }
  return lock.packages[`node_modules/${name}`] ?? null;
}

function missing() {
  return Object.entries(lock.packages).flatMap(([place, entry]) =>
    Object.entries(entry.optionalDependencies ?? {})
      .filter(([name, version]) => /^\d/.test(version) && platform(name).os.length > 0)
      .filter(([name, version]) => found(place, name)?.version !== version)
      .map(([name, version]) => ({ name, version, place, dev: entry.dev === true })),
  );
}

const added = [];
// Filling one place may take it from a package further in, which then needs one of its own: until nothing is missing.
for (let rest = missing(); rest.length > 0; rest = missing()) {
  for (const { name, version, place, dev } of rest) {
    const outer = place.slice(0, place.lastIndexOf("node_modules/"));
    lock.packages[`${outer}node_modules/${name}`] = {
      version,
      ...(dev ? { dev } : {}),
      optional: true,
      ...platform(name),
    };
    added.push(`${name}@${version}`);
  }
}

if (added.length > 0 && process.argv.includes("--check")) {
  console.error(`${FILE} lacks ${added.length} packages for other platforms; run: node scripts/complete-lockfile.mjs`);
  process.exitCode = 1;
} else if (added.length > 0) {
  const sorted = Object.entries(lock.packages).sort(([a], [b]) => (a < b ? -1 : 1));
  writeFileSync(FILE, `${JSON.stringify({ ...lock, packages: Object.fromEntries(sorted) }, null, 2)}\n`);
  console.log(`${FILE}: added ${added.length}:\n${added.join("\n")}`);
}
