/**
 * The edit distance of two names, to distinguish a typo from another word.
 * Boundary: short names; longer ones are compared by their beginning.
 */

const COMPARED_CHARS = 64;

/**
 * The number of single edits between two names: a character put in, left out or replaced, or two neighbours exchanged
 * (optimal string alignment).
 */
export function editDistance(one: string, other: string): number {
  const a = one.slice(0, COMPARED_CHARS);
  const b = other.slice(0, COMPARED_CHARS);
  let beforeLast: number[] = [];
  let last = Array.from({ length: b.length + 1 }, (_, at) => at);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const replaced = cell(last, j - 1) + (a[i - 1] === b[j - 1] ? 0 : 1);
      const exchanged = isExchange(a, i, b, j) ? cell(beforeLast, j - 2) + 1 : replaced;
      row.push(Math.min(replaced, exchanged, cell(last, j) + 1, cell(row, j - 1) + 1));
    }
    beforeLast = last;
    last = row;
  }
  return cell(last, b.length);
}

function isExchange(a: string, i: number, b: string, j: number): boolean {
  return i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1];
}

function cell(row: readonly number[], at: number): number {
  return row[at] ?? Number.POSITIVE_INFINITY;
}

/** Whether one single edit makes one name of the other; equal names are not. Linear, for a config may have thousands of keys. */
export function isSingleEdit(one: string, other: string): boolean {
  if (Math.abs(one.length - other.length) > 1) return false;
  const [a, b] = [one.slice(0, COMPARED_CHARS), other.slice(0, COMPARED_CHARS)];
  const shorter = Math.min(a.length, b.length);
  let head = 0;
  while (head < shorter && a[head] === b[head]) head += 1;
  let tail = 0;
  while (tail < shorter - head && a.at(-1 - tail) === b.at(-1 - tail)) tail += 1;
  const [left, right] = [a.slice(head, a.length - tail), b.slice(head, b.length - tail)];
  const longer = Math.max(left.length, right.length);
  if (longer === 2) return left.length === 2 && left[0] === right[1] && left[1] === right[0];
  return longer === 1;
}
