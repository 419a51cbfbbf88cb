/**
 * Names of Rust's v0 mangling (rust-lang/rfcs 2603) as people write them, without crate hashes: gcc's sanitizers leave them as they are.
 * Null for what is no such name, or is damaged.
 */
export function demangleRust(symbol: string): string | null {
  const match = /^_?_R([A-Z][\w]*)(?:\.[\w.$@]*)?$/.exec(symbol);
  if (match === null || symbol.length > LONGEST) {
    return null;
  }
  try {
    return new Demangler(match[1] ?? "").path(true);
  } catch (error) {
    if (error instanceof Damaged) {
      return null;
    }
    throw error;
  }
}

const LONGEST = 8192;
/** Types within types; back references could make a short name endless. */
const DEEPEST = 120;
const MOST_STEPS = 4000;
/** A crate's 64-bit number has eleven digits of base 62. */
const LONGEST_NUMBER = 12;

class Damaged extends Error {}

const BASIC: Record<string, string> = {
  a: "i8",
  b: "bool",
  c: "char",
  d: "f64",
  e: "str",
  f: "f32",
  h: "u8",
  i: "isize",
  j: "usize",
  l: "i32",
  m: "u32",
  n: "i128",
  o: "u128",
  p: "_",
  s: "i16",
  t: "u16",
  u: "()",
  v: "...",
  x: "i64",
  y: "u64",
  z: "!",
};

class Demangler {
  private readonly text: string;
  private at = 0;
  private depth = 0;
  private steps = 0;
  private lifetimes = 0;

  constructor(text: string) {
    this.text = text;
  }

  /** `inValue`: a path of a value, as functions are. */
  path(inValue: boolean): string {
    return this.nested(() => {
      const tag = this.take();
      switch (tag) {
        case "C":
          this.disambiguator();
          return this.identifier();
        case "M":
          this.implPath();
          return `<${this.type()}>`;
        case "X":
          this.implPath();
          return `<${this.type()} as ${this.path(false)}>`;
        case "Y":
          return `<${this.type()} as ${this.path(false)}>`;
        case "N":
          return this.namespaced(inValue);
        case "I": {
          const base = this.path(inValue);
          return `${base}<${this.list(() => this.genericArgument()).join(", ")}>`;
        }
        case "B":
          return this.back(() => this.path(inValue));
        default:
          throw new Damaged();
      }
    });
  }

  private namespaced(inValue: boolean): string {
    const space = this.take();
    const base = this.path(inValue);
    const number = this.disambiguator();
    const name = this.identifier();
    if (/[A-Z]/.test(space)) {
      const kind = space === "C" ? "closure" : space === "S" ? "shim" : space;
      return `${base}::{${kind}${name === "" ? "" : `:${name}`}#${number}}`;
    }
    return name === "" ? base : `${base}::${name}`;
  }

  private implPath(): void {
    this.disambiguator();
    this.path(false);
  }

  private genericArgument(): string {
    if (this.accept("L")) {
      return this.lifetime();
    }
    return this.accept("K") ? this.constant() : this.type();
  }

  private type(): string {
    return this.nested(() => {
      const tag = this.peek();
      const basic = BASIC[tag];
      if (basic !== undefined) {
        this.at += 1;
        return basic;
      }
      if (/[CMXYNI]/.test(tag)) {
        return this.path(false);
      }
      this.at += 1;
      switch (tag) {
        case "A":
          return `[${this.type()}; ${this.constant()}]`;
        case "S":
          return `[${this.type()}]`;
        case "T": {
          const parts = this.list(() => this.type());
          return `(${parts.join(", ")}${parts.length === 1 ? "," : ""})`;
        }
        case "R":
        case "Q": {
          const life = this.accept("L") ? this.lifetime() : "'_";
          return `&${life === "'_" ? "" : `${life} `}${tag === "Q" ? "mut " : ""}${this.type()}`;
        }
        case "P":
          return `*const ${this.type()}`;
        case "O":
          return `*mut ${this.type()}`;
        case "F":
          return this.functionType();
        case "D":
          return this.dynType();
        case "B":
          return this.back(() => this.type());
        default:
          throw new Damaged();
      }
    });
  }

  private functionType(): string {
    return this.bound(() => {
      const unsafe = this.accept("U") ? "unsafe " : "";
      let abi = "";
      if (this.accept("K")) {
        abi = this.accept("C") ? 'extern "C" ' : `extern "${this.identifier().replaceAll("_", "-")}" `;
      }
      const parameters = this.list(() => this.type());
      const result = this.type();
      return `${unsafe}${abi}fn(${parameters.join(", ")})${result === "()" ? "" : ` -> ${result}`}`;
    });
  }

