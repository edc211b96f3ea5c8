/**
 * Messages inside the answers of every RPC: a field that the caller left unset is returned unset, one that it set is
 * returned set, even if empty. Computed fields (a step's input, a COMPLETED run's output, times) are set in both cases.
 * Boundary: which messages are set; other files test what they hold.
 */
import { type DescMessage, isMessage } from "@bufbuild/protobuf";
import { createClient, type Interceptor } from "@connectrpc/connect";
import { createConnectTransport } from "@connectrpc/connect-node";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { PayloadKind, Runs } from "../../gen/workflows/ops/v1/runs_pb.ts";
import {
  StepRunState,
  StepType,
  TriggerType,
  WorkflowService,
} from "../../gen/workflows/v1/workflows_pb.ts";
import { putLetterAside } from "../support/services/each-rpc.ts";
import { type RpcService, startRpcService } from "../support/services/rpc-service.ts";

let service: RpcService;
let workspaces = 0;
let definitions = 0;
beforeAll(async () => {
  service = await startRpcService();
});
afterAll(() => service.stop());

const { COMPLETED } = StepRunState;
const task = (id: string, more: object) => ({
  id,
  name: id,
  stepType: StepType.HUMAN_TASK,
  ...more,
});

/** The messages that are set in one answer, by their paths; payloads with what they hold. */
type SetPaths = [rpc: string, paths: string[]];

const definition = (at: string) => [`${at}.createdAt`, `${at}.updatedAt`];
const begun = (at: string) => [`${at}.inputPayload {}`, `${at}.startedAt`];
const ended = (at: string) => [...begun(at), `${at}.completedAt`];
const A = "run.steps[0]";
const B = "run.steps[1]";
const RUNNING = ["run", "run.startedAt", ...begun(A)];
const CANCELLED = ["run", "run.startedAt", "run.completedAt", ...ended(A), ...ended(B)];
const ENDED = [
  "run",
  ...["startedAt", "completedAt", "outputPayload {}"].map((name) => `run.${name}`),
];

/** The output of a step that is ended by hand is {} unless one is given. */
const GIVEN = [
  ...["step", ...ended("step"), "step.outputPayload {}", "run", "run.startedAt"],
  ...[...ended(A), `${A}.outputPayload {}`, ...begun(B)],
];

/** What is set whatever the caller sent. */
const ALWAYS: SetPaths[] = [
  ["CreateDefinition", ["definition", ...definition("definition")]],
  ["PublishVersion", ["version", "version.createdAt", "definition", ...definition("definition")]],
  ["GetDefinition", ["definition", ...definition("definition")]],
  ["ListDefinitions", definition("definitions[0]")],
  ["ListVersions", ["versions[0].createdAt"]],
  ["StartRun", RUNNING],
  ["GetRun", RUNNING],
  ["PauseRun", RUNNING],
  ["ResumeRun", RUNNING],
  ["TransitionStep", ["step", ...ended("step"), "run", "run.startedAt", ...ended(A), ...begun(B)]],
  ["CancelRun", CANCELLED],
  ["CompensateRun", CANCELLED],
  ["GetPayload", []],
  ["GetPayload", []],
  ["Explain", ["explanation", "explanation.computedAt"]],
  ["GetHistory", ["moves[0].at", "moves[0].cause"]],
  ["GetAttempts", ["attempts[0].startedAt", "attempts[0].endedAt", "attempts[0].endedBy"]],
  ["GetTree", ["run", "run.startedAt", "run.completedAt"]],
  ["PreviewCancel", []],
  ["PreviewCompensation", []],
  ["Search", ["runs[0].startedAt", "runs[0].completedAt"]],
  ["PublishEvent", []],
  ["ListDeadLetters", ["deadLetters[0].putAsideAt"]],
  ["RetryDeadLetters", []],
  ["DiscardDeadLetters", []],
  ["ListRuns", ["runs[0].startedAt", "runs[0].completedAt"]],
  ["PlanRerun", ["plan", "plan.expiresAt"]],
  ["Rerun", ["run", "run.startedAt", ...ended(A), ...begun(B)]],
  // What a step gets and gives is {} where nothing is given.
  [
    "Simulate",
    [
      ...["simulation", "simulation.startedAt", "simulation.endedAt", "simulation.output {}"],
      ...["simulation.edges[0].at", ...played(0), ...played(1)],
    ],
  ],
  ["RetryStep", ["step", ...begun("step"), ...RUNNING]],
  ["FailStep", ["step", ...ended("step"), ...CANCELLED.filter((path) => !path.startsWith(B))]],
  ["SkipStep", GIVEN],
  ["CompleteStep", GIVEN],
  ["ResumeWith", RUNNING],
  [
    "HandleTrigger",
    [
      "startedRuns[0].startedAt",
      ...begun("startedRuns[0].steps[0]"),
      "updatedRuns[0].startedAt",
      "updatedRuns[0].completedAt",
      "updatedRuns[0].outputPayload {}",
      ...ended("updatedRuns[0].steps[0]"),
      "updatedRuns[0].steps[0].outputPayload {}",
    ],
  ],
  ["TransitionStep", ["step", ...ended("step"), ...ENDED, ...ended(A)]],
];

