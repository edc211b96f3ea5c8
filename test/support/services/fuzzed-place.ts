/**
 * What the service has before it is fuzzed, and a sound request of each unary RPC about it.
 * Boundary: sets up by sound calls; workspace `ws_a` is the caller's, `ws_b` another's.
 */
import type { DescMethod, DescMethodUnary } from "@bufbuild/protobuf";
import type { CallOptions } from "@connectrpc/connect";
import { Health } from "../../../gen/grpc/health/v1/health_pb.ts";
import { Endpoints } from "../../../gen/workflows/ops/v1/endpoints_pb.ts";
import { Inbox } from "../../../gen/workflows/ops/v1/inbox_pb.ts";
import { Runs } from "../../../gen/workflows/ops/v1/runs_pb.ts";
import { Schedules } from "../../../gen/workflows/ops/v1/schedules_pb.ts";
import { Templates } from "../../../gen/workflows/ops/v1/templates_pb.ts";
import { Workflows } from "../../../gen/workflows/ops/v1/workflows_pb.ts";
import { StepType, TriggerType, WorkflowService } from "../../../gen/workflows/v1/workflows_pb.ts";
import type { Tree } from "../random/random-requests.ts";
import type { RpcService } from "./rpc-service.ts";

/** Ids of what there is. */
export interface Place {
  /** Has a version with a trigger. */
  readonly definitionId: string;
  /** Has none. */
  readonly emptyId: string;
  readonly runIds: readonly string[];
  /** Runs with many open steps. */
  readonly wideRunIds: readonly string[];
  /** Ids that a field may get in place of its own; some are another workspace's. */
  readonly ids: readonly string[];
}

/** CompleteTask goes the way of TransitionStep; Delete takes away what others are about. */
const LEFT_OUT: readonly DescMethod[] = [Inbox.method.completeTask, Workflows.method.delete];

/** Every other unary RPC of these services. Those of the inbox come first: the others end what is open. */
export const METHODS = [
  ...[Inbox, WorkflowService, Runs, Workflows],
  ...[Endpoints, Schedules, Templates, Health],
].flatMap(({ methods }) =>
  methods.flatMap((method) =>
    isUnary(method) && !LEFT_OUT.includes(method) ? [{ name: nameOf(method), method }] : [],
  ),
);

function nameOf({ parent, name }: DescMethod): string {
  if (parent.typeName === Workflows.typeName) return `Workflows.${name}`;
  if (parent.typeName === Endpoints.typeName) return `Endpoints.${name}`;
  if (parent.typeName === Schedules.typeName) return `Schedules.${name}`;
  if (parent.typeName === Templates.typeName) return `Templates.${name}`;
  return parent.typeName === Inbox.typeName ? `Inbox.${name}` : name;
}

function isUnary(method: DescMethod): method is DescMethodUnary {
  return method.methodKind === "unary";
}

const RUNS = 60;
const WIDE_RUNS = 15;
const STEPS = 20;
const HUMAN = { name: "Work", stepType: StepType.HUMAN_TASK };
const OTHERS = as("ws_b");
const OWN = as("ws_a");

function as(workspaceId: string): CallOptions {
  return { headers: { authorization: `Bearer ${workspaceId}` } };
}

/** Makes definitions and runs of two workspaces. */
export async function furnish({ client }: RpcService): Promise<Place> {
  const define = async (name: string, options: CallOptions) => {
    const { definition } = await client.createDefinition({ name, tags: ["t"] }, options);
    return definition?.id ?? "";
  };
  const start = async (definitionId: string, options: CallOptions) => {
    const { run } = await client.startRun({ definitionId }, options);
    return run?.id ?? "";
  };
  const definitionId = await define("one", OWN);
  const emptyId = await define("two", OWN);
  const wideId = await define("wide", OWN);
  const othersId = await define("one", OTHERS);
  const steps = [{ id: "ask", ...HUMAN }];
  const trigger = { triggerType: TriggerType.EVENT, eventType: "order.made" };
  await client.publishVersion({ definitionId, steps, trigger }, OWN);
  await client.publishVersion({ definitionId: othersId, steps, trigger }, OTHERS);
  const wide = Array.from({ length: STEPS }, (_, at) => ({ id: `s${at}`, ...HUMAN }));
  await client.publishVersion({ definitionId: wideId, steps: wide }, OWN);
  const runIds: string[] = [];
  for (let n = 0; n < RUNS; n += 1) runIds.push(await start(definitionId, OWN));
  const wideRunIds: string[] = [];
  for (let n = 0; n < WIDE_RUNS; n += 1) wideRunIds.push(await start(wideId, OWN));
  const othersRunId = await start(othersId, OTHERS);
  const ids = [
    othersId,
    othersRunId,
    definitionId,
    emptyId,
    ...wideRunIds.slice(0, 2),
    ...runIds.slice(0, 3),
  ];
  return { definitionId, emptyId, runIds, wideRunIds, ids };
}

