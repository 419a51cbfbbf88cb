import { z } from "zod";
import { Hex } from "./primitives.js";

/** A heap block that an address is in or near. */
export const Block = z.strictObject({
  address: Hex.nullable(),
  /** Bytes; null where the checker does not say. */
  size: z.number().int().nullable(),
  /** Of the accessed address from the block's first byte, in bytes: negative before it, `size` and more behind it. */
  offset: z.number().int().nullable(),
  state: z.enum(["live", "freed", "unknown"]),
  /** The functions that allocated and freed it, where they are told: "malloc", "operator new[]". */
  allocatedBy: z.string().nullable(),
  freedBy: z.string().nullable(),
});
export type Block = z.infer<typeof Block>;
