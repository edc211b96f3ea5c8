/** Events of moves: valid CloudEvents, of the move and not of what came later, small enough for the bus. */
import { fromJson } from "@bufbuild/protobuf";
import { CloudEvent } from "cloudevents";
import { describe, expect, it } from "vitest";
import { ChangeSchema } from "../../../../gen/events/v1/change_pb.ts";
import {
  StepRunState,
  WorkflowRunLifecycleEventSchema,
  WorkflowState,
  WorkflowStepLifecycleEventSchema,
} from "../../../../gen/workflows/v1/workflows_pb.ts";
import type { Json, JsonObject } from "../../../../src/engine/values/json.ts";
import { MAX_EVENT_BYTES, type OutgoingEvent } from "../../../../src/wire/events/cloud-events.ts";
import { renderChange } from "../../../../src/wire/events/lifecycle-events.ts";
import { bytesOfBody, RECORDED, renderHistory } from "../../../support/builders/rendered-events.ts";
import { EngineRun, edge, step, version } from "../../../support/engine/engine-run.ts";

interface Envelope {
  readonly [name: string]: unknown;
  readonly id: string;
  readonly type: string;
  readonly data: JsonObject;
}

function open(event: OutgoingEvent): Envelope {
  return JSON.parse(Buffer.from(bytesOfBody(event)).toString());
}

function withoutType(data: JsonObject): JsonObject {
  const { "@type": _, ...rest } = data;
  return rest;
}

const TWO = version(
  [step({ id: "a", name: "First" }), step({ id: "b" }), step({ id: "never" })],
  [edge("a>b", "", "x == 1"), edge("a>never", "", "x == 2")],
);

function played(input: JsonObject = { deal: 7 }): EngineRun {
  const at = EngineRun.start(TWO, input);
  at.report("a", "COMPLETED", { output: { x: 1 }, costUsd: 0.25 });
  at.report("b", "COMPLETED", { output: { y: 2 } });
  return at;
}

