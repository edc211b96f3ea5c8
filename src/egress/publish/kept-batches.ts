/**
 * What this replica has just committed, as far as events are made of it: the publisher need not read it again.
 * Boundary: in memory and bounded. Whether it is published before the outbox is listed, next-batches.ts says.
 * Invariants:
 * 1. Payloads are kept as the database gives them back, so events have the same bytes as those made from its rows.
 * 2. A batch is kept with all its runs or not at all. A row that is not kept is read.
 */
import type { JsonObject } from "../../engine/values/json.ts";
import type { StepRun } from "../../engine/values/run.ts";
import type { CommittedBatch, WrittenRun } from "../../runtime/written-runs.ts";
import type { WantedRows } from "../../store/load-rows.ts";
import type { RecordedMoves, UnpublishedBatch } from "../../store/outbox.ts";
import { type StoredJson, smallStoredJson } from "../../store/stored-json.ts";
import { rowsOfMoves } from "./rows-of-moves.ts";

/** A run of a batch as its commit left it. */
export interface KeptRun extends Pick<WrittenRun, "run" | "graph"> {
  readonly rows: readonly RecordedMoves[];
  /** What the events of these rows are made of. */
  readonly wanted: WantedRows;
  /** Rows of the steps that its events need; undefined where a row has to be read. */
  readonly steps: ReadonlyMap<number, StepRun | undefined>;
  readonly input: JsonObject | undefined;
}

interface KeptBatch {
  readonly partition: number;
  readonly runs: readonly KeptRun[];
  readonly bytes: number;
  readonly untilMs: number;
}

const BATCHES_AT_MOST = 512;
const BYTES_AT_MOST = 8 * 1024 * 1024;
const KEPT_MS = 5_000;
/** Payloads of one commit: copying them holds the event loop. */
const COPIED_AT_ONCE = 128 * 1024;
/** What a row of a step costs beside its payloads, and what a move costs, roughly. */
const ROW_BYTES = 600;
const MOVE_BYTES = 200;

/** See the file's head. */
export class KeptBatches {
  readonly #batches = new Map<number, KeptBatch>();
  #bytes = 0;

  /** The runs of a batch, unless it has to be read. */
  find(id: number): readonly KeptRun[] | undefined {
    return this.#batches.get(id)?.runs;
  }

  /** The batches that were kept first, in the order of their commits. */
  first(atMost: number): UnpublishedBatch[] {
    const batches: UnpublishedBatch[] = [];
    for (const [id, { partition }] of this.#batches) {
      if (batches.length === atMost) break;
      batches.push({ id, partition, changes: null });
    }
    return batches;
  }

  /**
   * Keeps the batches of a commit; gives whether all are kept. While there is no room they are left out: older ones are
   * published first. What has more payloads than are copied at once is left out too.
   */
  keep(batches: readonly CommittedBatch[]): boolean {
    let room = COPIED_AT_ONCE;
    for (const batch of batches) if (room > 0) room -= this.#keepOne(batch, room);
    return batches.every(({ id }) => this.#batches.has(id));
  }

  /** Gives the bytes of payloads that were copied. */
  #keepOne({ id, partition, runs }: CommittedBatch, room: number): number {
    let [bytes, copied] = [0, 0];
    const kept: KeptRun[] = [];
    for (const written of runs) {
      if (this.#batches.size >= BATCHES_AT_MOST || this.#bytes + bytes > BYTES_AT_MOST)
        return copied;
      if (copied >= room) return copied;
      const made = keptRun(id, written);
      kept.push(made.run);
      bytes += made.bytes;
      copied += made.copied;
    }
    if (kept.length === 0) return copied;
    this.forget(id);
    this.#batches.set(id, { partition, runs: kept, bytes, untilMs: performance.now() + KEPT_MS });
    this.#bytes += bytes;
    return copied;
  }

  forget(id: number): void {
    this.#bytes -= this.#batches.get(id)?.bytes ?? 0;
    this.#batches.delete(id);
  }

  /** Forgets what is old, and what another replica publishes. */
  sweep(partitions: readonly number[]): void {
    const nowMs = performance.now();
    for (const [id, { partition, untilMs }] of this.#batches) {
      if (untilMs < nowMs || !partitions.includes(partition)) this.forget(id);
    }
  }

  clear(): void {
    this.#batches.clear();
    this.#bytes = 0;
  }
}

interface MadeRun {
  readonly run: KeptRun;
  readonly bytes: number;
  /** Of payloads alone. */
  readonly copied: number;
}

function keptRun(batchId: number, written: WrittenRun): MadeRun {
  const { run, graph, history, recordedAt } = written;
  const rows = history.map((row) => ({ ...row, runId: run.id, batchId, recordedAt }));
  const moves = history.flatMap((row) => row.moves);
  const wanted = rowsOfMoves(run, graph, moves);
  const steps = new Map<number, StepRun | undefined>();
  let bytes = ROW_BYTES + moves.length * MOVE_BYTES + run.stepMarks.length + run.edgeMarks.length;
  let copied = 0;
  for (const index of wanted.steps) {
    const row = written.findStep(index);
    const kept = row && keptStep(row);
    steps.set(index, kept?.row);
    if (row === undefined || kept === undefined) continue;
    bytes += ROW_BYTES + row.errorMessage.length;
    copied += kept.copied;
  }
  const input = wanted.runInput ? kept(written.input) : undefined;
  copied += input?.bytes ?? 0;
  return {
    run: { run, graph, rows, wanted, steps, input: input?.value },
    ...{ bytes: bytes + copied, copied },
  };
}

/** Undefined where a payload is too large to be kept. */
function keptStep(row: StepRun): { row: StepRun; copied: number } | undefined {
  const { input, output, detail } = row;
  const [given, made] = [kept(input), kept(output)];
  const isWhole = (given === undefined) === (input === undefined);
  if (!isWhole || (made === undefined) !== (output === undefined)) return undefined;
  // One copy of all fields: taking some out first costs four times as much.
  const copy = { ...row, detail: detail.joined === undefined ? {} : { joined: detail.joined } };
  if (given !== undefined) copy.input = given.value;
  if (made !== undefined) copy.output = made.value;
  return { row: copy, copied: (given?.bytes ?? 0) + (made?.bytes ?? 0) };
}

function kept(payload: JsonObject | undefined): StoredJson | undefined {
  return payload && smallStoredJson(payload);
}
