/**
 * Puts together what many steps of a run pass on: a join's input, the outputs of a PARALLEL's children, a run's output.
 * Boundary: reads rows and keeps none; what of them is needed is the engine's to say (engine/draft/payloads.ts).
 * Invariants:
 * 1. One piece of rows is held at a time: 8 MiB of payloads, or one part with what it is made of.
 * 2. The last part comes first and no key is taken twice, so the result only grows: once it is over the limit of a
 *    payload, nothing more is loaded.
 */

import { MissingRows } from "../engine/draft/missing-rows.ts";
import {
  type Merge,
  type MergePart,
  type PayloadSource,
  partOf,
} from "../engine/draft/payloads.ts";
import { rowsOfOutput } from "../engine/draft/prefetch.ts";
import { type JsonObject, jsonSizeBytes, putValue } from "../engine/values/json.ts";
import { MAX_PAYLOAD_BYTES, markCutShort } from "../engine/values/limits.ts";
import { HAS_ROW, type StepRun } from "../engine/values/run.ts";
import { beginTurn } from "../process/shared-turn.ts";
import type { Queries } from "../store/database.ts";
import { type FoundRows, loadRows, type WantedRows } from "../store/load-rows.ts";
import type { RunWork } from "./fold-run.ts";

/** A run whose rows are stored. */
type StoredRun = Pick<RunWork, "graph" | "run">;

/** Parts that one piece has at most. */
const PARTS_A_PIECE = 100;

/** Gives the merge; one that is over the limit is given up there, and marked as cut short. */
export async function mergeInPieces(
  db: Queries,
  stored: StoredRun,
  { parts }: Merge,
): Promise<JsonObject> {
  const share = beginTurn();
  const open = [...parts];
  const taken = new Map<string, JsonObject[string]>();
  // The braces; the last comma is not there.
  let bytes = 1;
  while (open.length > 0) {
    const piece = await loadPiece(db, stored, open.slice(-PARTS_A_PIECE).reverse());
    for (let part = open.at(-1); part !== undefined; part = open.at(-1)) {
      await share();
      const value = await readPart(piece, part);
      // Its rows come with the next piece.
      if (value === undefined) break;
      open.pop();
      for (const [key, each] of Object.entries(value)) {
        if (taken.has(key)) continue;
        taken.set(key, each);
        bytes += jsonSizeBytes(key) + jsonSizeBytes(each) + 2;
      }
      if (bytes > MAX_PAYLOAD_BYTES) return markCutShort(objectOf(taken));
    }
  }
  return objectOf(taken);
}

function objectOf(entries: ReadonlyMap<string, JsonObject[string]>): JsonObject {
  const made: JsonObject = {};
  for (const [key, value] of [...entries].reverse()) putValue(made, key, value);
  return made;
}

/** Rows of some parts. */
interface Piece {
  readonly db: Queries;
  readonly stored: StoredRun;
  readonly rows: Map<number, StepRun>;
  readonly memo: Map<string, JsonObject>;
  input: JsonObject | undefined;
  /** Parts that were read from it. */
  read: number;
}

async function loadPiece(
  db: Queries,
  stored: StoredRun,
  parts: readonly MergePart[],
): Promise<Piece> {
  const piece: Piece = { db, stored, rows: new Map(), memo: new Map(), input: undefined, read: 0 };
  const listed = new Set<number>();
  let runInput = false;
  const wanted = parts.flatMap(({ step, value }): WantedRows[] => {
    if (value !== undefined) return [];
    const needed = rowsOfOutput(stored.graph, step);
    const steps = needed.steps.filter((index) => hasRow(stored, index) && !listed.has(index));
    for (const index of steps) listed.add(index);
    const wantsInput = needed.runInput && !runInput;
    runInput ||= wantsInput;
    return [{ runId: stored.run.id, steps, runInput: wantsInput }];
  });
  keep(piece, await loadRows(db, wanted));
  return piece;
}

function keep(piece: Piece, found: ReadonlyMap<string, FoundRows>): void {
  const of = found.get(piece.stored.run.id);
  for (const row of of?.steps ?? []) piece.rows.set(row.index, row);
  piece.input ??= of?.input;
}

/** What a part contributes; undefined when its rows are not in this piece, of which it is not the first. */
async function readPart(piece: Piece, part: MergePart): Promise<JsonObject | undefined> {
  for (;;) {
    try {
      const value = partOf(sourceOf(piece), part);
      piece.read += 1;
      return value;
    } catch (error) {
      if (!(error instanceof MissingRows)) throw error;
      if (piece.read > 0) return undefined;
      await addMissing(piece, error);
    }
  }
}

async function addMissing(piece: Piece, { steps, runInput, merges }: MissingRows): Promise<void> {
  const { db, stored, memo } = piece;
  for (const merge of merges) memo.set(merge.key, await mergeInPieces(db, stored, merge));
  if (steps.length === 0 && !runInput) return;
  keep(piece, await loadRows(db, [{ runId: stored.run.id, steps, runInput }]));
}

function sourceOf({ stored: { graph, run }, rows, memo, input }: Piece): PayloadSource {
  return {
    graph,
    run,
    payloadMemo: memo,
    peek(index) {
      const row = rows.get(index);
      if (row === undefined) throw new MissingRows([index]);
      return row;
    },
    runInput() {
      if (input === undefined) throw new MissingRows([], { runInput: true });
      return input;
    },
    requireParts(merge) {
      const steps = merge.parts.map(({ step }) => step);
      const missing = steps.filter((index) => hasRow({ graph, run }, index) && !rows.has(index));
      if (missing.length > 0) throw new MissingRows([], { merges: [merge] });
    },
  };
}

function hasRow({ run }: StoredRun, index: number): boolean {
  return ((run.stepMarks[index] ?? 0) & HAS_ROW) !== 0;
}
