/**
 * The rows of a run's steps: those that were loaded, and copies of those that change.
 * Invariants:
 * 1. A loaded row is never changed: the first write to one copies it.
 * 2. A row that is needed and was not loaded ends the fold with MissingRows.
 */
import type { StepRun } from "../values/run.ts";
import type { Marks } from "./marks.ts";
import { MissingRows } from "./missing-rows.ts";

/** See the file's head. */
export class StepRows {
  readonly #loaded: ReadonlyMap<number, StepRun>;
  readonly #marks: Marks;
  readonly #changed = new Map<number, StepRun>();
  readonly #inserted = new Set<number>();

  constructor(loaded: ReadonlyMap<number, StepRun>, marks: Marks) {
    this.#loaded = loaded;
    this.#marks = marks;
  }

  /** A step's row to read. Asks for it when it was not loaded. */
  peek(index: number): StepRun {
    const row = this.#changed.get(index) ?? this.#loaded.get(index);
    if (row === undefined) throw new MissingRows([index]);
    return row;
  }
  /** A step's row to change. */
  row(index: number): StepRun {
    const changed = this.#changed.get(index);
    if (changed !== undefined) return changed;
    const copy = { ...this.peek(index) };
    this.#changed.set(index, copy);
    return copy;
  }
  isLoaded(index: number): boolean {
    return this.#changed.has(index) || this.#loaded.has(index);
  }
  isChanged(index: number): boolean {
    return this.#changed.has(index);
  }
  /** Asks for all of these rows at once, so that a fold is repeated once and not once a row. */
  require(indexes: readonly number[]): void {
    const missing = indexes.filter((i) => this.#marks.hasRow(i) && !this.isLoaded(i));
    if (missing.length > 0) throw new MissingRows(missing);
  }
  /** Adds the row of a step that begins. */
  begin(step: Pick<StepRun, "runId" | "index" | "state" | "startedAtMs">): StepRun {
    const row: StepRun = {
      runId: step.runId,
      index: step.index,
      state: step.state,
      startedAtMs: step.startedAtMs,
      retryCount: 0,
      objectiveId: "",
      agentId: "",
      delegationId: "",
      approvalRequestId: "",
      governanceDecision: "",
      eventId: "",
      notificationId: "",
      outputExtendsInput: false,
      errorMessage: "",
      costUsd: 0,
      detail: {},
    };
    this.#changed.set(row.index, row);
    this.#inserted.add(row.index);
    return row;
  }
  /** Rows of steps that began in this fold. */
  get inserted(): StepRun[] {
    return [...this.#changed.values()].filter((row) => this.#inserted.has(row.index));
  }
  /** Rows of earlier steps that this fold changed. */
  get updated(): StepRun[] {
    return [...this.#changed.values()].filter((row) => !this.#inserted.has(row.index));
  }
}
