/**
 * The workflows that run while faults happen: each shape with its version, and how a run of it ends when nothing is lost
 * and nothing happens twice.
 * Boundary: plain values. A run's input is a number, so that a mix-up of two runs shows in an output. What the agents
 * answer stands in cast.ts.
 */
import type { JsonObject, MessageInitShape } from "@bufbuild/protobuf";
import {
  type PublishVersionRequestSchema,
  StepType,
  TriggerType,
} from "../../../../gen/workflows/v1/workflows_pb.ts";
import { QUEUE, TASK_COST_USD } from "./task-handlers.ts";

/** All shapes. */
export const SHAPES = [
  "line",
  "fan-out",
  "branch",
  "wait",
  "compensation",
  "timeout",
  "refusal",
  "cancel",
  "triggered",
] as const;

/** The name of a shape. Those of tasks come where a schedule has the extra `tasks`. */
export type ShapeName = (typeof SHAPES)[number] | "tasks" | "task-cancel";

/** How a run ends, in the words of its row. */
export interface RunEnd {
  readonly state: string;
  readonly output: JsonObject | undefined;
  /** State of each step that began. */
  readonly steps: Readonly<Record<string, string>>;
  /** What its tasks cost, each attempt once. */
  readonly costUsd?: number;
}

type Version = Omit<
  MessageInitShape<typeof PublishVersionRequestSchema>,
  "definitionId" | "$typeName" | "$unknown"
>;

/** A shape: what is published and what becomes of a run. */
export interface Shape {
  readonly version: Version;
  endOf(n: number): RunEnd;
  /** `<step>/<attempt>` of each task that a worker must begin. Others it must not begin, but for those of a cancelled run. */
  readonly tasks?: readonly string[];
}

const COMPLETED = "COMPLETED";
/** An owner may keep a failure for as long as its key lives: the next attempt has a key of its own. */
const POLICY = { maxRetries: 5 };
const RETRIED = { defaultRetryPolicy: POLICY };

/** Delegated: where the event of its end is lost, the delegation's owner still knows the output. */
const agent = (
  id: string,
  { config, ...more }: { config?: object; [field: string]: unknown } = {},
) => ({
  id,
  stepType: StepType.AGENT_ACTION,
  agentId: "worker",
  config: { delegate: true, ...config },
  ...more,
});
const edge = (fromStepId: string, toStepId: string, more: object = {}) => ({
  fromStepId,
  toStepId,
  ...more,
});
const completed = (...ids: string[]) => Object.fromEntries(ids.map((id) => [id, COMPLETED]));

const line: Shape = {
  version: {
    ...RETRIED,
    steps: [
      // Nobody could tell its output again, so nothing follows from it.
      agent("double", { config: { delegate: false } }),
      {
        id: "describe",
        stepType: StepType.AGENT_ACTION,
        requiredCapability: "write",
        config: { input: { n: "{{ input.n }}" } },
      },
      {
        id: "tell",
        stepType: StepType.NOTIFICATION,
        notificationChannel: "email",
        config: { blocking: true, recipient: "somebody" },
      },
    ],
    edges: [edge("double", "describe"), edge("describe", "tell")],
  },
  endOf: (n) => ({
    state: COMPLETED,
    output: { n, text: `number ${2 * n}` },
    steps: completed("double", "describe", "tell"),
  }),
};

const fanOut: Shape = {
  version: {
    ...RETRIED,
    steps: [
      { id: "spread", stepType: StepType.PARALLEL },
      agent("left"),
      agent("middle"),
      agent("right"),
      agent("gather", { config: { input: { n: "{{ n }}", parts: "{{ children }}" } } }),
    ],
    edges: [
      edge("spread", "left"),
      edge("spread", "middle"),
      edge("spread", "right"),
      edge("spread", "gather", { label: "joined" }),
    ],
  },
  endOf: (n) => ({
    state: COMPLETED,
    // The children are ends of the graph too.
    output: { n, part: "right", sum: 3 * n },
    steps: completed("spread", "left", "middle", "right", "gather"),
  }),
};

const branch: Shape = {
  version: {
    ...RETRIED,
    steps: [
      agent("score"),
      { id: "judge", stepType: StepType.BRANCH },
      agent("never"),
      { id: "gate", stepType: StepType.APPROVAL_GATE, actionType: "spend" },
      { id: "check", stepType: StepType.GOVERNANCE_CHECK, actionType: "pay" },
      agent("pay"),
      agent("small"),
    ],
    edges: [
      edge("score", "judge"),
      // Cannot be evaluated, so it does not hold.
      edge("judge", "never", { conditionExpr: "no_such_field > 0" }),
      edge("judge", "gate", { conditionExpr: "points >= 50" }),
      edge("judge", "small", { label: "default" }),
      edge("gate", "check", { label: "approved" }),
      edge("check", "pay", { label: "approved" }),
    ],
  },
  endOf: (n) => ({
    state: COMPLETED,
    output: n < 50 ? { n, path: "small" } : { n, path: "pay" },
    steps:
      n < 50
        ? completed("score", "judge", "small")
        : completed("score", "judge", "gate", "check", "pay"),
  }),
};

