/**
 * Two workspaces that do the same things, in turn, with the same names, keys and event ids: nothing of one is in an event,
 * a list page, an answer, an error text or a repeated answer of the other, and no line of the log holds what they send.
 * Boundary: the real RPC server, processor and publisher, with a log at its lowest level and a bus of its own.
 */
import { type CallOptions, type Client, createClient } from "@connectrpc/connect";
import { createConnectTransport } from "@connectrpc/connect-node";
import { afterAll, beforeAll, expect, it } from "vitest";
import { Runs } from "../../gen/workflows/ops/v1/runs_pb.ts";
import {
  StepRunState,
  StepType,
  TriggerType,
  WorkflowService,
} from "../../gen/workflows/v1/workflows_pb.ts";
import { SCOPES } from "../../src/collaborators/identity/callers.ts";
import { createPublisher } from "../../src/egress/publish/publisher.ts";
import { connectBus } from "../../src/ingress/bus/connection.ts";
import { createLog } from "../../src/process/log.ts";
import { createGraphCache } from "../../src/runtime/graphs.ts";
import { until } from "../support/assertions/until.ts";
import { startOwnNats } from "../support/servers/own-nats.ts";
import { type RpcService, refusedBy, startRpcService } from "../support/services/rpc-service.ts";
import { STREAM_LIMITS } from "../support/services/stream-limits.ts";

type Clients = Client<typeof WorkflowService> & Client<typeof Runs>;

const STREAM = "WORKFLOWS";
const RUNS = 3;
/** The run begins, its step begins, and both end. */
const EVENTS_A_RUN = 4;
const EVENT = { triggerType: TriggerType.EVENT, eventType: "order.made" };
const WORK = { id: "work", name: "Work", stepType: StepType.HUMAN_TASK };
const PLACES = ["ws_a", "ws_b"] as const;
type Workspace = (typeof PLACES)[number];

let service: RpcService;
let client: Clients;
const lines: string[] = [];
/** Every id and text that a workspace has, by the workspace. */
const own: Readonly<Record<Workspace, Set<string>>> = {
  ws_a: new Set(["ws_a"]),
  ws_b: new Set(["ws_b"]),
};
const stops: (() => Promise<unknown>)[] = [];
let events: { readonly text: string; readonly tenant: unknown }[];

beforeAll(async () => {
  const log = createLog({ level: "debug", format: "json", write: (line) => lines.push(line) });
  const scopes = new Set(SCOPES);
  const find = async (workspaceId: string) => ({ subject: "caller", workspaceId, scopes });
  service = await startRpcService({ callers: { find }, log });
  stops.push(service.stop);
  const nats = await startOwnNats();
  stops.push(nats.stop);
  const connection = await connectBus({ servers: [nats.url] }, log);
  stops.push(() => connection.close());
  const publisher = createPublisher({
    ...{ database: service.database, graphs: createGraphCache(service.database), log, connection },
    ...{ stream: STREAM, limits: STREAM_LIMITS, format: "cloudevents", replicaId: "replica" },
  });
  stops.push(publisher.stop);
  publisher.start();
  const transport = createConnectTransport({ baseUrl: service.baseUrl, httpVersion: "1.1" });
  client = { ...createClient(WorkflowService, transport), ...createClient(Runs, transport) };
  const definitions = new Map<Workspace, string>();
  for (const workspace of PLACES) definitions.set(workspace, await define(workspace));
  for (let n = 0; n < RUNS; n += 1) {
    for (const workspace of PLACES) await live(workspace, definitions.get(workspace) ?? "", n);
  }
  const { database } = service;
  const unpublished = {
    name: "test_unpublished",
    text: "select 1 from move_batches where published_at is null",
  };
  await until(async () =>
    (await database.read.query(unpublished, [])).length === 0 ? true : undefined,
  );
  const manager = await connection.jetstreamManager();
  const { state } = await manager.streams.info(STREAM);
  const read = async (seq: number) => {
    const { data, header } = await manager.streams.getMessage(STREAM, { seq });
    const event = Buffer.from(data).toString();
    const { tenantid: tenant }: { tenantid?: unknown } = JSON.parse(event);
    return { text: `${event} ${JSON.stringify([...header])}`, tenant };
  };
  events = await Promise.all(Array.from({ length: state.last_seq }, (_, n) => read(n + 1)));
});
afterAll(async () => {
  for (const stop of stops.reverse()) await stop();
});

function as(workspace: Workspace, key?: string): CallOptions {
  const authorization = `Bearer ${workspace}`;
  return {
    headers: key === undefined ? { authorization } : { authorization, "Idempotency-Key": key },
  };
}

function note(workspace: Workspace, ...values: readonly (string | undefined)[]): void {
  for (const value of values) if (value) own[workspace].add(value);
}

function secretOf(workspace: Workspace): string {
  const secret = `secret-of-${workspace}`;
  note(workspace, secret);
  return secret;
}

async function define(workspace: Workspace): Promise<string> {
  const described = {
    name: "orders",
    description: secretOf(workspace),
    tags: [secretOf(workspace)],
  };
  const { definition } = await client.createDefinition(described, as(workspace, "make"));
  const definitionId = definition?.id ?? "";
  const published = { definitionId, steps: [WORK], trigger: EVENT };
  const { version } = await client.publishVersion(published, as(workspace, "publish"));
  note(workspace, definitionId, version?.id);
  return definitionId;
}

