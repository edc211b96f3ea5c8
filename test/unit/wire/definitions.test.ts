/** Versions and runs between messages and the engine's values. */
import { create, type MessageInitShape, toJson } from "@bufbuild/protobuf";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import { describe, expect, test } from "vitest";
import {
  PublishVersionRequestSchema,
  StepRunState,
  StepType,
  TriggerType,
  WorkflowState,
  WorkflowVersionSchema,
} from "../../../gen/workflows/v1/workflows_pb.ts";
import { compileGraph } from "../../../src/engine/graph/compile.ts";
import { STEP_TYPES } from "../../../src/engine/steps/types.ts";
import { TRIGGER_TYPES } from "../../../src/engine/values/definition.ts";
import { isJsonObject, type Json, type JsonObject } from "../../../src/engine/values/json.ts";
import { RUN_STATES, type Run, STEP_STATES } from "../../../src/engine/values/run.ts";
import {
  findTriggerType,
  readVersionSpec,
  toVersionMessage,
} from "../../../src/wire/definitions.ts";
import { findRunState, findStepState, toRunMessage } from "../../../src/wire/runs.ts";

const request = () =>
  create(PublishVersionRequestSchema, {
    definitionId: "wf_1",
    steps: [
      {
        id: "a",
        stepType: StepType.HUMAN_TASK,
        name: "A",
        config: { instructions: "x", n: 1.5 },
        retryPolicy: { maxRetries: 3, backoffSeconds: 2, backoffMultiplier: 1.1 },
        timeoutSeconds: 9,
      },
      { id: "b", stepType: StepType.HUMAN_TASK, name: "B" },
    ],
    edges: [{ fromStepId: "a", toStepId: "b", label: "then", conditionExpr: "true" }],
    trigger: { triggerType: TriggerType.EVENT, eventType: "t", filterExpr: "n > 1" },
    timeoutSeconds: 60,
    author: "me",
  });

test("a version is the same after it was read and written", () => {
  const { spec, faults } = readVersionSpec(request());
  expect(faults).toEqual([]);
  const { $typeName, ...message } = toVersionMessage({ ...facts, spec });
  const { $typeName: _, ...asked } = request();
  expect(message).toMatchObject({ ...asked });
  expect(message).toMatchObject({ id: "wfv_1", version: 3, createdAt: timestampFromMs(5_000) });
});

const facts = { id: "wfv_1", definitionId: "wf_1", version: 3, createdAt: new Date(5_000) };

/** What comes back of a version, less what the service adds; through JSON text, as the database keeps it. */
function roundTrip(init: MessageInitShape<typeof PublishVersionRequestSchema>) {
  const { spec, faults } = readVersionSpec(create(PublishVersionRequestSchema, init));
  expect(faults).toEqual([]);
  const stored = JSON.parse(JSON.stringify(spec));
  const json = toJson(WorkflowVersionSchema, toVersionMessage({ ...facts, spec: stored }));
  expect(json).toMatchObject({ id: "wfv_1", definitionId: "wf_1", version: 3 });
  if (!isJsonObject(json)) throw new Error("a version is an object");
  const { id: _id, definitionId: _of, version: _version, createdAt: _at, ...rest } = json;
  return rest;
}

describe("what a version leaves unset stays unset, and what it sets without content stays set", () => {
  const step = { id: "a", stepType: StepType.HUMAN_TASK };
  const cases: Record<string, MessageInitShape<typeof PublishVersionRequestSchema>> = {
    "nothing set": { steps: [step], edges: [{ fromStepId: "a" }] },
    "empty messages": {
      steps: [{ ...step, config: {}, retryPolicy: {} }],
      trigger: {},
      defaultRetryPolicy: {},
    },
    "a trigger of a type alone": { steps: [step], trigger: { triggerType: TriggerType.MANUAL } },
    "empty objects inside config": { steps: [{ ...step, config: { a: {}, b: [], c: null } }] },
    "no steps": { author: "me" },
  };

  test.each(Object.entries(cases))("%s", (_name, init) => {
    const { definitionId: _, ...sent } = objectOf(
      toJson(PublishVersionRequestSchema, create(PublishVersionRequestSchema, init)),
    );
    expect(roundTrip(init)).toEqual(sent);
  });

  test("a version of 0.1.0, which did not distinguish an empty config from none, gives none", () => {
    const { spec } = readVersionSpec(create(PublishVersionRequestSchema, { steps: [step] }));
    expect(toVersionMessage({ ...facts, spec }).steps[0]?.config).toBeUndefined();
  });
});

test("enum names in strings come back in full, unknown words as they are", () => {
  const given = (riskLevel: string, notificationChannel: string) => {
    const steps = [{ id: "a", stepType: StepType.NOTIFICATION, riskLevel, notificationChannel }];
    return objectOf(listOf(roundTrip({ steps }).steps)[0]);
  };
  for (const risk of ["high", "HIGH", "Risk_Level_High", "RISK_LEVEL_HIGH"]) {
    for (const channel of ["in-app", "in_app", "IN_APP", "DELIVERY_CHANNEL_IN_APP", "In App"]) {
      expect(given(risk, channel)).toMatchObject({
        riskLevel: "RISK_LEVEL_HIGH",
        notificationChannel: "DELIVERY_CHANNEL_IN_APP",
      });
    }
  }
  expect(given("", "pager")).toMatchObject({ notificationChannel: "pager" });
  expect(given("", "pager")).not.toHaveProperty("riskLevel");
});