const wait: Shape = {
  version: {
    ...RETRIED,
    steps: [
      agent("ask"),
      {
        id: "answer",
        stepType: StepType.WAIT_FOR_EVENT,
        eventTypePattern: "siphon.tap.post.letter.*",
        config: { filter_expr: "entity_id == run.id" },
      },
      { id: "rest", stepType: StepType.WAIT_FOR_EVENT, config: { delay_seconds: 1 } },
      agent("read", { config: { input: { n: "{{ answer.output.snapshot.n }}" } } }),
    ],
    edges: [edge("ask", "answer"), edge("answer", "rest"), edge("rest", "read")],
  },
  endOf: (n) => ({
    state: COMPLETED,
    output: { n, read: true },
    steps: completed("ask", "answer", "rest", "read"),
  }),
};

const compensation: Shape = {
  version: {
    ...RETRIED,
    steps: [
      agent("reserve", { compensationStepId: "release" }),
      agent("charge", { compensationStepId: "refund" }),
      agent("ship"),
      agent("release"),
      agent("refund"),
    ],
    edges: [edge("reserve", "charge"), edge("charge", "ship")],
  },
  endOf: () => ({
    state: "FAILED",
    output: undefined,
    steps: {
      reserve: "COMPENSATED",
      charge: "COMPENSATED",
      ship: "FAILED",
      release: COMPLETED,
      refund: COMPLETED,
    },
  }),
};

const timeout: Shape = {
  version: {
    steps: [
      agent("hesitate", { timeoutSeconds: 1, retryPolicy: { maxRetries: 100 } }),
      agent("go", { retryPolicy: POLICY }),
    ],
    edges: [edge("hesitate", "go")],
  },
  endOf: (n) => ({
    state: COMPLETED,
    output: { n, gone: true },
    steps: completed("hesitate", "go"),
  }),
};

const refusal: Shape = {
  version: {
    steps: [agent("refuse"), agent("instead", { retryPolicy: POLICY })],
    edges: [edge("refuse", "instead", { label: "error" })],
  },
  endOf: (n) => ({
    state: COMPLETED,
    output: { n, instead: true },
    steps: { refuse: "FAILED", instead: COMPLETED },
  }),
};

const cancel: Shape = {
  version: {
    ...RETRIED,
    steps: [agent("endless"), agent("after")],
    edges: [edge("endless", "after")],
  },
  endOf: () => ({
    state: "CANCELLED",
    output: undefined,
    steps: { endless: "CANCELLED", after: "CANCELLED" },
  }),
};

const triggered: Shape = {
  version: {
    ...RETRIED,
    steps: [agent("greet", { config: { input: { n: "{{ snapshot.n }}" } } })],
    trigger: { triggerType: TriggerType.EVENT, eventType: "siphon.tap.shop.order.placed" },
  },
  endOf: (n) => ({ state: COMPLETED, output: { n, greeted: true }, steps: completed("greet") }),
};

const task = (id: string, more: object = {}) => ({
  id,
  stepType: StepType.AGENT_ACTION,
  config: { queue: QUEUE, ...more },
});
const PACKING = ["weigh", "dry", "stamp"];
const TASKS = ["pack/1", "weigh/1", "weigh/2", "dry/1", "stamp/1", "seal/1"];

/** Several tasks of one commit, one that fails at first, one that takes long. */
const tasks: Shape = {
  version: {
    ...RETRIED,
    steps: [
      task("pack"),
      { id: "spread", stepType: StepType.PARALLEL },
      ...PACKING.map((id) => task(id)),
      task("seal", { input: { n: "{{ n }}" } }),
    ],
    edges: [
      edge("pack", "spread"),
      ...PACKING.map((id) => edge("spread", id)),
      edge("spread", "seal", { label: "joined" }),
    ],
  },
  endOf: (n) => ({
    state: COMPLETED,
    output: { n, weight: 2 * n, dried: true, stamped: true, sealed: true },
    steps: completed("pack", "spread", ...PACKING, "seal"),
    costUsd: TASKS.length * TASK_COST_USD,
  }),
  tasks: TASKS,
};

const taskCancel: Shape = {
  version: { steps: [task("idle"), task("after")], edges: [edge("idle", "after")] },
  endOf: () => ({
    state: "CANCELLED",
    output: undefined,
    steps: { idle: "CANCELLED", after: "CANCELLED" },
  }),
  tasks: ["idle/1"],
};

/** Each shape by its name. */
export const shapes: Readonly<Record<ShapeName, Shape>> = {
  line,
  "fan-out": fanOut,
  branch,
  wait,
  compensation,
  timeout,
  refusal,
  cancel,
  triggered,
  tasks,
  "task-cancel": taskCancel,
};