/** A run by an event that comes with the same id everywhere; it fails, and another one is cancelled. */
async function live(workspace: Workspace, definitionId: string, n: number): Promise<void> {
  const secret = secretOf(workspace);
  const inputPayload = { secret };
  const event = { ...EVENT, triggerEventId: `order_${n}`, inputPayload };
  const { startedRuns } = await client.handleTrigger(event, as(workspace, `event-${n}`));
  expect(startedRuns).toHaveLength(1);
  const runId = startedRuns[0]?.id ?? "";
  const report = { runId, stepId: "work", outputPayload: inputPayload };
  const failed = { ...report, state: StepRunState.FAILED, errorMessage: secret };
  await client.transitionStep(failed, as(workspace, `fail-${n}`));
  const started = { definitionId, inputPayload, entityId: secret, entityType: "deal" };
  const { run } = await client.startRun(started, as(workspace, `start-${n}`));
  await client.cancelRun({ id: run?.id ?? "", reason: secret }, as(workspace, `cancel-${n}`));
  note(workspace, runId, run?.id);
}

function other(workspace: Workspace): Workspace {
  return workspace === "ws_a" ? "ws_b" : "ws_a";
}

/** What of another workspace is in an answer or a text. */
function foreignIn(workspace: Workspace, answer: unknown): string[] {
  const text = JSON.stringify(answer, (_name, value: unknown) =>
    typeof value === "bigint" ? String(value) : value,
  );
  return [...own[other(workspace)]].filter((value) => text.includes(value));
}

function idsOf(workspace: Workspace, prefix: string): string[] {
  return [...own[workspace]].filter((value) => value.startsWith(prefix));
}

it.each(PLACES)("events of %s are its own", (workspace) => {
  const ofWorkspace = events.filter(({ tenant }) => tenant === workspace);
  expect(ofWorkspace.length).toBeGreaterThanOrEqual(RUNS * 2 * EVENTS_A_RUN);
  expect(ofWorkspace.flatMap(({ text }) => foreignIn(workspace, text))).toEqual([]);
  expect(ofWorkspace.some(({ text }) => text.includes(`secret-of-${workspace}`))).toBe(true);
});

it("every event has one of the tenants", () => {
  expect(events.filter(({ tenant }) => tenant !== "ws_a" && tenant !== "ws_b")).toEqual([]);
});

it.each(PLACES)("list pages of %s have its own rows and count them alone", async (workspace) => {
  const ids: string[] = [];
  for (let offset = 0; offset < 2 * RUNS; offset += 1) {
    const page = await client.listRuns({ limit: 1, offset }, as(workspace));
    expect([page.total, foreignIn(workspace, page)]).toEqual([2 * RUNS, []]);
    ids.push(...page.runs.map(({ id }) => id));
  }
  expect(ids.toSorted()).toEqual(idsOf(workspace, "wfr_").toSorted());
  const definitions = await client.listDefinitions({ limit: 1 }, as(workspace));
  expect([definitions.total, foreignIn(workspace, definitions)]).toEqual([1, []]);
});

it.each(PLACES)("a repeat in %s gives its own first answer", async (workspace) => {
  const made = { name: "orders", description: secretOf(workspace), tags: [secretOf(workspace)] };
  const { definition } = await client.createDefinition(made, as(workspace, "make"));
  expect(own[workspace]).toContain(definition?.id);
  const inputPayload = { secret: secretOf(workspace) };
  const event = { ...EVENT, triggerEventId: "order_0", inputPayload };
  const answer = await client.handleTrigger(event, as(workspace, "event-0"));
  expect(foreignIn(workspace, answer)).toEqual([]);
  expect(own[workspace]).toContain(answer.startedRuns[0]?.id);
});

it.each(PLACES)(
  "an error text in %s holds no more of the other than the id that was asked for",
  async (workspace) => {
    const [runId = ""] = idsOf(other(workspace), "wfr_");
    const [definitionId = ""] = idsOf(other(workspace), "wf_");
    const asked = new Set([runId, definitionId, other(workspace)]);
    const definition = { workspaceId: other(workspace), name: "orders" };
    const refused = [
      () => client.getRun({ id: runId }, as(workspace)),
      () => client.cancelRun({ id: runId }, as(workspace, "cancel-0")),
      () => client.startRun({ definitionId }, as(workspace, "start-0")),
      () => client.createDefinition(definition, as(workspace, "make")),
      () => client.createDefinition({ name: "orders" }, as(workspace)),
    ];
    for (const call of refused) {
      const { error } = await refusedBy(call());
      const said = [error.message, error.rawMessage, [...error.metadata], error.details];
      expect(foreignIn(workspace, said).filter((value) => !asked.has(value))).toEqual([]);
    }
  },
);

it("no line of the log holds what a workspace sent, nor names two workspaces", () => {
  expect(lines.length).toBeGreaterThan(0);
  expect(lines.filter((line) => line.includes("secret-of-"))).toEqual([]);
  const ofBoth = (line: string) =>
    PLACES.every((workspace) => [...own[workspace]].some((value) => line.includes(value)));
  expect(lines.filter(ofBoth)).toEqual([]);
});
