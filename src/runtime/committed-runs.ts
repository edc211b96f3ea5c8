/**
 * Runs as this replica committed them last, so that their next inputs are folded without reading them again.
 * Boundary: in memory and bounded. Whether a run is still as it is kept is asked of the database with each batch
 * (plan-batch.ts): its row, and the rows that inputs are about, must have the versions that are kept.
 * Invariants:
 * 1. A batch works on the kept tables of rows themselves: all inputs of a run are in one lane, one batch after another. It adds
 *    rows that it reads, and those that it wrote after its commit; of a batch that fails nothing stays kept. A run and a
 *    row are never changed.
 * 2. What is kept is what would be read, the order of keys in payloads included: expressions see that order.
 * 3. Memory is bounded by JSON text and rows, and by time: of runs that wait, no more than the bound is here. The work of a
 *    commit is bounded too: payloads that are large, or many, are read.
 */
import { payloadBytes } from "../engine/values/budget.ts";
import type { JsonObject } from "../engine/values/json.ts";
import { isFinalRun, type Run, type StepRun } from "../engine/values/run.ts";
import { smallStoredJson } from "../store/stored-json.ts";
import type { FoldedRun } from "./fold-run.ts";

/** A run, the rows that are known of it, and their versions. */
export interface CommittedRun {
  readonly run: Run;
  /** Version of the run's row. */
  readonly rowVersion: string;
  /** Unset when it is not known. */
  readonly input: JsonObject | undefined;
  readonly steps: Map<number, StepRun>;
  /** Versions of the rows of these steps. */
  readonly stepVersions: Map<number, string>;
}

interface Kept {
  readonly committed: CommittedRun;
  readonly bytes: number;
  readonly untilMs: number;
}

/** Payloads of one commit: copying them holds the event loop. */
const COPIED_AT_ONCE = 128 * 1024;
/** To copy a row takes as long as so many bytes of payloads, roughly. */
const COPIED_ROW_BYTES = 20;
/** One large run must not drive out all others. */
const RUN_BYTES_AT_MOST = 512 * 1024;
const BYTES_AT_MOST = 5 * 1024 * 1024;
const KEPT_MS = 60_000;
/**
 * What a run, and a row of a step, costs beside its payloads, roughly: in a heap snapshot a run of one step with 300 bytes of payloads
 * had 2.2 KiB.
 */
const RUN_BYTES = 1_300;
const ROW_BYTES = 600;

/** See the file's head. */
export class CommittedRuns {
  // In order of use.
  readonly #runs = new Map<string, Kept>();
  /** Bytes of rows that are kept already: they are not copied again. */
  readonly #sizes = new WeakMap<StepRun, number>();
  #bytes = 0;

  find(runId: string): CommittedRun | undefined {
    const kept = this.#runs.get(runId);
    if (kept === undefined || kept.untilMs >= performance.now()) return kept?.committed;
    this.forget(runId);
    return undefined;
  }

  forget(runId: string): void {
    const kept = this.#runs.get(runId);
    if (kept === undefined) return;
    this.#runs.delete(runId);
    this.#bytes -= kept.bytes;
  }

  /**
   * Keeps runs as a transaction has left them, until their payloads are as many as are copied at once; the others are
   * forgotten. `transactionId` is as the server gives it.
   */
  keep(folded: readonly FoldedRun[], transactionId: string): void {
    const version = rowVersionOf(transactionId);
    let room = COPIED_AT_ONCE;
    for (const each of folded) {
      this.forget(each.draft.run.id);
      if (room > 0 && !isFinalRun(each.draft.run.state)) room -= this.#keepOne(each, version);
    }
  }

  /** Gives the bytes of payloads that were copied. */
  #keepOne({ work, draft }: FoldedRun, version: string): number {
    const { run } = draft;
    const { steps, stepVersions } = work;
    for (const row of [...draft.rows.inserted, ...draft.rows.updated]) {
      steps.set(row.index, row);
      stepVersions.set(row.index, version);
    }
    const input = work.input && smallStoredJson(work.input);
    let bytes = RUN_BYTES + run.stepMarks.length + run.edgeMarks.length + (input?.bytes ?? 0);
    for (const patch of Object.values(run.inputPatches ?? {})) bytes += payloadBytes(patch);
    if (run.vars !== undefined) bytes += payloadBytes(run.vars);
    let copied = input?.bytes ?? 0;
    for (const [index, row] of steps) {
      if (bytes > RUN_BYTES_AT_MOST) return copied;
      const known = this.#sizes.get(row);
      const kept = known === undefined ? keptRow(row) : { row, bytes: known };
      if (known === undefined && kept !== undefined) {
        copied += kept.bytes - ROW_BYTES + COPIED_ROW_BYTES;
      }
      if (kept === undefined) {
        // It is read when it is needed.
        steps.delete(index);
        stepVersions.delete(index);
        continue;
      }
      if (known === undefined) {
        this.#sizes.set(kept.row, kept.bytes);
        steps.set(index, kept.row);
      }
      bytes += kept.bytes;
    }
    if (bytes > RUN_BYTES_AT_MOST) return copied;
    const isWritten = work.rowVersion === undefined || draft.runChanged;
    const rowVersion = isWritten ? version : (work.rowVersion ?? "");
    const committed = { run, rowVersion, input: input?.value, steps, stepVersions };
    this.#dropOld(bytes);
    this.#runs.set(run.id, { committed, bytes, untilMs: performance.now() + KEPT_MS });
    this.#bytes += bytes;
    return copied;
  }

  /** Makes room for so many bytes. */
  #dropOld(bytes: number): void {
    const nowMs = performance.now();
    for (const [id, { untilMs }] of this.#runs) {
      if (untilMs >= nowMs && this.#bytes + bytes <= BYTES_AT_MOST) return;
      this.forget(id);
    }
  }
}

/** A row as it would be read; undefined when a payload of it is too large to be kept. */
function keptRow(row: StepRun): { row: StepRun; bytes: number } | undefined {
  const detail = smallStoredJson(row.detail as JsonObject);
  const input = row.input && smallStoredJson(row.input);
  const output = row.output && smallStoredJson(row.output);
  if (detail === undefined) return undefined;
  if ((input === undefined) !== (row.input === undefined)) return undefined;
  if ((output === undefined) !== (row.output === undefined)) return undefined;
  return {
    row: {
      ...row,
      ...(input === undefined ? {} : { input: input.value }),
      ...(output === undefined ? {} : { output: output.value }),
      detail: detail.value,
    },
    bytes:
      ROW_BYTES +
      row.errorMessage.length +
      (input?.bytes ?? 0) +
      (output?.bytes ?? 0) +
      detail.bytes,
  };
}

/** The version that rows have which a transaction wrote: the lower 32 bits of its id, as `xmin` gives it. */
function rowVersionOf(transactionId: string): string {
  return String(BigInt(transactionId) & 0xffffffffn);
}