  private dynType(): string {
    const text = this.bound(() => {
      const traits = this.list(() => {
        let name = this.path(false);
        const bindings: string[] = [];
        while (this.accept("p")) {
          bindings.push(`${this.identifier()} = ${this.type()}`);
        }
        if (bindings.length > 0) {
          name = name.endsWith(">")
            ? `${name.slice(0, -1)}, ${bindings.join(", ")}>`
            : `${name}<${bindings.join(", ")}>`;
        }
        return name;
      });
      return `dyn ${traits.join(" + ")}`;
    });
    if (!this.accept("L")) {
      throw new Damaged();
    }
    const life = this.lifetime();
    return life === "'_" ? text : `${text} + ${life}`;
  }

  private bound(inner: () => string): string {
    const count = this.accept("G") ? Number(this.base62()) + 1 : 0;
    if (count > DEEPEST) {
      throw new Damaged();
    }
    this.lifetimes += count;
    const text = inner();
    this.lifetimes -= count;
    return text;
  }

  private lifetime(): string {
    const index = Number(this.base62());
    if (index === 0) {
      return "'_";
    }
    const depth = this.lifetimes - index;
    return depth >= 0 && depth < 26 ? `'${String.fromCharCode(97 + depth)}` : `'_${Math.max(0, depth)}`;
  }

  private constant(): string {
    return this.nested(() => {
      if (this.accept("p")) {
        return "_";
      }
      if (this.accept("B")) {
        return this.back(() => this.constant());
      }
      const kind = BASIC[this.take()];
      const negative = this.accept("n");
      const digits = this.until("_");
      if (kind === undefined || !/^[0-9a-f]*$/.test(digits)) {
        throw new Damaged();
      }
      const value = BigInt(`0x${digits === "" ? "0" : digits}`);
      if (kind === "bool") {
        return value === 0n ? "false" : "true";
      }
      return `${negative ? "-" : ""}${value}`;
    });
  }

  private back(read: () => string): string {
    const start = this.at - 1;
    const target = Number(this.base62());
    // A reference goes back only; the count of steps ends those that would go round.
    if (target >= start) {
      throw new Damaged();
    }
    const resume = this.at;
    this.at = target;
    const text = read();
    this.at = resume;
    return text;
  }

  private disambiguator(): bigint {
    return this.accept("s") ? this.base62() + 1n : 0n;
  }

  private base62(): bigint {
    const digits = this.until("_");
    if (digits.length > LONGEST_NUMBER) {
      throw new Damaged();
    }
    let value = 0n;
    for (const digit of digits) {
      const at = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ".indexOf(digit);
      if (at < 0) {
        throw new Damaged();
      }
      value = value * 62n + BigInt(at);
    }
    return digits === "" ? 0n : value + 1n;
  }

  private identifier(): string {
    const foreign = this.accept("u");
    let digits = "";
    while (/[0-9]/.test(this.peek()) && digits.length < 6) {
      digits += this.take();
      if (digits === "0") {
        break;
      }
    }
    if (digits === "") {
      throw new Damaged();
    }
    this.accept("_");
    const length = Number(digits);
    const name = this.text.slice(this.at, this.at + length);
    if (name.length !== length) {
      throw new Damaged();
    }
    this.at += length;
    return foreign ? `punycode{${name}}` : name;
  }

  private list(read: () => string): string[] {
    const parts: string[] = [];
    while (!this.accept("E")) {
      parts.push(read());
    }
    return parts;
  }

  private nested(read: () => string): string {
    this.depth += 1;
    this.steps += 1;
    if (this.depth > DEEPEST || this.steps > MOST_STEPS) {
      throw new Damaged();
    }
    const text = read();
    this.depth -= 1;
    if (text.length > LONGEST) {
      throw new Damaged();
    }
    return text;
  }

  private until(end: string): string {
    const at = this.text.indexOf(end, this.at);
    if (at < 0) {
      throw new Damaged();
    }
    const text = this.text.slice(this.at, at);
    this.at = at + 1;
    return text;
  }

  private peek(): string {
    return this.text[this.at] ?? "";
  }

  private take(): string {
    const one = this.peek();
    if (one === "") {
      throw new Damaged();
    }
    this.at += 1;
    return one;
  }

  private accept(one: string): boolean {
    if (this.peek() !== one) {
      return false;
    }
    this.at += 1;
    return true;
  }
}
