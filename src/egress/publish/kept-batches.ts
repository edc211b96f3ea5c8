/**
 * What this replica has just committed, as far as events are made of it: the publisher need not read it again.
 * Boundary: in memory and bounded. Which batches are published, and in which order, the outbox alone says.
 * Invariants:
 * 1. Payloads are kept as the database gives them back, so events have the same bytes as those made from its rows.
 * 2. A batch is kept with all its runs or not at all. A row that is not kept is read.
 */
import type { JsonObject } from "../../engine/values/json.ts";
import type { StepRun } from "../../engine/values/run.ts";
import type { CommittedBatch, WrittenRun } from "../../runtime/written-runs.ts";
import type { RecordedMoves } from "../../store/outbox.ts";
import { type StoredJson, storedJson } from "../../store/stored-json.ts";
import { rowsOfMoves } from "./rows-of-moves.ts";

/** A run of a batch as its commit left it. */
export interface KeptRun extends Pick<WrittenRun, "run" | "graph"> {
  readonly rows: readonly RecordedMoves[];
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
/** No event can carry more. */
const PAYLOAD_BYTES_AT_MOST = 64 * 1024;
/** What a row or a move costs beside its payloads, roughly. */
const ROW_BYTES = 600;

/** See the file's head. */
export class KeptBatches {
  readonly #batches = new Map<number, KeptBatch>();
  #bytes = 0;

  /** The runs of a batch, unless it has to be read. */
  find(id: number): readonly KeptRun[] | undefined {
    return this.#batches.get(id)?.runs;
  }

  /** Keeps a batch that was just committed. While there is no room it is left out: older ones are published first. */
  keep({ id, partition, runs }: CommittedBatch): void {
    if (runs.length === 0) return;
    let bytes = 0;
    const kept: KeptRun[] = [];
    for (const written of runs) {
      if (this.#batches.size >= BATCHES_AT_MOST || this.#bytes + bytes > BYTES_AT_MOST) return;
      const made = keptRun(id, written);
      kept.push(made.run);
      bytes += made.bytes;
    }
    this.forget(id);
    this.#batches.set(id, { partition, runs: kept, bytes, untilMs: performance.now() + KEPT_MS });
    this.#bytes += bytes;
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

function keptRun(batchId: number, written: WrittenRun): { run: KeptRun; bytes: number } {
  const { run, graph, history, recordedAt } = written;
  const rows = history.map((row) => ({ ...row, runId: run.id, batchId, recordedAt }));
  const moves = history.flatMap((row) => row.moves);
  const wanted = rowsOfMoves(run, graph, moves);
  const steps = new Map<number, StepRun | undefined>();
  let bytes = (1 + moves.length) * ROW_BYTES + run.stepMarks.length + run.edgeMarks.length;
  for (const index of wanted.steps) {
    const row = written.findStep(index);
    const kept = row && keptStep(row);
    steps.set(index, kept?.row);
    bytes += kept?.bytes ?? 0;
  }
  const input = wanted.runInput ? kept(written.input) : undefined;
  bytes += input?.bytes ?? 0;
  return { run: { run, graph, rows, steps, input: input?.value }, bytes };
}

/** Undefined where a payload is so large that only the database can say whether an event may carry it. */
function keptStep(row: StepRun): { row: StepRun; bytes: number } | undefined {
  const { input, output, detail, ...others } = row;
  const [given, made] = [kept(input), kept(output)];
  const isWhole = (given === undefined) === (input === undefined);
  if (!isWhole || (made === undefined) !== (output === undefined)) return undefined;
  return {
    row: {
      ...others,
      ...(given === undefined ? {} : { input: given.value }),
      ...(made === undefined ? {} : { output: made.value }),
      detail: detail.joined === undefined ? {} : { joined: detail.joined },
    },
    bytes: ROW_BYTES + row.errorMessage.length + (given?.bytes ?? 0) + (made?.bytes ?? 0),
  };
}

function kept(payload: JsonObject | undefined): StoredJson | undefined {
  return payload && storedJson(payload, PAYLOAD_BYTES_AT_MOST);
}
