/**
 * What is handed to the processor and what it hands back.
 * Boundary: values only; everything that changes a run is one of these submissions.
 */

import type { Cause, Input } from "../engine/values/input.ts";
import type { JsonObject } from "../engine/values/json.ts";
import type { Reply } from "../engine/values/reply.ts";
import type { ReusedRows } from "../engine/values/rerun.ts";
import type { Run } from "../engine/values/run.ts";
import type { TaskChanges } from "../engine/values/task.ts";
import type { KeyClaim } from "../store/caller-keys.ts";
import type { LeasedCall } from "../store/calls.ts";
import type { EventToKeep } from "../store/events.ts";
import type { StartedRun } from "./started-run.ts";
import type { CommittedBatch } from "./written-runs.ts";

export type { LeasedCall } from "../store/calls.ts";

/**
 * A run to start, with the fields that the run will have; ids are checked, strings that are not known are "". With a
 * `triggerEventId` the start is unique per definition, event and source.
 */
export interface RunStart
  extends Pick<Run, "definitionId" | "versionId" | "definitionVersion" | "workspaceId">,
    Pick<Run, "triggerType" | "triggerEventId" | "triggerSource" | "hops" | "inputUnset">,
    Pick<Run, "initiatorAgentId" | "initiatorUserId" | "parentRunId" | "parentStep">,
    Pick<Run, "entityId" | "entityType" | "rerun" | "environment" | "startedBy"> {
  /** The caller named the version: it gets the vars of whatever is deployed. Unset: it is the one that is deployed. */
  readonly versionNamed?: true;
  readonly input: JsonObject;
  /** Of a rerun: what it reuses of another run. */
  readonly reuse?: ReusedRows;
}

/**
 * A run to start, or an input for a run that exists; `workspaceId` "" takes the run of any workspace. With a caller's
 * key it is committed only while the claim holds, and the key is marked in the same transaction.
 */
export type Submission = { readonly callerKey?: KeyClaim | undefined } & (
  | { readonly kind: "start"; readonly start: RunStart; readonly cause: Cause }
  | {
      readonly kind: "input";
      readonly runId: string;
      readonly workspaceId: string;
      readonly input: Input;
      /** An event that is kept in the commit in which the input is applied. */
      readonly keep?: EventToKeep | undefined;
    }
);

/** The committed outcome of a submission. */
export interface Settled {
  readonly runId: string;
  readonly reply: Reply;
  /** False for a start whose event had started this run before. */
  readonly created: boolean;
  /** Of a run that was created: as its commit has left it; gives undefined when it is to be read. */
  started?(): StartedRun | undefined;
}

/** What a commit leaves to do: batches of moves to publish, calls to make, changes of tasks to send, timers to fire. */
export interface Committed {
  readonly batches: readonly CommittedBatch[];
  readonly calls: readonly LeasedCall[];
  readonly tasks: TaskChanges;
  /** How soon something that it set may fall due, in ms; Infinity: it set nothing. */
  readonly dueInMs: number;
}
