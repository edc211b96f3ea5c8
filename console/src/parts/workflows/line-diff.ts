/**
 * How two texts differ, line by line: the shortest way from one to the other (Myers, 1986).
 * Boundary: pure. Two texts that have little in common are not compared line by line: what differs is shown as a whole.
 */

/** One line of the result. */
export interface DiffLine {
  readonly kind: "same" | "added" | "removed";
  readonly text: string;
  /** From 1; undefined: the line is not in that text. */
  readonly before: number | undefined;
  readonly after: number | undefined;
}

/** Lines that stand together, or so many equal ones that are not shown. */
export type DiffPart =
  | { readonly kind: "lines"; readonly lines: readonly DiffLine[] }
  | { readonly kind: "gap"; readonly lines: readonly DiffLine[] };

/** The way is searched for to this length: its memory grows by the square. */
const MOST_EDITS = 2_000;

/** All lines, in order. */
export function diffLines(before: string, after: string): DiffLine[] {
  const [a, b] = [linesIn(before), linesIn(after)];
  let start = 0;
  while (start < Math.min(a.length, b.length) && a[start] === b[start]) start += 1;
  let end = 0;
  const most = Math.min(a.length, b.length) - start;
  while (end < most && a[a.length - 1 - end] === b[b.length - 1 - end]) end += 1;
  const [middleA, middleB] = [a.slice(start, a.length - end), b.slice(start, b.length - end)];
  const pairs: Pair[] = [];
  for (let at = 0; at < start; at += 1) pairs.push([at, at]);
  for (const [x, y] of matchesOf(middleA, middleB)) pairs.push([x + start, y + start]);
  for (let at = end; at > 0; at -= 1) pairs.push([a.length - at, b.length - at]);
  return withGaps(a, b, pairs);
}

/** Changes with `context` equal lines around each; the others are gaps. */
export function partsOf(lines: readonly DiffLine[], context = 3): DiffPart[] {
  const isNear = new Array<boolean>(lines.length).fill(false);
  for (const [at, { kind }] of lines.entries()) {
    if (kind === "same") continue;
    for (let near = at - context; near <= at + context; near += 1) isNear[near] = true;
  }
  const parts: { kind: "lines" | "gap"; lines: DiffLine[] }[] = [];
  for (const [at, line] of lines.entries()) {
    const kind = isNear[at] ? "lines" : "gap";
    const last = parts.at(-1);
    if (last?.kind === kind) last.lines.push(line);
    else parts.push({ kind, lines: [line] });
  }
  return parts;
}

/** The last line feed ends the last line. */
export function linesIn(text: string): string[] {
  if (text === "") return [];
  return (text.endsWith("\n") ? text.slice(0, -1) : text).split("\n");
}

/** Places of the same line in both. */
type Pair = readonly [before: number, after: number];

/** The pairs, and what stands between them: removed lines before added ones. */
function withGaps(a: readonly string[], b: readonly string[], pairs: readonly Pair[]): DiffLine[] {
  const lines: DiffLine[] = [];
  let [x, y] = [0, 0];
  for (const [nextX, nextY] of [...pairs, [a.length, b.length] as const]) {
    for (; x < nextX; x += 1) {
      lines.push({ kind: "removed", text: a[x] ?? "", before: x + 1, after: undefined });
    }
    for (; y < nextY; y += 1) {
      lines.push({ kind: "added", text: b[y] ?? "", before: undefined, after: y + 1 });
    }
    if (x === a.length && y === b.length) break;
    lines.push({ kind: "same", text: a[x] ?? "", before: x + 1, after: y + 1 });
    x += 1;
    y += 1;
  }
  return lines;
}

/** The pairs of a longest common subsequence; none where it would take too long. */
function matchesOf(a: readonly string[], b: readonly string[]): Pair[] {
  if (a.length === 0 || b.length === 0) return [];
  const most = Math.min(a.length + b.length, MOST_EDITS);
  const offset = most + 1;
  /** How far each diagonal was gone in a. */
  const reached = new Int32Array(2 * most + 3);
  const trace: Int32Array[] = [];
  for (let edits = 0; edits <= most; edits += 1) {
    trace.push(reached.slice(offset - edits - 1, offset + edits + 2));
    for (let diagonal = -edits; diagonal <= edits; diagonal += 2) {
      const [down, right] = [
        reached[offset + diagonal + 1] ?? 0,
        (reached[offset + diagonal - 1] ?? 0) + 1,
      ];
      const goesDown = diagonal === -edits || (diagonal !== edits && right <= down);
      let x = goesDown ? down : right;
      while (x < a.length && x - diagonal < b.length && a[x] === b[x - diagonal]) x += 1;
      reached[offset + diagonal] = x;
      if (x >= a.length && x - diagonal >= b.length) return wayBack(trace, a.length, b.length);
    }
  }
  return [];
}

/** The diagonal moves of the way that was found. */
function wayBack(trace: readonly Int32Array[], fromX: number, fromY: number): Pair[] {
  const pairs: Pair[] = [];
  let [x, y] = [fromX, fromY];
  for (let edits = trace.length - 1; edits >= 0; edits -= 1) {
    const before = trace[edits] ?? new Int32Array();
    /** Of the diagonal, in what was kept of this round. */
    const at = (diagonal: number) => before[diagonal + edits + 1] ?? 0;
    const diagonal = x - y;
    const goesDown =
      diagonal === -edits || (diagonal !== edits && at(diagonal - 1) + 1 <= at(diagonal + 1));
    const startX = edits === 0 ? 0 : goesDown ? at(diagonal + 1) : at(diagonal - 1) + 1;
    const startY = startX - diagonal;
    for (; x > startX; x -= 1, y -= 1) pairs.push([x - 1, y - 1]);
    [x, y] = goesDown ? [startX, startY - 1] : [startX - 1, startY];
  }
  return pairs.reverse();
}
