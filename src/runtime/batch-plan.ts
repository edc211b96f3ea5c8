/**
 * A batch before it is folded: its submissions, what was found of them, and what is to be done.
 * Boundary: values only; plan-batch.ts fills them.
 */
import type { Graph } from "../engine/graph/graph.ts";
import type { Refusal } from "../process/refusal.ts";
import type { Batch } from "../store/save-batch.ts";
import type { BatchFences } from "../store/save-fences.ts";
import type { CommittedRun } from "./committed-runs.ts";
import type { RunWork } from "./fold-run.ts";
import type { VarsOfStarts } from "./start-facts.ts";
import type { Settled, Submission } from "./submission.ts";

/** What is known of a start before it is folded. */
export interface PlannedPlace {
  readonly key: string;
  readonly waits: boolean;
  /** As many runs of the key wait as may. */
  readonly refusal?: Refusal;
}

/** By the place of a start in its batch; those of workflows without a limit are absent. */
export type PlacesOfStarts = ReadonlyMap<number, PlannedPlace>;

/** One submission of a batch. */
export interface BatchItem {
  /** The run it is for; of a start the id that its run gets. */
  readonly runId: string;
  readonly submission: Submission;
}

/**
 * What came of one submission. `locked` and `later` come again: its run (or start) is locked or was changed elsewhere;
 * the batch had done enough before its turn.
 */
export type ItemResult =
  | { readonly kind: "settled"; readonly settled: Settled }
  | { readonly kind: "failed"; readonly error: unknown }
  | { readonly kind: "locked" }
  | { readonly kind: "later" };

/** A start by event: its claim, which its run's commit writes. */
interface PlannedStart {
  readonly place: number;
  readonly claim: Batch["starts"][number];
}

/** What a batch is to do. */
export interface Plan {
  /** Answers by place; undefined where the fold, or the look for earlier starts, will give them. */
  readonly results: (ItemResult | undefined)[];
  readonly works: Map<string, RunWork>;
  /** Starts by event, in order; of several by one event only the first is among the works. */
  readonly starts: PlannedStart[];
  /** The database's clock. */
  readonly nowMs: number;
  /** What was not asked of the database and must hold when the batch is saved, beside the runs' versions. */
  readonly assumed: Pick<BatchFences, "steps" | "openCalls">;
}

/** What was read for a batch. */
export interface Found {
  readonly runs: ReadonlyMap<string, CommittedRun>;
  /** Calls that wait for a result; each is taken out by the first one. */
  readonly openCalls: Set<string>;
  readonly graphs: ReadonlyMap<string, Graph>;
  /** `run.vars` of starts, by their places. */
  readonly vars: VarsOfStarts;
  readonly places: PlacesOfStarts;
}
