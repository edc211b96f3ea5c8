/**
 * The loads that are measured: a line of steps, and what ends one step of it and begins the next.
 * Boundary: definitions and inputs as values; who submits them, and how many at once, is driver.ts.
 */
import { randomBytes, randomUUID } from "node:crypto";
import type { StepDefinition, VersionSpec } from "../../src/engine/values/definition.ts";
import type {
  ArrivedEvent,
  Input,
  OwnerReport,
  StepReport,
} from "../../src/engine/values/input.ts";
import type { JsonObject } from "../../src/engine/values/json.ts";
import { taskIdOf } from "../../src/engine/values/task.ts";
import type { LeasedCall } from "../../src/runtime/submission.ts";
import { stepOf, versionOf } from "../../test/support/builders/version-spec.ts";
import { QUEUE } from "../engines/words.ts";
import type { Budget, CountBudget } from "./budget.ts";

/** The step that an input is for. */
interface Place {
  readonly runId: string;
  readonly stepIndex: number;
  /** The step's committed call without a result. */
  readonly call: LeasedCall | undefined;
}

/** One kind of step under load. */
export interface Load {
  readonly name: string;
  readonly budget: Budget;
  /** In commits that RUNS_A_COMMIT runs share, and in a run that is alone. */
  readonly counts: { readonly shared: CountBudget; readonly alone: CountBudget };
  /** A line of steps of that kind; its first and last step are not measured. */
  readonly spec: VersionSpec;
  /** The inputs that end a step, in order; each is a commit of its own. */
  readonly inputs: readonly ((place: Place) => Input)[];
}

/** Steps of each run whose end is measured. */
export const MEASURED_STEPS = 10;
/** Bytes of each payload as compact JSON. */
export const PAYLOAD_BYTES = 100;
/** The agent that every look-up gives; ids are as long as ours. */
export const AGENT_ID = "agt_01k9zq3v7x4n8m2b6c5d0f1g2h";
/** As long as the ids that workers have unless they are given one. */
const WORKER_ID = "worker-7f9c4d2b-51934-a3c1f0";

// 1.5 KB and 2.5 KB.
const BY_BUS: Budget = { walBytes: 1_536, rows: 4 };
const WITH_CALL: Budget = { walBytes: 2_560, rows: 7 };
// A run that is alone needs exactly so many. A commit that is shared may hold somewhat fewer runs than it should.
const EVENT_COUNTS: Load["counts"] = {
  shared: { statements: 0.12, roundTrips: 0.12, commits: 0.1 },
  alone: { statements: 8, roundTrips: 8, commits: 5 },
};
const REPORT_COUNTS: Load["counts"] = {
  shared: { statements: 0.06, roundTrips: 0.06, commits: 0.04 },
  alone: { statements: 6, roundTrips: 6, commits: 3 },
};
const CALL_COUNTS: Load["counts"] = {
  shared: { statements: 0.16, roundTrips: 0.16, commits: 0.12 },
  alone: { statements: 13, roundTrips: 13, commits: 7 },
};
const EVENT_TYPE = "orders.changes.order.shipped";

/** All loads, in the order in which they are measured. */
export const loads: readonly Load[] = [
  {
    name: "an event ends a WAIT_FOR_EVENT",
    budget: BY_BUS,
    counts: EVENT_COUNTS,
    spec: lineOf({ stepType: "WAIT_FOR_EVENT", eventTypePattern: EVENT_TYPE }),
    inputs: [eventArrived],
  },
  {
    name: "a report ends a step without call",
    budget: BY_BUS,
    counts: REPORT_COUNTS,
    spec: lineOf({ stepType: "HUMAN_TASK", config: { instructions: "Check the order." } }),
    inputs: [stepReported],
  },
  {
    name: "a result ends a step of a worker",
    budget: BY_BUS,
    counts: REPORT_COUNTS,
    spec: lineOf({ stepType: "AGENT_ACTION", agentId: "", config: { queue: QUEUE } }),
    inputs: [taskReported],
  },
  {
    name: "a step with a call (create, report)",
    budget: WITH_CALL,
    counts: CALL_COUNTS,
    spec: lineOf({ stepType: "AGENT_ACTION", agentId: AGENT_ID }),
    inputs: [objectiveCreated, objectiveReported],
  },
];

/** A payload of PAYLOAD_BYTES whose text does not compress. */
export function makePayload(): JsonObject {
  const frame = JSON.stringify({ text: "" }).length;
  const text = randomBytes(PAYLOAD_BYTES)
    .toString("base64url")
    .slice(0, PAYLOAD_BYTES - frame);
  return { text };
}

function lineOf(fields: Partial<StepDefinition>): VersionSpec {
  const ids = Array.from({ length: MEASURED_STEPS + 2 }, (_, index) => stepIdOf(index));
  return versionOf(
    ids.map((id) => stepOf(id, fields)),
    ids.slice(1).map((id, index) => `${stepIdOf(index)} -> ${id}`),
  );
}

function stepIdOf(index: number): string {
  return `step_${index}`;
}

function eventArrived({ stepIndex }: Place): Input {
  const id = randomUUID();
  const event: ArrivedEvent = {
    id,
    source: "orders",
    type: EVENT_TYPE,
    subject: "orders/42",
    time: "2025-01-01T00:00:00Z",
    data: makePayload(),
  };
  return { kind: "event_arrived", cause: { kind: "event", id }, stepIndex, event };
}

function stepReported({ stepIndex }: Place): Input {
  const report: StepReport = {
    stepId: stepIdOf(stepIndex),
    state: "COMPLETED",
    objectiveId: "",
    agentId: "",
    delegationId: "",
    approvalRequestId: "",
    governanceDecision: "",
    eventId: "",
    notificationId: "",
    output: makePayload(),
    errorMessage: "",
    costUsd: 0,
  };
  return { kind: "step_reported", cause: { kind: "rpc", id: "TransitionStep" }, report };
}

function taskReported({ runId, stepIndex }: Place): Input {
  const place = { stepId: stepIdOf(stepIndex), attempt: 1 };
  return {
    kind: "task_reported",
    cause: { kind: "event", id: taskIdOf({ runId, ...place }), by: WORKER_ID },
    ...place,
    queue: QUEUE,
    report: { worker: WORKER_ID, costUsd: 0, end: { state: "COMPLETED", output: makePayload() } },
  };
}

function objectiveCreated({ runId, stepIndex, call }: Place): Input {
  if (call?.kind !== "create_objective") throw new Error(`run ${runId} asked for no objective`);
  const { callId, attempt } = call;
  const value = { kind: "create_objective", objectiveId: objectiveIdOf(runId, stepIndex) } as const;
  return {
    kind: "call_returned",
    cause: { kind: "call", id: callId },
    callId,
    call: call.kind,
    stepIndex,
    attempt,
    result: { ok: true, value },
  };
}

function objectiveReported({ runId, stepIndex }: Place): Input {
  const report: OwnerReport = {
    owner: "objective",
    id: objectiveIdOf(runId, stepIndex),
    state: "COMPLETED",
    output: makePayload(),
    errorMessage: "",
    costUsd: 0.01,
    agentId: "",
  };
  return {
    kind: "owner_reported",
    cause: { kind: "event", id: randomUUID() },
    stepIndex,
    report,
  };
}

/** As long as our own ids: the collaborators' are of that kind. */
function objectiveIdOf(runId: string, stepIndex: number): string {
  const number = String(stepIndex).padStart(4, "0");
  return `obj_${runId.slice(-22)}${number}`;
}
