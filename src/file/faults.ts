/**
 * What is wrong with a workflow file, and where.
 * Boundary: knows nodes of a file, not their meaning.
 */
import { editDistance } from "../engine/graph/nearest-name.ts";
import type { FileNode } from "./nodes.ts";

/** One fault or warning of a file. Lines and columns count from 1. */
export interface FileFault {
  /** The place by the names of the file (`steps.pay.timeout`); "" for the file as a whole. */
  readonly path: string;
  readonly line: number;
  readonly column: number;
  /** One sentence without a full stop. */
  readonly message: string;
}

/** A place of a file: characters from its start, and the path there. */
export interface Place {
  readonly path: string;
  readonly offset: number;
}

/** Lines and columns of offsets in a text. */
export class Lines {
  readonly #starts: number[] = [0];

  constructor(text: string) {
    for (let at = text.indexOf("\n"); at >= 0; at = text.indexOf("\n", at + 1)) {
      this.#starts.push(at + 1);
    }
  }

  /** Both count from 1. */
  placeOf(offset: number): { line: number; column: number } {
    let [low, high] = [0, this.#starts.length - 1];
    while (low < high) {
      const middle = Math.ceil((low + high) / 2);
      if ((this.#starts[middle] ?? 0) <= offset) low = middle;
      else high = middle - 1;
    }
    return { line: low + 1, column: offset - (this.#starts[low] ?? 0) + 1 };
  }
}

/** Collects the faults of one file, at most one for each place and sentence. */
export class FaultList {
  readonly faults: FileFault[] = [];
  readonly #lines: Lines;
  readonly #seen = new Set<string>();

  constructor(lines: Lines) {
    this.#lines = lines;
  }

  /** Adds a fault at a place. */
  add({ path, offset }: Place, message: string): void {
    const key = `${offset} ${message}`;
    if (this.#seen.has(key)) return;
    this.#seen.add(key);
    this.faults.push({ path, ...this.#lines.placeOf(offset), message });
  }

  /** Whether a fault stands at this path or inside of it. */
  hasUnder(path: string): boolean {
    return this.faults.some((fault) => fault.path === path || fault.path.startsWith(`${path}.`));
  }

  /** In the order of the file. */
  sorted(): FileFault[] {
    return [...this.faults].sort((a, b) => a.line - b.line || a.column - b.column);
  }
}

/** ` (did you mean "timeout"?)` for the nearest of the names, where one is near; else "". */
export function nearest(name: string, known: Iterable<string>): string {
  const most = Math.max(1, Math.floor(name.length / 3));
  let best: { readonly name: string; readonly distance: number } | undefined;
  for (const each of known) {
    const distance = editDistance(name.toLowerCase(), each.toLowerCase());
    if (distance <= most && (best === undefined || distance < best.distance)) {
      best = { name: each, distance };
    }
  }
  return best === undefined ? "" : `; did you mean "${best.name}"?`;
}

/** The place of a node. */
export function placeOf({ path, offset }: FileNode): Place {
  return { path, offset };
}
