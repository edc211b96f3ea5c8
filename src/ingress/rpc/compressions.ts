/** The compressions that requests and answers may have. Boundary: their names; the bytes are Connect's. */
import type { Compression } from "@connectrpc/connect/protocol";
import { compressionBrotli, compressionGzip } from "@connectrpc/connect-node";

/** All of them, the quicker one first. */
export const COMPRESSIONS: readonly Compression[] = [compressionGzip, compressionBrotli];
/** What is smaller is not worth it. */
export const COMPRESSED_FROM_BYTES = 1_024;

/** The compression of that name. */
export function compressionOf(name: string | null): Compression | undefined {
  return COMPRESSIONS.find((each) => each.name === name);
}