const VERSION: Tree = {
  steps: [
    {
      ...{ id: "ask", name: "Ask", step_type: StepType.HUMAN_TASK },
      config: { title: "{{ input.name }}", input: { n: "{{ input.n }}" }, assignee: "ann" },
    },
    { id: "fork", name: "Fork", step_type: StepType.BRANCH, condition_expr: "ask.ok == true" },
    {
      ...{ id: "wait", step_type: StepType.WAIT_FOR_EVENT, event_type_pattern: "a.*" },
      config: { filter_expr: "event.data.n > 1", lookback_seconds: 5 },
    },
    {
      ...{ id: "tell", step_type: StepType.NOTIFICATION, notification_channel: "email" },
      config: { recipient: "ann", subject: "{{ ask.subject }}", body: "x" },
    },
    {
      ...{ id: "act", step_type: StepType.AGENT_ACTION, agent_id: "a1", timeout_seconds: 5 },
      config: { instructions: "do {{ input.n }}" },
      retry_policy: { max_retries: 1, backoff_seconds: 1, backoff_multiplier: 2 },
    },
  ],
  edges: [
    { from_step_id: "ask", to_step_id: "fork" },
    { from_step_id: "fork", to_step_id: "wait", label: "true" },
    { from_step_id: "fork", to_step_id: "tell", label: "false" },
    { from_step_id: "wait", to_step_id: "act", condition_expr: "wait.n != 2" },
  ],
  trigger: {
    ...{ trigger_type: TriggerType.EVENT, event_type: "order.made", event_subject: "o/*" },
    filter_expr: "event.data.amount > 1",
  },
  default_retry_policy: { max_retries: 2, backoff_seconds: 1, backoff_multiplier: 1.5 },
  timeout_seconds: 60,
  author: "ann",
};

