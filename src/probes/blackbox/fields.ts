import { type enums, type NameOf, nameIn, structs } from "./layout.js";
import type { Block } from "./records.js";

/** The fields of one struct, little-endian. The caller has made sure that it is whole. */
export class Fields {
  private readonly bytes: Buffer;
  private readonly start: number;

  constructor(bytes: Buffer, start: number) {
    this.bytes = bytes;
    this.start = start;
  }

  u8(at: number): number {
    return this.bytes.readUInt8(this.start + at);
  }

  u16(at: number): number {
    return this.bytes.readUInt16LE(this.start + at);
  }

  u32(at: number): number {
    return this.bytes.readUInt32LE(this.start + at);
  }

  i32(at: number): number {
    return this.bytes.readInt32LE(this.start + at);
  }

  u64(at: number): bigint {
    return this.bytes.readBigUInt64LE(this.start + at);
  }

  i64(at: number): bigint {
    return this.bytes.readBigInt64LE(this.start + at);
  }

  hex(at: number, length: number): string {
    return this.bytes.toString("hex", this.start + at, this.start + at + length);
  }

  copy(at: number, length: number): Buffer {
    return Buffer.from(this.bytes.subarray(this.start + at, this.start + at + length));
  }

  /** Up to the first NUL, of at most so many bytes. */
  text(at: number, length: number): string {
    const all = this.bytes.subarray(this.start + at, this.start + at + length);
    const end = all.indexOf(0);
    return all.toString("utf8", 0, end < 0 ? all.length : end);
  }

  /** Strings that each end in a NUL. */
  texts(at: number, length: number): string[] {
    const all = this.bytes.toString("utf8", this.start + at, this.start + at + length).split("\0");
    return all.at(-1) === "" ? all.slice(0, -1) : all;
  }

  named<E extends keyof typeof enums>(which: E, number: number): NameOf<E> | null {
    return nameIn(which, number);
  }

  block(at: number): Block {
    const { at: f } = structs.block;
    return {
      address: this.u64(at + f.address),
      size: this.u64(at + f.size),
      offset: this.i64(at + f.offset),
      state: this.named("blockState", this.u32(at + f.state)),
      allocFamily: this.named("family", this.u16(at + f.allocFamily)),
      freeFamily: this.named("family", this.u16(at + f.freeFamily)),
      allocStack: this.u32(at + f.allocStack),
      freeStack: this.u32(at + f.freeStack),
      allocTid: this.u32(at + f.allocTid),
      freeTid: this.u32(at + f.freeTid),
      allocTicks: this.u64(at + f.allocTicks),
      freeTicks: this.u64(at + f.freeTicks),
      checkedTicks: this.u64(at + f.checkedTicks),
      module: this.u32(at + f.module),
      guarded: this.u32(at + f.guarded) !== 0,
    };
  }
}
