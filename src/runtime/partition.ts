/**
 * Which partition an id belongs to: by it a run has its lane when it is written, and its place when it is published.
 * Boundary: pure. The number is stored with every batch of moves, so it never changes for an id.
 */

/** How many partitions there are. Changing it would let two publishers have events of one run. */
export const PARTITIONS = 8;

const FNV_OFFSET = 0x811c9dc5;
const FNV_PRIME = 0x01000193;

/** The partition of a run (or a definition), 0 to PARTITIONS - 1: FNV-1a, folded so that all bits count. */
export function partitionOf(id: string): number {
  let hash = FNV_OFFSET;
  for (let i = 0; i < id.length; i++) {
    hash = Math.imul(hash ^ id.charCodeAt(i), FNV_PRIME);
  }
  return ((hash ^ (hash >>> 16)) >>> 0) % PARTITIONS;
}