const SOUND: Readonly<Record<string, (place: Place, n: number) => Tree>> = {
  CreateDefinition: (_, n) => ({
    ...{ workspace_id: "ws_a", name: `d${n}`, description: "x", tags: ["t", "u"] },
  }),
  GetDefinition: ({ definitionId }) => ({ id: definitionId }),
  ListDefinitions: () => ({ workspace_id: "ws_a", tag: "t", limit: 3, offset: 1 }),
  PublishVersion: ({ emptyId }) => ({ definition_id: emptyId, ...VERSION }),
  ListVersions: ({ definitionId }) => ({ definition_id: definitionId }),
  StartRun: ({ definitionId }, n) => ({
    ...{ definition_id: definitionId, definition_version: 1, workspace_id: "ws_a" },
    ...{ initiator_agent_id: "a", initiator_user_id: "u", entity_id: "e", entity_type: "t" },
    ...{ input_payload: { n, name: "x" }, trigger_event_id: `e${n}` },
  }),
  HandleTrigger: (_, n) => ({
    ...{ workspace_id: "ws_a", trigger_type: TriggerType.EVENT, trigger_event_id: `t${n}` },
    ...{ event_type: "order.made", event_subject: "o/1", entity_id: "e", entity_type: "t" },
    input_payload: { amount: 2 },
  }),
  GetRun: ({ runIds }, n) => ({ id: oneOf(runIds, n) }),
  ListRuns: ({ definitionId }) => ({
    ...{ workspace_id: "ws_a", definition_id: definitionId, state: 2, limit: 2, offset: 1 },
  }),
  TransitionStep: ({ wideRunIds }, n) => ({
    ...{
      run_id: oneOf(wideRunIds, n),
      step_id: `s${n % STEPS}`,
      state: 4,
      agent_id: "a",
      cost_usd: 0.5,
    },
    output_payload: { ok: n },
  }),
  PauseRun: ({ runIds }, n) => ({ id: oneOf(runIds, n), reason: "r" }),
  ResumeRun: ({ runIds }, n) => ({ id: oneOf(runIds, n) }),
  CancelRun: ({ runIds }, n) => ({ id: oneOf(runIds, n), reason: "r" }),
  CompensateRun: ({ runIds }, n) => ({ id: oneOf(runIds, n), reason: "r" }),
  GetPayload: ({ wideRunIds }, n) => ({ run_id: oneOf(wideRunIds, n), step_id: "s1", kind: 1 }),
  Search: ({ definitionId }) => ({
    ...{ workspace_id: "ws_a", states: [2, 5], definition_id: definitionId, definition_version: 1 },
    ...{ entity_id: "e", entity_type: "t", initiator_agent_id: "a", initiator_user_id: "u" },
    ...{
      error_text: "x",
      cost_usd_from: 0,
      cost_usd_below: 2,
      waiting_for: [3],
      page_size: 2,
      counts: true,
    },
  }),
  Explain: ({ wideRunIds }, n) => ({ run_id: oneOf(wideRunIds, n) }),
  GetHistory: ({ wideRunIds }, n) => ({
    ...{ run_id: oneOf(wideRunIds, n), page_size: 2, newest_first: true },
  }),
  GetAttempts: ({ wideRunIds }, n) => ({ run_id: oneOf(wideRunIds, n), step_id: "s1" }),
  GetTree: ({ wideRunIds }, n) => ({ run_id: oneOf(wideRunIds, n) }),
  PreviewCancel: ({ wideRunIds }, n) => ({ run_id: oneOf(wideRunIds, n) }),
  PreviewCompensation: ({ wideRunIds }, n) => ({ run_id: oneOf(wideRunIds, n) }),
  PlanRerun: ({ runIds }, n) => ({
    ...{ run_id: oneOf(runIds, n), from_step_id: "ask", version: 1, input: { n } },
  }),
  Rerun: ({ runIds }, n) => ({
    ...{ run_id: oneOf(runIds, n), plan_id: "a.b", from_step_id: "ask", reason: "r", input: { n } },
  }),
  RetryStep: orderOf,
  SkipStep: (place, n) => ({ ...orderOf(place, n), output: { n } }),
  ResumeWith: ({ wideRunIds }, n) => ({
    ...{ run_id: oneOf(wideRunIds, n), reason: "r" },
    inputs: { [`s${n % STEPS}`]: { n, gone: null, deep: { a: [1] } } },
  }),
  CompleteStep: (place, n) => ({ ...orderOf(place, n), output: { n } }),
  FailStep: orderOf,
  PublishEvent: (_, n) => ({
    ...{ workspace_id: "ws_a", type: "order.made", source: "shop", subject: "o/1", id: `p${n}` },
    ...{ data: { amount: 2 }, reason: "r" },
  }),
  ListDeadLetters: () => ({ workspace_id: "ws_a", page_size: 2 }),
  RetryDeadLetters: (_, n) => ({ ids: [`BUS/${n}`], reason: "r" }),
  DiscardDeadLetters: (_, n) => ({ ids: [`BUS/${n}`], reason: "r" }),
  "Inbox.List": () => ({ workspace_id: "ws_a", mine: true, kinds: [2], page_size: 2 }),
  "Inbox.Count": () => ({ workspace_id: "ws_a", kinds: [1, 2] }),
  "Inbox.Get": itemOf,
  "Inbox.Decide": (place, n) => ({
    ...itemOf(place, n),
    ...{ verdict: 1, digest: "d", comment: "c", edits: { n, gone: null } },
  }),
  "Inbox.Claim": (place, n) => ({ ...itemOf(place, n), reason: "r" }),
  "Inbox.Release": (place, n) => ({ ...itemOf(place, n), reason: "r" }),
  "Inbox.Delegate": (place, n) => ({ ...itemOf(place, n), to: "user_of_ws_a", reason: "r" }),
  "Inbox.Comment": (place, n) => ({ ...itemOf(place, n), comment: "c" }),
  "Workflows.Get": ({ definitionId }) => ({ id: definitionId }),
  "Workflows.List": () => ({ workspace_id: "ws_a", name_contains: "o", page_size: 2 }),
  "Workflows.CheckVersion": ({ emptyId }, n) =>
    n % 2 === 0
      ? { source_text: sourceOf(n) }
      : { version: { definition_id: emptyId, ...VERSION } },
  "Workflows.PublishSource": (_, n) => ({
    ...{ workspace_id: "ws_a", source_text: sourceOf(n), layout: { work: { x: n } }, note: "n" },
  }),
  "Workflows.GetVersion": ({ definitionId }) => ({ definition_id: definitionId, version: 1 }),
  "Workflows.ListVersionHeads": ({ definitionId }) => ({
    ...{ definition_id: definitionId, page_size: 2 },
  }),
  "Workflows.Deploy": ({ definitionId }, n) => ({
    ...{ definition_id: definitionId, environment: n % 2 === 0 ? "staging" : "production" },
    ...{ version: 1, vars: { flag: n }, reason: "r" },
  }),
  "Workflows.WithdrawDeployment": (_, n) => ({ id: `dep_${n}`, reason: "r" }),
  "Workflows.ListDeployments": ({ definitionId }) => ({
    ...{ definition_id: definitionId, environment: "production", states: [2, 4], page_size: 2 },
  }),
  "Workflows.GetDeployPolicy": () => ({ workspace_id: "ws_a" }),
  "Workflows.PutDeployPolicy": (_, n) => ({
    ...{ workspace_id: "ws_a", reason: "r" },
    rules: [
      {
        ...{ environment: n % 2 === 0 ? "qa" : "live", approvers: ["ann"] },
        ...{ requires_simulation: n % 3 === 0, ran_in: n % 5 === 0 ? "test" : "" },
      },
    ],
  }),
  "Workflows.GetStats": ({ definitionId }, n) => ({ definition_id: definitionId, days: n % 91 }),
  "Workflows.Pause": ({ emptyId }, n) => ({
    ...{ definition_id: emptyId, reason: "r", on_missed: 2, queue_seconds: n },
  }),
  "Workflows.Resume": ({ emptyId }) => ({ definition_id: emptyId, reason: "r" }),
  "Workflows.ListMissedTriggers": ({ definitionId }) => ({
    ...{ definition_id: definitionId, state: 1, page_size: 2 },
  }),
  "Workflows.ReplayMissedTriggers": ({ definitionId }, n) => ({
    ...{ definition_id: definitionId, ids: [`${1 + n}`, "500"], reason: "r" },
  }),
  // The verb of the one method that is left out: a hook that cannot be asked would refuse the others.
  "Workflows.PutHook": (_, n) => ({
    ...{ workspace_id: "ws_a", name: `h${n}`, verbs: [8], governance: true, reason: "r" },
    ...{ etag: "", rotate_secret: n % 2 === 0 },
  }),
  "Workflows.ListHooks": () => ({ workspace_id: "ws_a" }),
  "Workflows.DeleteHook": (_, n) => ({ workspace_id: "ws_a", name: `h${n}`, reason: "r" }),
  "Endpoints.Create": ({ definitionId }, n) => ({
    ...{ definition_id: definitionId, name: `e${n}`, environment: "production", verification: 1 },
    reason: "r",
  }),
  "Endpoints.Rotate": (_, n) => ({ id: `whk_${n}`, grace_seconds: n, reason: "r" }),
  "Endpoints.List": ({ definitionId }) => ({
    ...{ workspace_id: "ws_a", definition_id: definitionId, page_size: 2 },
  }),
  "Endpoints.Delete": (_, n) => ({ id: `whk_${n}`, reason: "r" }),
  "Schedules.Create": ({ definitionId }, n) => ({
    ...{ definition_id: definitionId, environment: "production", paused: true, reason: "r" },
    spec: specOf(n),
  }),
  "Schedules.Update": ({ definitionId }, n) => ({
    ...{ id: `trigger:${definitionId}`, etag: "1", update_mask: ["line", "input"], reason: "r" },
    spec: specOf(n),
  }),
  "Schedules.Delete": (_, n) => ({ id: `wsc_${n}`, etag: "1", reason: "r" }),
  "Schedules.Get": (_, n) => ({ id: `wsc_${n}` }),
  "Schedules.List": ({ definitionId }) => ({
    ...{ workspace_id: "ws_a", definition_id: definitionId, page_size: 2 },
  }),
  "Schedules.Pause": (_, n) => ({ id: `wsc_${n}`, reason: "r" }),
  "Schedules.Resume": (_, n) => ({ id: `wsc_${n}`, reason: "r" }),
  "Schedules.RunNow": (_, n) => ({ id: `wsc_${n}`, reason: "r" }),
  "Schedules.Backfill": (_, n) => ({
    ...{ id: `wsc_${n}`, reason: "r" },
    ...{ from: "2026-01-01T00:00:00Z", to: "2026-01-02T00:00:00Z" },
  }),
  "Schedules.Preview": (_, n) => ({
    ...{ line: "0 9 * * MON", zone: "Europe/Berlin", after: "2026-01-01T00:00:00Z", count: n % 9 },
  }),
  "Workflows.GetDraft": ({ emptyId }) => ({ definition_id: emptyId }),
  "Workflows.SaveDraft": ({ emptyId }, n) => ({
    ...{ definition_id: emptyId, source_text: sourceOf(n), format: 1 + (n % 2) },
    autosave: n % 2 === 0,
    ...{ layout: { work: { x: n } }, etag: n % 3 === 0 ? "" : `e${n}`, reason: "r" },
  }),
  "Workflows.DiscardDraft": ({ emptyId }, n) => ({
    ...{ definition_id: emptyId, etag: `e${n}`, reason: "r" },
  }),
  "Workflows.PublishDraft": ({ emptyId }, n) => ({
    ...{ definition_id: emptyId, etag: `e${n}`, note: "n", deploy_to: "production" },
  }),
  "Workflows.Create": (_, n) => ({
    ...{ workspace_id: "ws_a", name: `w${n}`, description: "x", tags: ["t"], owner: "ann" },
    ...{ team: "t", source_text: sourceOf(n), reason: "r" },
  }),
  "Workflows.Update": ({ emptyId }, n) => ({
    ...{ definition_id: emptyId, owner: `o${n}`, etag: String(n % 3), reason: "r" },
    update_mask: ["owner", "tags", "run_limit"],
    run_limit: { max_open_runs: n % 3, concurrency_key: "customer.id", when_full: 1 + (n % 3) },
  }),
  // Of a workflow whose runs no other RPC begins.
  "Workflows.Archive": ({ emptyId }) => ({ definition_id: emptyId, reason: "r" }),
  "Workflows.Unarchive": ({ emptyId }) => ({ definition_id: emptyId, reason: "r" }),
  "Workflows.DiffVersions": ({ definitionId }) => ({ definition_id: definitionId, from: 1 }),
  "Templates.List": () => ({ category: "Finance", text: "expense", workspace_id: "ws_a" }),
  "Templates.Get": (_, n) => ({ id: `k${n % 5}`, workspace_id: "ws_a" }),
  "Templates.Save": (_, n) => ({
    ...{
      workspace_id: "ws_a",
      id: `k${n % 5}`,
      title: "Kept",
      summary: "So.",
      category: "Finance",
    },
    ...{ source_text: sourceOf(n), needs: [{ kind: 2, name: "q", purpose: "p" }], reason: "r" },
    parameters: { properties: { n: { type: "number", default: n, description: "So many." } } },
  }),
  "Templates.Delete": (_, n) => ({ workspace_id: "ws_a", id: `k${n % 5}`, reason: "r" }),
  "Templates.Install": (_, n) => ({
    ...{ workspace_id: "ws_a", template_id: "expense-approval", name: `t${n}`, note: "n" },
    parameters: { threshold_usd: n, manager: "user_ann" },
  }),
  Simulate: ({ definitionId, runIds }, n) => ({
    ...(n % 2 === 0
      ? { definition_id: definitionId, version: 1, mocks_from_run: oneOf(runIds, n) }
      : { source_text: sourceOf(n), input: { n } }),
    mocks: [{ step_id: n % 2 === 0 ? "ask" : "work", output: { n }, delay_seconds: 1.5 }],
    start_at: { seconds: 1_800_000_000, nanos: 5 },
  }),
  Check: () => ({ service: WorkflowService.typeName }),
  List: () => ({}),
};