const versionSent = (at: string) => [
  ...[0, 1].flatMap((n) => [`${at}.steps[${n}].config {}`, `${at}.steps[${n}].retryPolicy`]),
  `${at}.trigger`,
  `${at}.defaultRetryPolicy`,
];
const INPUT_SENT = ["run.inputPayload {}"];
const BOTH_SENT = [...INPUT_SENT, `${A}.outputPayload {}`];
const TRANSITION_SENT = [...BOTH_SENT, "step.outputPayload {}"];
/** What is set in addition because the caller set it. */
const SENT: SetPaths[] = [
  ["CreateDefinition", []],
  ["PublishVersion", versionSent("version")],
  ["GetDefinition", []],
  ["ListDefinitions", []],
  ["ListVersions", versionSent("versions[0]")],
  ["StartRun", INPUT_SENT],
  ["GetRun", INPUT_SENT],
  ["PauseRun", INPUT_SENT],
  ["ResumeRun", INPUT_SENT],
  ["TransitionStep", TRANSITION_SENT],
  ["CancelRun", BOTH_SENT],
  ["CompensateRun", BOTH_SENT],
  ["GetPayload", ["payload {}"]],
  ["GetPayload", []],
  ["Explain", []],
  ["GetHistory", []],
  ["GetAttempts", []],
  ["GetTree", []],
  ["PreviewCancel", []],
  ["PreviewCompensation", []],
  ["Search", []],
  ["PublishEvent", []],
  ["ListDeadLetters", []],
  ["RetryDeadLetters", []],
  ["DiscardDeadLetters", []],
  ["ListRuns", []],
  ["PlanRerun", []],
  ["Rerun", BOTH_SENT],
  ["Simulate", []],
  ["RetryStep", []],
  ["FailStep", []],
  ["SkipStep", []],
  ["CompleteStep", []],
  ["ResumeWith", []],
  ["HandleTrigger", ["startedRuns[0].inputPayload {}", "updatedRuns[0].inputPayload {}"]],
  ["TransitionStep", TRANSITION_SENT],
];

