import { type SaxesParser as Parser, SaxesParser } from "saxes";
import { begin, field, integer, newRecord, type Record } from "./fields.js";
import type { Damage, RawHead, XmlSink } from "./records.js";

/** Text and tags longer than this are nothing that valgrind writes, and would have to be held in memory. In characters. */
const LONGEST = 1 << 20;
/** Of a name or sentence, what is kept, in characters. */
const LONGEST_KEPT = 4096;
/** Strings that are looked up before they are copied. */
const MOST_KEPT = 20_000;
const DEEPEST = 64;
/** Documents in one file: valgrinds before 3.19 let a forked process write into its parent's. */
const MOST_DOCUMENTS = 1000;
const MOST_ARGUMENTS = 1024;

/** What XML 1.0 forbids, and valgrind writes all the same where a symbol's name has it. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is looked for
const FORBIDDEN = /[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]/g;

/**
 * Reads what valgrind wrote, piece by piece: a record is handed on when it is whole, and nothing else is kept. Text that is no XML is
 * passed over; the records that it spoiled are left out and counted.
 */
export function readXml(pieces: Iterable<string>, sink: XmlSink): Damage {
  const reader = new Reader(sink);
  for (const piece of pieces) {
    if (!reader.write(piece)) {
      break;
    }
  }
  return reader.end();
}

class Reader {
  private readonly parser: Parser<{ fragment: true }>;
  private readonly document: Document;
  /** Characters since the last tag. */
  private stretch = 0;

  constructor(sink: XmlSink) {
    this.document = new Document(sink);
    this.parser = new SaxesParser({ fragment: true });
    this.parser.on("error", ({ message }) => this.document.damaged(message));
    this.parser.on("opentag", ({ name }) => this.document.opened(name));
    this.parser.on("closetag", ({ name }) => this.document.closed(name));
    this.parser.on("text", (text) => this.document.said(text));
    this.parser.on("cdata", (text) => this.document.said(text));
  }

  /** False once nothing more is to be read. */
  write(piece: string): boolean {
    this.document.tags = 0;
    this.parser.write(piece.replace(FORBIDDEN, "\ufffd"));
    this.stretch = this.document.tags > 0 ? 0 : this.stretch + piece.length;
    if (this.stretch > LONGEST) {
      this.document.giveUp("a stretch of more than 1 MiB without a tag");
    }
    return !this.document.hopeless;
  }

  end(): Damage {
    this.document.closing = true;
    if (!this.document.hopeless) {
      this.parser.close();
    }
    return this.document.end();
  }
}

/** Makes records of tags and texts. */
class Document {
  hopeless = false;
  /** Tags seen since somebody set it to 0. */
  tags = 0;
  /** There is no more to come. */
  closing = false;
  private readonly sink: XmlSink;
  private readonly path: string[] = [];
  /** Tags that are open, those of a document within another among them. */
  private depth = 0;
  private documents = 0;
  private readonly damage: Damage = { spoiled: 0, why: null };
  private text = "";
  private readonly kept = new Map<string, string>();
  private record: Record | null = null;
  private head: RawHead = emptyHead();
  private pair = { count: "", unique: "" };

  constructor(sink: XmlSink) {
    this.sink = sink;
  }

  damaged(message: string): void {
    // Of a file that is cut, the parser tells each open tag; and a fragment's first line is no error.
    if (this.closing || /XML declaration/.test(message)) {
      return;
    }
    this.damage.why ??= message.slice(0, 200);
    if (this.record !== null) {
      this.record.spoiled = true;
    }
  }

  giveUp(why: string): void {
    this.damaged(why);
    this.hopeless = true;
  }

  opened(name: string): void {
    this.tags += 1;
    this.depth += 1;
    if (this.depth > DEEPEST) {
      this.giveUp(`tags nested deeper than ${DEEPEST}`);
      return;
    }
    if (name === "valgrindoutput") {
      this.documents += 1;
      if (this.documents > MOST_DOCUMENTS) {
        this.giveUp(`more than ${MOST_DOCUMENTS} documents in one file`);
        return;
      }
      this.path.length = 0;
      this.head = emptyHead();
      this.drop();
      this.sink.begins();
    } else if (name === "error" || name === "fatal_signal") {
      this.drop();
      this.record = newRecord(name);
    }
    this.path.push(name);
    this.text = "";
    if (this.record !== null) {
      begin(this.record, name);
    }
  }

  said(text: string): void {
    if (this.text.length < LONGEST_KEPT) {
      this.text += text.slice(0, LONGEST_KEPT - this.text.length);
    }
  }

  closed(name: string): void {
    this.tags += 1;
    this.depth -= 1;
    const text = this.own(this.text.trim());
    this.text = "";
    const at = this.path.lastIndexOf(name);
    if (at >= 0) {
      this.path.length = at;
    }
    const parent = this.path.at(-1) ?? "";
    if (this.record !== null) {
      if (name === this.record.of) {
        this.finish(this.record);
      } else {
        field(this.record, name, parent, text);
      }
      return;
    }
    this.outside(name, parent, text);
  }

  /** A part of a string keeps the whole of it in memory, here the piece of the file that it was cut from: a copy does not. */
  private own(text: string): string {
    const known = this.kept.get(text);
    if (known !== undefined || text === "") {
      return known ?? "";
    }
    const copy = Buffer.from(text).toString();
    if (this.kept.size >= MOST_KEPT) {
      this.kept.clear();
    }
    this.kept.set(copy, copy);
    return copy;
  }

  end(): Damage {
    this.drop();
    return this.damage;
  }

  /** A record that was begun and not finished is cut. */
  private drop(): void {
    if (this.record !== null) {
      this.damage.spoiled += 1;
      this.damage.why ??= "it is cut";
      this.record = null;
    }
  }

  private finish(record: Record): void {
    this.record = null;
    if (record.spoiled || (record.of === "error" && record.error.kind === "")) {
      this.damage.spoiled += 1;
      this.damage.why ??= "an error without a kind";
    } else if (record.of === "error") {
      this.sink.error(record.error);
    } else {
      this.sink.fatal(record.fatal);
    }
  }

  private outside(name: string, parent: string, text: string): void {
    switch (name) {
      case "pid":
        this.head.pid = integer(text) ?? 0;
        break;
      case "ppid":
        this.head.parent = integer(text);
        break;
      case "tool":
        this.head.tool = text;
        break;
      case "line":
        this.head.version ??= /Valgrind-(\d+(?:\.\d+)+)/.exec(text)?.[1] ?? null;
        break;
      case "exe":
      case "arg":
        if (parent === "argv" && this.head.command.length < MOST_ARGUMENTS) {
          this.head.command.push(text);
        }
        break;
      case "argv":
        this.sink.head(this.head);
        break;
      case "state":
        if (text === "FINISHED") {
          this.sink.finished();
        }
        break;
      case "count":
      case "unique":
        this.pair[name] = text;
        break;
      case "pair":
        if (parent === "errorcounts") {
          this.sink.count(this.pair.unique, integer(this.pair.count) ?? 0);
        }
        break;
      case "valgrindoutput":
        this.sink.ends();
        break;
    }
  }
}

function emptyHead(): RawHead {
  return { pid: 0, parent: null, tool: "", version: null, command: [] };
}
