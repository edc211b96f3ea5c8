/**
 * Files that a person names, up to a limit: a device has no end.
 * Boundary: bytes of a file; what they mean is the caller's.
 */
import { closeSync, openSync, readSync } from "node:fs";
import { usageFault } from "./failure.ts";

const CHUNK_BYTES = 65_536;

/** The first bytes of a file, `-` for standard input: no more than `most`. Throws the system's error. */
export function readAtMost(path: string, most: number): Uint8Array {
  const file = path === "-" ? 0 : openSync(path, "r");
  try {
    const chunks: Uint8Array[] = [];
    let left = most;
    while (left > 0) {
      const chunk = new Uint8Array(Math.min(left, CHUNK_BYTES));
      const read = readSync(file, chunk);
      if (read === 0) break;
      chunks.push(chunk.subarray(0, read));
      left -= read;
    }
    return Buffer.concat(chunks);
  } finally {
    if (file !== 0) closeSync(file);
  }
}

/**
 * The text of a file, `-` for standard input. A file that cannot be read, has more bytes than `most` or is not UTF-8 is wrong
 * usage.
 */
export function readTextAtMost(path: string, most: number, what: string): string {
  let bytes: Uint8Array;
  try {
    bytes = readAtMost(path, most + 1);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw usageFault(`cannot read ${what}: ${reason}`, error);
  }
  if (bytes.length > most) throw usageFault(`${what} has more than the limit of ${most} bytes`);
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch (error) {
    throw usageFault(`${what} is not UTF-8; save it as UTF-8`, error);
  }
}
