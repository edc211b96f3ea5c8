/**
 * Runs as this replica committed them last, so that their next inputs are folded without reading them again.
 * Boundary: in memory and bounded. Whether a run is still as it is kept is asked of the database with each batch
 * (plan-batch.ts): its row must have the version that is kept.
 * Invariants:
 * 1. What is kept is never changed. A batch works on copies, and keeps what it made only after its commit.
 * 2. Memory is bounded by payloads and rows, and by time: a run that waits is a row in the database and nothing here.
 */
import type { Draft } from "../engine/draft/draft.ts";
import { type JsonObject, jsonSizeBytes } from "../engine/values/json.ts";
import { isFinalRun, type Run, type StepRun } from "../engine/values/run.ts";
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

/** Half a MiB a run at most: one large run must not drive out all others. */
const RUN_BYTES_AT_MOST = 512 * 1024;
const BYTES_AT_MOST = 6 * 1024 * 1024;
const KEPT_MS = 60_000;
/** What a row costs beside its payloads, roughly. */
const ROW_BYTES = 600;

/** See the file's head. */
export class CommittedRuns {
  // In order of use.
  readonly #runs = new Map<string, Kept>();
  readonly #sizes = new WeakMap<StepRun, number>();
  readonly #inputSizes = new WeakMap<JsonObject, number>();
  #bytes = 0;

  find(runId: string): CommittedRun | undefined {
    const kept = this.#runs.get(runId);
    return kept === undefined || kept.untilMs < performance.now() ? undefined : kept.committed;
  }

  forget(runId: string): void {
    const kept = this.#runs.get(runId);
    if (kept === undefined) return;
    this.#runs.delete(runId);
    this.#bytes -= kept.bytes;
  }

  /** Keeps a run as a transaction has left it; `transactionId` as the server gives it. */
  keep(folded: FoldedRun, transactionId: string): void {
    const { id } = folded.draft.run;
    this.forget(id);
    this.#dropOld();
    if (isFinalRun(folded.draft.run.state)) return;
    const committed = committedBy(folded, rowVersionOf(transactionId));
    const bytes = this.#bytesOf(committed);
    if (bytes > RUN_BYTES_AT_MOST) return;
    this.#runs.set(id, { committed, bytes, untilMs: performance.now() + KEPT_MS });
    this.#bytes += bytes;
  }

  #dropOld(): void {
    const nowMs = performance.now();
    for (const [id, { untilMs }] of this.#runs) {
      if (untilMs >= nowMs && this.#bytes <= BYTES_AT_MOST) return;
      this.forget(id);
    }
  }

  /** What it takes, or more than a run may. */
  #bytesOf({ run, input, steps }: CommittedRun): number {
    let bytes = ROW_BYTES + run.stepMarks.length + run.edgeMarks.length;
    if (input !== undefined) {
      const size = this.#inputSizes.get(input) ?? jsonSizeBytes(input);
      this.#inputSizes.set(input, size);
      bytes += size;
    }
    for (const step of steps.values()) {
      // It is not kept, and sizing payloads takes time.
      if (bytes > RUN_BYTES_AT_MOST) break;
      const size = this.#sizes.get(step) ?? sizeOf(step);
      this.#sizes.set(step, size);
      bytes += size;
    }
    return bytes;
  }
}

/** The version that rows have which a transaction wrote: the lower 32 bits of its id, as `xmin` gives it. */
function rowVersionOf(transactionId: string): string {
  return String(BigInt(transactionId) & 0xffffffffn);
}

function committedBy({ work, draft }: FoldedRun, version: string): CommittedRun {
  const steps = new Map(work.steps);
  const stepVersions = new Map(work.stepVersions);
  for (const row of changedRows(draft)) {
    steps.set(row.index, row);
    stepVersions.set(row.index, version);
  }
  const isWritten = work.rowVersion === undefined || draft.runChanged;
  return {
    run: draft.run,
    rowVersion: isWritten ? version : (work.rowVersion ?? ""),
    input: work.input,
    steps,
    stepVersions,
  };
}

function changedRows({ rows }: Draft): StepRun[] {
  return [...rows.inserted, ...rows.updated];
}

function sizeOf({ input, output, detail, errorMessage }: StepRun): number {
  let bytes = ROW_BYTES + errorMessage.length + JSON.stringify(detail).length;
  if (input !== undefined) bytes += jsonSizeBytes(input);
  if (output !== undefined) bytes += jsonSizeBytes(output);
  return bytes;
}
