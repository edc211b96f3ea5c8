/**
 * Rows of the history as messages of workflows.ops.v1.
 * Boundary: pure, one way only.
 */
import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import {
  type Cause as CauseMessage,
  CauseSchema,
  Cause_Kind as Kind,
  type Move as MoveMessage,
  MoveSchema,
  type StateChange,
  StateChangeSchema,
  type StepIdsSchema,
} from "../../gen/workflows/ops/v1/runs_pb.ts";
import type { Graph } from "../engine/graph/graph.ts";
import { decisionName } from "../engine/values/enum-names.ts";
import type { Cause } from "../engine/values/input.ts";
import type { Move, StepIds } from "../engine/values/move.ts";
import { RUN_STATE_NUMBERS, STEP_STATE_NUMBERS } from "./runs.ts";

/** A row of the history of a run. */
export interface MovesOfRun {
  readonly runId: string;
  readonly cursor: string;
  readonly seq: number;
  readonly atMs: number;
  readonly cause: Cause;
  readonly moves: readonly Move[];
}

const ERROR_CHARS = 1_000;
const KINDS: Readonly<Record<Cause["kind"], Kind>> = {
  rpc: Kind.RPC,
  event: Kind.EVENT,
  call: Kind.CALL,
  timer: Kind.TIMER,
  engine: Kind.ENGINE,
};

/** workflows.ops.v1.Move */
export function toMoveMessage(graph: Graph, row: MovesOfRun): MoveMessage {
  const { runId, cursor, seq, atMs, cause, moves } = row;
  return create(MoveSchema, {
    ...{ runId, cursor },
    seq: BigInt(seq),
    at: timestampFromMs(atMs),
    cause: toCauseMessage(cause),
    changes: moves.map((move) => changeOf(graph, move)),
  });
}

/** workflows.ops.v1.Cause */
export function toCauseMessage({ kind, id, by, reason = "", via = "" }: Cause): CauseMessage {
  return create(CauseSchema, { kind: KINDS[kind], id, actor: by ?? "", reason, via });
}

/** An error text as the history shows it. */
export function shortError(text: string): string {
  return text.length <= ERROR_CHARS ? text : `${text.slice(0, ERROR_CHARS - 1).toWellFormed()}…`;
}

/** The ids and decisions of a step as a field of a message; nothing where there are none. */
export function toIds(ids: StepIds = {}): { ids?: MessageInitShape<typeof StepIdsSchema> } {
  if (Object.keys(ids).length === 0) return {};
  const { governance_decision: decision = "" } = ids;
  return {
    ids: {
      objectiveId: ids.objective_id ?? "",
      agentId: ids.agent_id ?? "",
      delegationId: ids.delegation_id ?? "",
      approvalRequestId: ids.approval_request_id ?? "",
      governanceDecision: decisionName(decision),
      eventId: ids.event_id ?? "",
      notificationId: ids.notification_id ?? "",
    },
  };
}

function changeOf(graph: Graph, move: Move): StateChange {
  const { op: operation = "", total: totalCostUsd = 0 } = move;
  if (move.of === "run") {
    const { from, to, reason = "" } = move;
    const states = { runFrom: RUN_STATE_NUMBERS[from], runTo: RUN_STATE_NUMBERS[to] };
    return create(StateChangeSchema, { ...states, operation, totalCostUsd, reason });
  }
  const { step, from, to, note = "", retry = 0, cost = 0, error = "", ids } = move;
  const isReason = from !== to;
  return create(StateChangeSchema, {
    stepId: graph.steps[step]?.def.id ?? "",
    stepFrom: STEP_STATE_NUMBERS[from],
    stepTo: STEP_STATE_NUMBERS[to],
    ...{ operation, totalCostUsd },
    ...(isReason ? { reason: note } : { note }),
    retryCount: retry,
    costUsd: cost,
    errorMessage: shortError(error),
    ...toIds(ids),
  });
}