function objectOf(json: Json | undefined): JsonObject {
  return isJsonObject(json) ? json : {};
}

function listOf(json: Json | undefined): Json[] {
  return Array.isArray(json) ? json : [];
}

test("a float is stored as it was written", () => {
  const { spec } = readVersionSpec(request());
  expect(spec.steps[0]?.retryPolicy?.backoffMultiplier).toBe(1.1);
});

describe("triggers", () => {
  const read = (trigger: Parameters<typeof create<typeof PublishVersionRequestSchema>>[1]) =>
    readVersionSpec(create(PublishVersionRequestSchema, trigger));

  test("none means MANUAL", () => {
    expect(read({})).toMatchObject({ spec: { trigger: { triggerType: "MANUAL" } }, faults: [] });
    expect(read({ trigger: {} })).toMatchObject({
      spec: { trigger: { triggerType: "MANUAL" } },
      faults: [],
    });
  });

  test("fields without a type are a fault", () => {
    const { faults } = read({ trigger: { cronExpr: "@daily" } });
    expect(faults.map(({ field }) => field)).toEqual(["trigger.trigger_type"]);
  });
});

test("names and wire numbers go together", () => {
  expect(TRIGGER_TYPES.map((name) => findTriggerType(TriggerType[name]))).toEqual(TRIGGER_TYPES);
  expect(RUN_STATES.map((name) => findRunState(WorkflowState[name]))).toEqual(RUN_STATES);
  expect(STEP_STATES.map((name) => findStepState(StepRunState[name]))).toEqual(STEP_STATES);
  expect(STEP_TYPES.map((name) => StepType[name])).toEqual([1, 2, 3, 4, 5, 6, 7, 8]);
  expect([findTriggerType(0), findRunState(8), findStepState(-1)]).toEqual([
    undefined,
    undefined,
    undefined,
  ]);
});

test("a run as a message, with and without payloads", () => {
  const { spec } = readVersionSpec(request());
  const graph = compileGraph(spec);
  const [first, second] = graph.steps;
  if (first === undefined || second === undefined) throw new Error("two steps were published");
  const run: Run = {
    id: "wfr_1",
    workspaceId: "w",
    definitionId: "wf_1",
    versionId: "wfv_1",
    definitionVersion: 3,
    triggerType: "EVENT",
    triggerEventId: "e",
    triggerSource: "",
    initiatorAgentId: "ag",
    initiatorUserId: "us",
    parentRunId: "wfr_0",
    entityId: "en",
    entityType: "et",
    hops: 0,
    createdAtMs: 1,
    state: "RUNNING",
    startedAtMs: 1_500,
    totalCostUsd: 0.1,
    seq: 1,
    stepMarks: new Uint8Array(2),
    edgeMarks: new Uint8Array(1),
    unsettled: [],
    pending: [],
  };
  const row = {
    runId: "wfr_1",
    index: 0,
    state: "WAITING" as const,
    retryCount: 2,
    objectiveId: "o",
    agentId: "ag",
    delegationId: "d",
    approvalRequestId: "ap",
    governanceDecision: "ALLOW",
    eventId: "ev",
    notificationId: "no",
    outputExtendsInput: false,
    errorMessage: "err",
    costUsd: 0.1,
    startedAtMs: 2_000,
    detail: {},
  };
  const view = {
    run,
    graph,
    input: { a: 1 },
    steps: [
      { step: first, state: "WAITING" as const, row, input: { a: 1 } },
      { step: second, state: "PENDING" as const },
    ],
  };
  const whole = toRunMessage(view, { payloads: true });
  expect(whole).toMatchObject({
    id: "wfr_1",
    definitionVersion: 3,
    state: WorkflowState.RUNNING,
    triggerType: TriggerType.EVENT,
    inputPayload: { a: 1 },
    totalCostUsd: 0.1,
    startedAt: timestampFromMs(1_500),
    steps: [
      {
        stepId: "a",
        stepName: "A",
        stepType: StepType.HUMAN_TASK,
        state: StepRunState.WAITING,
        retryCount: 2,
        objectiveId: "o",
        approvalRequestId: "ap",
        governanceDecision: "ACTION_DECISION_ALLOW",
        notificationId: "no",
        errorMessage: "err",
        inputPayload: { a: 1 },
        startedAt: timestampFromMs(2_000),
      },
      { stepId: "b", state: StepRunState.PENDING },
    ],
  });
  expect([whole.outputPayload, whole.completedAt]).toEqual([undefined, undefined]);
  const bare = toRunMessage(view, { payloads: false });
  expect(bare.inputPayload).toBeUndefined();
  expect(bare.steps[0]).toMatchObject({ stepId: "a", objectiveId: "", retryCount: 0 });
});
