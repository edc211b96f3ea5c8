/**
 * Two people's changes of one text as one text, line by line.
 * Boundary: pure. Changes of the same or neighbouring lines are not merged: a person decides.
 */
import { diffLines, linesIn } from "../line-diff.ts";

/** The text with the changes of both; undefined: both changed the same place in different ways. */
export function mergeTexts(base: string, mine: string, theirs: string): string | undefined {
  const own = changesOf(base, mine);
  const merged = [...own];
  for (const other of changesOf(base, theirs)) {
    const near = own.filter(({ from, to }) => from <= other.to && other.from <= to);
    if (near.length === 0) merged.push(other);
    else if (near.length > 1 || !near.every((each) => isSame(each, other))) return undefined;
  }
  return changedText(base, merged);
}

/** The changed text, with what was typed otherwise in places that the change leaves as they are. */
export function withTyped(base: string, typed: string, changed: string): string {
  const made = changesOf(base, changed);
  const kept = changesOf(base, typed, withoutSpaces).filter(
    ({ from, to }) => !made.some((other) => from < other.to && other.from < to),
  );
  return changedText(base, [...kept, ...made]);
}

function changedText(base: string, changes: readonly TextChange[]): string {
  const lines = linesIn(base);
  const result: string[] = [];
  let at = 0;
  for (const { from, to, added } of changes.toSorted((a, b) => a.from - b.from || a.to - b.to)) {
    result.push(...lines.slice(at, from), ...added);
    at = to;
  }
  result.push(...lines.slice(at));
  return result.length === 0 ? "" : `${result.join("\n")}\n`;
}

/** Lines of the base from `from` up to `to`, which are replaced by `added`. */
interface TextChange {
  readonly from: number;
  to: number;
  readonly added: string[];
}

/** `plain`: of two texts, in which lines that are alike are the same; each of them is a change of its own. */
function changesOf(base: string, other: string, plain = (text: string) => text): TextChange[] {
  const [before, after] = [linesIn(base), linesIn(other)];
  const changes: TextChange[] = [];
  let open: TextChange | undefined;
  let at = 0;
  for (const { kind, after: line = 1 } of diffLines(plain(base), plain(other))) {
    const text = after[line - 1] ?? "";
    if (kind === "same") {
      open = undefined;
      if (text !== before[at]) changes.push({ from: at, to: at + 1, added: [text] });
      at += 1;
      continue;
    }
    if (open === undefined) {
      open = { from: at, to: at, added: [] };
      changes.push(open);
    }
    if (kind === "added") {
      open.added.push(text);
    } else {
      at += 1;
      open.to = at;
    }
  }
  return changes;
}

function isSame(a: TextChange, b: TextChange): boolean {
  return a.from === b.from && a.to === b.to && a.added.join("\n") === b.added.join("\n");
}

function withoutSpaces(text: string): string {
  return text.replaceAll(/[^\S\n]/g, "");
}
