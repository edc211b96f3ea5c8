/**
 * Runs as this replica committed them last, so that their next inputs are folded without reading them again.
 * Boundary: in memory and bounded. Whether a run is still as it is kept is asked of the database with each batch
 * (plan-batch.ts): its row, and the rows that inputs are about, must have the versions that are kept.
 * Invariants:
 * 1. What is kept is never changed. A batch works on copies, and keeps what it made only after its commit.
 * 2. What is kept is what would be read, the order of keys in payloads included: expressions see that order.
 * 3. Memory is bounded by JSON text and rows, and by time: of runs that wait, no more than the bound is here.
 */
import type { Draft } from "../engine/draft/draft.ts";
import type { JsonObject } from "../engine/values/json.ts";
import { isFinalRun, type Run, type StepRun } from "../engine/values/run.ts";
import { type StoredJson, storedJson } from "../store/stored-json.ts";
import type { FoldedRun } from "./fold-run.ts";

/** A run, the rows that are known of it, and their versions. */
export interface CommittedRun {
  readonly run: Run;
  /** Version of the run's row. */
  readonly rowVersion: string;
  /** Unset when it is not known. */
  readonly input: JsonObject | undefined;
  readonly steps: ReadonlyMap<number, StepRun>;
  /** Versions of the rows of these steps. */
  readonly stepVersions: ReadonlyMap<number, string>;
}

interface Kept {
  readonly committed: CommittedRun;
  readonly bytes: number;
  readonly untilMs: number;
}

/** One large run must not drive out all others. */
const RUN_BYTES_AT_MOST = 512 * 1024;
const BYTES_AT_MOST = 6 * 1024 * 1024;
const KEPT_MS = 60_000;
/** What a row costs beside its payloads, roughly. */
const ROW_BYTES = 600;

/** See the file's head. */
export class CommittedRuns {
  // In order of use.
  readonly #runs = new Map<string, Kept>();
  /** Payloads as they are kept, by what they were before, and by themselves. */
  readonly #payloads = new WeakMap<JsonObject, StoredJson>();
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

  /** Keeps a run as a transaction has left it; `transactionId` as the server gives it. */
  keep(folded: FoldedRun, transactionId: string): void {
    const { id, state } = folded.draft.run;
    this.forget(id);
    this.#dropOld();
    if (isFinalRun(state)) return;
    const kept = this.#keptBy(folded, rowVersionOf(transactionId));
    if (kept === undefined) return;
    this.#runs.set(id, kept);
    this.#bytes += kept.bytes;
  }

  #dropOld(): void {
    const nowMs = performance.now();
    for (const [id, { untilMs }] of this.#runs) {
      if (untilMs >= nowMs && this.#bytes <= BYTES_AT_MOST) return;
      this.forget(id);
    }
  }

  /** Undefined when the run is too large. */
  #keptBy({ work, draft }: FoldedRun, version: string): Kept | undefined {
    const { run } = draft;
    const changed = changedRows(draft);
    const stepVersions = new Map(work.stepVersions);
    for (const { index } of changed) stepVersions.set(index, version);
    const given = this.#stored(work.input);
    const steps = new Map<number, StepRun>();
    let bytes = ROW_BYTES + run.stepMarks.length + run.edgeMarks.length + given.bytes;
    for (const row of [...work.steps.values(), ...changed]) {
      if (bytes > RUN_BYTES_AT_MOST) return undefined;
      const [input, output] = [this.#stored(row.input), this.#stored(row.output)];
      const detail = this.#stored(row.detail as JsonObject);
      bytes += ROW_BYTES + row.errorMessage.length + input.bytes + output.bytes + detail.bytes;
      steps.set(row.index, {
        ...row,
        ...(input.value === undefined ? {} : { input: input.value }),
        ...(output.value === undefined ? {} : { output: output.value }),
        detail: detail.value ?? {},
      });
    }
    if (bytes > RUN_BYTES_AT_MOST) return undefined;
    const isWritten = work.rowVersion === undefined || draft.runChanged;
    const rowVersion = isWritten ? version : (work.rowVersion ?? "");
    const committed = { run, rowVersion, input: given.value, steps, stepVersions };
    return { committed, bytes, untilMs: performance.now() + KEPT_MS };
  }

  /** A payload as it would be read; of one that is too large for a run, only that. */
  #stored(payload: JsonObject | undefined): { value: JsonObject | undefined; bytes: number } {
    if (payload === undefined) return { value: undefined, bytes: 0 };
    const stored = this.#payloads.get(payload) ?? storedJson(payload, RUN_BYTES_AT_MOST);
    if (stored === undefined) return { value: undefined, bytes: RUN_BYTES_AT_MOST + 1 };
    this.#payloads.set(payload, stored);
    this.#payloads.set(stored.value, stored);
    return stored;
  }
}

/** The version that rows have which a transaction wrote: the lower 32 bits of its id, as `xmin` gives it. */
function rowVersionOf(transactionId: string): string {
  return String(BigInt(transactionId) & 0xffffffffn);
}

function changedRows({ rows }: Draft): StepRun[] {
  return [...rows.inserted, ...rows.updated];
}