/** Calls every RPC with its messages unset or `empty`; gives what is set in each answer. */
async function walk(useBinaryFormat: boolean, empty: object | undefined): Promise<SetPaths[]> {
  const found: SetPaths[] = [];
  const keep: Interceptor = (next) => async (request) => {
    const answer = await next(request);
    if (answer.stream) return answer;
    found.push([request.method.name, setMessages(request.method.output, answer.message)]);
    return answer;
  };
  const options = { baseUrl: service.baseUrl, httpVersion: "1.1", useBinaryFormat } as const;
  const transport = createConnectTransport({ ...options, interceptors: [keep] });
  const client = createClient(WorkflowService, transport);
  const workspaceId = `unset_${++workspaces}`;
  const set = (...names: string[]) =>
    empty === undefined ? {} : Object.fromEntries(names.map((name) => [name, empty]));

  const made = await client.createDefinition({ workspaceId, name: "by hand" });
  const definitionId = made.definition?.id ?? "";
  await client.publishVersion({
    definitionId,
    steps: ["a", "b"].map((id) => task(id, set("config", "retryPolicy"))),
    edges: [{ fromStepId: "a", toStepId: "b" }],
    ...set("trigger", "defaultRetryPolicy"),
  });
  await client.getDefinition({ id: definitionId });
  await client.listDefinitions({ workspaceId });
  await client.listVersions({ definitionId });

  const { run } = await client.startRun({ definitionId, ...set("inputPayload") });
  const id = run?.id ?? "";
  await client.getRun({ id });
  await client.pauseRun({ id });
  await client.resumeRun({ id });
  await client.transitionStep({
    runId: id,
    stepId: "a",
    state: COMPLETED,
    ...set("outputPayload"),
  });
  await client.cancelRun({ id });
  await client.compensateRun({ id });
  const runs = createClient(Runs, transport);
  await runs.getPayload({ runId: id, kind: PayloadKind.INPUT });
  await runs.getPayload({ runId: id, kind: PayloadKind.OUTPUT });
  await runs.explain({ runId: id });
  await runs.getHistory({ runId: id, pageSize: 1 });
  await runs.getAttempts({ runId: id, stepId: "b" });
  await runs.getTree({ runId: id });
  await runs.previewCancel({ runId: id });
  await runs.previewCompensation({ runId: id });
  await runs.search({ workspaceId, ...set("startedFrom", "endedFrom") });
  await runs.publishEvent({ workspaceId, type: "of.no.trigger", ...set("data") });
  await putLetterAside(service, { workspaceId, definitionId, runId: id });
  await runs.listDeadLetters({ workspaceId });
  await runs.retryDeadLetters({ ids: [`${definitionId}/1`] });
  await runs.discardDeadLetters({ ids: [`${definitionId}/1`] });
  await client.listRuns({ workspaceId });
  const { plan } = await runs.planRerun({ runId: id });
  await runs.rerun({ runId: id, planId: plan?.id ?? "", reason: "why" });
  await runs.simulate({ definitionId });
  const order = async () => {
    const started = await service.client.startRun({ definitionId });
    return { runId: started.run?.id ?? "", stepId: "a", reason: "why" };
  };
  const failing = await order();
  await runs.retryStep(failing);
  await runs.failStep(failing);
  await runs.skipStep({ ...(await order()), ...set("output") });
  await runs.completeStep({ ...(await order()), ...set("output") });
  const paused = await order();
  await service.client.pauseRun({ id: paused.runId });
  await runs.resumeWith({ ...paused, inputs: { b: { n: 1 } } });

  const { definitionId: waiting } = await publishFor(workspaceId, {
    steps: [{ id: "wait", stepType: StepType.WAIT_FOR_EVENT, eventTypePattern: "order.made" }],
  });
  await service.client.startRun({ definitionId: waiting, ...set("inputPayload") });
  await publishFor(workspaceId, {
    steps: [task("only", {})],
    trigger: { triggerType: TriggerType.EVENT, eventType: "order.made" },
  });
  const event = { workspaceId, triggerType: TriggerType.EVENT, eventType: "order.made" };
  const { startedRuns } = await client.handleTrigger({ ...event, ...set("inputPayload") });
  const runId = startedRuns[0]?.id ?? "";
  const outcome = { state: COMPLETED, ...set("outputPayload") };
  await client.transitionStep({ runId, stepId: "only", ...outcome });
  return found;
}

/** A version of a definition of its own, unreported by the walk. */
async function publishFor(workspaceId: string, version: object) {
  const name = `${workspaceId} ${++definitions}`;
  const made = await service.client.createDefinition({ workspaceId, name });
  const definitionId = made.definition?.id ?? "";
  await service.client.publishVersion({ definitionId, ...version });
  return { definitionId };
}

function setMessages(desc: DescMessage, message: object, at = ""): string[] {
  return desc.fields.flatMap((field) => {
    const value: unknown = Reflect.get(message, field.localName);
    const path = `${at}${field.localName}`;
    if (Array.isArray(value)) {
      return value.flatMap((item: unknown, place) =>
        isMessage(item) && field.message !== undefined
          ? setMessages(field.message, item, `${path}[${place}].`)
          : [],
      );
    }
    if (field.message === undefined || typeof value !== "object" || value === null) return [];
    if (!isMessage(value)) return [`${path} ${JSON.stringify(value)}`];
    return [path, ...setMessages(field.message, value, `${path}.`)];
  });
}

describe.each([
  ["Connect JSON", false],
  ["Connect binary", true],
])("%s", (_name, useBinaryFormat) => {
  test("what is unset stays unset", async () => {
    expect(sorted(await walk(useBinaryFormat, undefined))).toEqual(sorted(ALWAYS));
  });

  test("what is set comes back set, though empty", async () => {
    const both = ALWAYS.map(
      ([rpc, paths], at): SetPaths => [rpc, [...paths, ...(SENT[at]?.[1] ?? [])]],
    );
    expect(sorted(await walk(useBinaryFormat, {}))).toEqual(sorted(both));
  });
});

test("the walk calls every unary RPC", () => {
  const called = new Set(ALWAYS.map(([rpc]) => rpc));
  const all = [...WorkflowService.methods, ...Runs.methods]
    .filter(({ methodKind }) => methodKind === "unary")
    .map(({ name }) => name);
  expect([...called].sort()).toEqual(all.sort());
});

function played(attempt: number): string[] {
  const names = ["startedAt", "endedAt", "input {}", "output {}"];
  return names.map((name) => `simulation.path[${attempt}].${name}`);
}

function sorted(found: readonly SetPaths[]): SetPaths[] {
  return found.map(([rpc, paths]) => [rpc, [...paths].sort()]);
}
