/**
 * Moves: what the history and the bus are given of a transition.
 * Boundary: values only; wire/events/lifecycle-events.ts makes events of them, replay.ts applies them back.
 */
import type { RunState, StepRun, StepState } from "./run.ts";

/** The published operations of a run: the last part of the event type `workflows.changes.run.<operation>`. */
export const RUN_OPERATIONS = [
  "started",
  "completed",
  "failed",
  "pause",
  "resume",
  "cancel",
  "compensate",
  "compensated",
] as const;
/** An operation of a run. */
export type RunOperation = (typeof RUN_OPERATIONS)[number];
/** The same for a step. */
export const STEP_OPERATIONS = [
  "started",
  "waiting",
  "completed",
  "retrying",
  "failed",
  "skipped",
  "cancelled",
  "compensated",
] as const;
/** An operation of a step. */
export type StepOperation = (typeof STEP_OPERATIONS)[number];

/**
 * What the engine notes with a move of a step: a result that changed nothing, one that did, an escalation, a step that is held or
 * reused, an approval that changed the input.
 */
export type StepNote = "ignored" | "recorded" | "escalated" | "held" | "reused" | "edited";

/** Ids and decisions that a move of a step carries, by the names of their proto fields (workflows.v1.StepRun). */
export const STEP_ID_NAMES = [
  "objective_id",
  "agent_id",
  "delegation_id",
  "approval_request_id",
  "governance_decision",
  "event_id",
  "notification_id",
] as const;
/** The name of an id or decision. */
export type StepIdName = (typeof STEP_ID_NAMES)[number];
/** The ids and decisions that are set. */
export type StepIds = Readonly<Partial<Record<StepIdName, string>>>;

/**
 * One move of a run or a step. Short names: a row of the history holds many of these.
 * A move without `op` is kept in the history and not published.
 */
export type Move =
  | {
      readonly of: "run";
      readonly from: RunState;
      readonly to: RunState;
      readonly op?: RunOperation;
      readonly reason?: string;
      /** Total cost after the move, in USD; unset when 0. */
      readonly total?: number;
      /** Step marks after the move, base64: the event lists the states of the steps at the move. */
      readonly marks?: string;
    }
  | {
      readonly of: "step";
      /** Index of the step in its version. */
      readonly step: number;
      readonly from: StepState;
      readonly to: StepState;
      readonly op?: StepOperation;
      /** The engine's own word, a StepNote; rows of other releases may have others. Never a caller's text. */
      readonly note?: string;
      /** What a caller gave as reason. */
      readonly reason?: string;
      /** retry_count after the move; unset when 0. */
      readonly retry?: number;
      /** The step's cost after the move, in USD; unset when 0. */
      readonly cost?: number;
      /** The run's total after the move, in USD; unset when 0. */
      readonly total?: number;
      readonly error?: string;
      /** Ids and decisions known at the move; unset when there are none. */
      readonly ids?: StepIds;
    };

/** Where a step's row has its ids and decisions. */
const ID_FIELDS = {
  objective_id: "objectiveId",
  agent_id: "agentId",
  delegation_id: "delegationId",
  approval_request_id: "approvalRequestId",
  governance_decision: "governanceDecision",
  event_id: "eventId",
  notification_id: "notificationId",
} as const satisfies Record<StepIdName, keyof StepRun>;

/** What a move carries of the step's row: only what is set, because a run has many moves. */
export function factsOfRow(
  row: StepRun,
): Pick<Extract<Move, { of: "step" }>, "retry" | "cost" | "error" | "ids"> {
  const ids: Partial<Record<StepIdName, string>> = {};
  for (const name of STEP_ID_NAMES) {
    const id = row[ID_FIELDS[name]];
    if (id !== "") ids[name] = id;
  }
  return {
    ...(row.retryCount === 0 ? {} : { retry: row.retryCount }),
    ...(row.costUsd === 0 ? {} : { cost: row.costUsd }),
    ...(row.errorMessage === "" ? {} : { error: row.errorMessage }),
    ...(Object.keys(ids).length === 0 ? {} : { ids }),
  };
}
