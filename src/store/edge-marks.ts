/**
 * The marks of edges, four to a byte in rows and one to a byte in the engine.
 * Boundary: pure. Four marks at a time, so what was packed comes back padded to a multiple of four with EDGE_OPEN;
 * readers ignore marks past the version's edges.
 */

const MARKS_PER_BYTE = 4;
const BITS = 2;
const MASK = 0b11;

/** Packs marks of one byte each (0 to 3). */
export function packEdges(marks: Uint8Array): Uint8Array {
  const packed = new Uint8Array(Math.ceil(marks.length / MARKS_PER_BYTE));
  for (const [index, mark] of marks.entries()) {
    const at = Math.floor(index / MARKS_PER_BYTE);
    packed[at] = (packed[at] ?? 0) | ((mark & MASK) << ((index % MARKS_PER_BYTE) * BITS));
  }
  return packed;
}

/** Unpacks to one byte a mark. */
export function unpackEdges(packed: Uint8Array): Uint8Array {
  const marks = new Uint8Array(packed.length * MARKS_PER_BYTE);
  for (const index of marks.keys()) {
    const byte = packed[Math.floor(index / MARKS_PER_BYTE)] ?? 0;
    marks[index] = (byte >> ((index % MARKS_PER_BYTE) * BITS)) & MASK;
  }
  return marks;
}