function specOf(n: number): Tree {
  return {
    ...{ name: `s${n}`, line: "0 9 * * MON", zone: "Europe/Berlin", overlap: 2 },
    ...{ catch_up_seconds: 60, jitter_seconds: 5, input: { n } },
    ...{ from: "2030-01-01T00:00:00Z", to: "2031-01-01T00:00:00Z" },
    run_as: { scope: 1, subject: "" },
  };
}

function sourceOf(n: number): string {
  return `workflow: s${n % 3}\ninput: { n: number }\nsteps:\n  work: { task: "Do ${n}" }\n`;
}

function orderOf({ wideRunIds }: Place, n: number): Tree {
  return { run_id: oneOf(wideRunIds, n), step_id: `s${n % STEPS}`, reason: "r" };
}

function itemOf({ wideRunIds }: Place, n: number): Tree {
  return { id: `${oneOf(wideRunIds, n)}/s${n % STEPS}/1` };
}

function oneOf(runIds: readonly string[], n: number): string {
  return runIds[n % runIds.length] ?? "";
}

/** A request of the RPC that nothing is wrong with; `n` tells requests apart. */
export function soundRequest(method: DescMethod, place: Place, n: number): Tree {
  const make = SOUND[nameOf(method)];
  if (make === undefined) throw new Error(`no sound request of ${nameOf(method)}`);
  return make(place, n);
}