describe("lifecycle events", () => {
  it("name the environment of their run, but for production", () => {
    const at = played();
    const environments = (run: EngineRun["run"]) =>
      new Set(renderHistory(at, "cloudevents", run).map((event) => open(event).environment));
    expect(environments(at.run)).toEqual(new Set([undefined]));
    expect(environments({ ...at.run, environment: "staging" })).toEqual(new Set(["staging"]));
  });

  it("are valid CloudEvents whose data is the message that they name", () => {
    for (const event of renderHistory(played())) {
      const envelope = open(event);
      expect(() => new CloudEvent(envelope, true)).not.toThrow();
      expect(envelope).toMatchObject({
        specversion: "1.0",
        source: "workflows",
        subject: envelope.type,
        time: RECORDED.toISOString(),
        datacontenttype: "application/json",
        tenantid: "ws",
        partitionkey: "wfr_test",
        workflowhops: 0,
      });
      expect(event.subject).toBe(envelope.type);
      const isRun = envelope.type.startsWith("workflows.changes.run.");
      const schema = isRun ? WorkflowRunLifecycleEventSchema : WorkflowStepLifecycleEventSchema;
      expect(String(envelope.dataschema).endsWith(schema.typeName)).toBe(true);
      expect(envelope.data["@type"]).toBe(`type.googleapis.com/${schema.typeName}`);
      expect(() => fromJson(schema, withoutType(envelope.data))).not.toThrow();
    }
  });

  it("describe the move, with payloads, and each has an id of its own", () => {
    const events = renderHistory(played()).map(open);
    expect(new Set(events.map(({ id }) => id)).size).toBe(events.length);
    expect(events.map(({ type }) => type.replace("workflows.changes.", ""))).toEqual(
      played().events.map((name) =>
        name.startsWith("run.") ? name : name.replace(/.*\./, "step."),
      ),
    );
    const stepEvent = events.find(({ type }) => type.endsWith("step.completed"));
    const message = fromJson(WorkflowStepLifecycleEventSchema, withoutType(stepEvent?.data ?? {}));
    expect(message).toMatchObject({ runId: "wfr_test", operation: "completed" });
    expect(message.workflowTotalCostUsd).toBe(0.25);
    expect(message.step).toMatchObject({
      stepId: "a",
      stepName: "First",
      state: StepRunState.COMPLETED,
      costUsd: 0.25,
      inputPayload: { deal: 7 },
      outputPayload: { x: 1 },
    });
  });

  it("leave an output unset that the caller did not send, and keep one that is empty", () => {
    // Expressions read an output that is unset as `{}`.
    const edges = [edge("a>b", "", "!has(a.output.x)")];
    const at = EngineRun.start(version([step({ id: "a" }), step({ id: "b" })], edges));
    at.report("a", "COMPLETED");
    at.report("b", "COMPLETED", { output: {} });
    const outputs = renderHistory(at)
      .map(open)
      .filter(({ type }) => type.endsWith("step.completed"))
      .map(({ data }) => fromJson(WorkflowStepLifecycleEventSchema, withoutType(data)).step)
      .map((step) => [step?.stepId, step?.outputPayload]);
    expect(outputs).toEqual([
      ["a", undefined],
      ["b", {}],
    ]);
  });

  it("a run's first event shows the run as it then was", () => {
    const [first] = renderHistory(played()).map(open);
    const message = fromJson(WorkflowRunLifecycleEventSchema, withoutType(first?.data ?? {}));
    expect(message.operation).toBe("started");
    expect(message.run).toMatchObject({
      state: WorkflowState.RUNNING,
      inputPayload: { deal: 7 },
      totalCostUsd: 0,
    });
    expect(message.run?.completedAt).toBeUndefined();
    expect(message.run?.outputPayload).toBeUndefined();
    const states = message.run?.steps.map(({ stepId, state }) => [stepId, state]);
    expect(states?.at(-1)).toEqual(["never", StepRunState.PENDING]);
  });

  it("a run's last event has its output and its steps' states", () => {
    const last = renderHistory(played()).map(open).at(-1);
    const message = fromJson(WorkflowRunLifecycleEventSchema, withoutType(last?.data ?? {}));
    expect(message.run).toMatchObject({
      state: WorkflowState.COMPLETED,
      outputPayload: { y: 2 },
      totalCostUsd: 0.25,
    });
    expect(message.run?.steps.map(({ state }) => state)).toEqual([
      StepRunState.COMPLETED,
      StepRunState.COMPLETED,
      StepRunState.SKIPPED,
    ]);
  });

  it("a step that is skipped has an event without payloads", () => {
    const skipped = renderHistory(played())
      .map(open)
      .find(({ type }) => type.endsWith("step.skipped"));
    expect(skipped?.data.step).toEqual({
      step_id: "never",
      step_name: "never",
      step_type: "STEP_TYPE_HUMAN_TASK",
      state: "STEP_RUN_STATE_SKIPPED",
    });
  });

  it("a started event of an attempt does not say how the step ended", () => {
    const started = renderHistory(played())
      .map(open)
      .find(({ type }) => type.endsWith("step.started"));
    const rendered: Json | undefined = started?.data.step;
    expect(rendered).not.toHaveProperty("output_payload");
    expect(rendered).not.toHaveProperty("completed_at");
    expect(rendered).not.toHaveProperty("cost_usd");
  });

  it("a reason is an extension", () => {
    const at = EngineRun.start(TWO);
    at.put({ kind: "pause_requested", reason: "lunch" });
    const paused = renderHistory(at).map(open).at(-1);
    expect(paused).toMatchObject({ type: "workflows.changes.run.pause", reason: "lunch" });
  });

  it("a reason of several lines is an attribute of one, for attributes hold no control characters", () => {
    const at = EngineRun.start(TWO);
    at.put({ kind: "pause_requested", reason: "lunch\r\nat\u0085noon" });
    expect(renderHistory(at).map(open).at(-1)).toMatchObject({ reason: "lunch at noon" });
  });

  it("over 64 KiB payloads are left out and a reference says where they are", () => {
    const events = renderHistory(played({ text: "é".repeat(40_000) }));
    for (const event of events) {
      expect(bytesOfBody(event).length).toBeLessThanOrEqual(MAX_EVENT_BYTES);
    }
    const [first] = events.map(open);
    expect(first?.dataref).toBe("workflows.v1.WorkflowService/GetRun?id=wfr_test");
    const ofStep = events.map(open).find(({ type }) => String(type).includes("step.started"));
    expect(ofStep?.dataref).toMatch(
      /^workflows\.ops\.v1\.Runs\/GetPayload\?run_id=wfr_test&step_id=[\w-]+$/,
    );
    expect(first?.data.run).not.toHaveProperty("input_payload");
    expect(() => new CloudEvent({ ...first }, true)).not.toThrow();
  });

  it("a change of a definition is an events.v1.Change", () => {
    const event = renderChange("cloudevents", {
      id: "wf_1-create",
      type: "workflows.changes.definition.create",
      workspaceId: "ws",
      aggregateId: "wf_1",
      aggregateType: "definition",
      operation: "create",
      recordedAt: RECORDED.toISOString(),
      payload: { id: "wf_1", name: "Sales" },
    });
    const envelope = open(event);
    expect(() => new CloudEvent(envelope, true)).not.toThrow();
    expect(envelope).toMatchObject({ id: "wf_1-create", tenantid: "ws", partitionkey: "wf_1" });
    expect(fromJson(ChangeSchema, withoutType(envelope.data))).toMatchObject({
      aggregateType: "definition",
      operation: "create",
      payload: { id: "wf_1", name: "Sales" },
    });
  });
});
