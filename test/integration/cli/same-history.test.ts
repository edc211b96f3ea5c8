/**
 * The same actions by RPC, by the client library and by the command line give the same history, but for the channel that each
 * cause names.
 * Boundary: the command line and the service as processes, with APPROVALS_URL=builtin and nothing else configured.
 */
import { toJson } from "@bufbuild/protobuf";
import { type Client, createClient } from "@connectrpc/connect";
import { createGrpcTransport } from "@connectrpc/connect-node";
import { afterAll, beforeAll, expect, it } from "vitest";
import { Inbox, ItemState, Verdict } from "../../../gen/workflows/ops/v1/inbox_pb.ts";
import { type Move, MoveSchema } from "../../../gen/workflows/ops/v1/runs_pb.ts";
import { createWorkflowsClient } from "../../../src/client/client.ts";
import { until } from "../../support/assertions/until.ts";
import { type CommandLine, compileCommandLine } from "../../support/services/cli.ts";
import { type Cluster, type Replica, startCluster } from "../../support/services/replicas.ts";

const FILE = `
workflow: same
steps:
  gate: { approve: Pay it, action: pay, by: [user_ann] }
  pay: { task: Pay it, undo: { task: Take it back } }
  fetch: { task: Fetch it, on_error: hold }
  file: { task: File it }
`;
const INPUT = { amount: 7 };

/** What is done to a run, each by a person. */
interface Channel {
  start(): Promise<string>;
  pause(runId: string): Promise<unknown>;
  resume(runId: string): Promise<unknown>;
  approve(item: string): Promise<unknown>;
  claim(item: string): Promise<unknown>;
  complete(item: string): Promise<unknown>;
  skip(runId: string, stepId: string): Promise<unknown>;
  compensate(runId: string): Promise<unknown>;
}

let cli: CommandLine;
let cluster: Cluster;
let service: Replica;
let inbox: Client<typeof Inbox>;
let env: Record<string, string>;
let definitionId: string;

beforeAll(async () => {
  [cli, cluster] = await Promise.all([compileCommandLine(), startCluster()]);
  service = await cluster.start({ APPROVALS_URL: "builtin" });
  inbox = createClient(Inbox, createGrpcTransport({ baseUrl: service.url }));
  env = { WORKFLOWS_SERVER: service.url, WORKFLOWS_WORKSPACE: "ws", USER: "sam" };
  await cli.write("same.workflow.yaml", FILE);
  definitionId = await done("apply", "same.workflow.yaml", "--quiet");
});
afterAll(async () => {
  await cluster?.stop();
  await cli?.remove();
});

async function done(...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await cli.run(args, { env });
  expect({ args, code, stderr }).toMatchObject({ code: 0 });
  return stdout.trim();
}

const byCommand: Channel = {
  start: () => done("start", "same", "--input", JSON.stringify(INPUT), "--quiet"),
  pause: (id) => done("pause", id, "--reason", "audit"),
  resume: (id) => done("resume", id),
  approve: (item) => done("approve", item, "--as", "user_ann", "--reason", "in budget"),
  claim: (item) => done("claim", item, "--as", "user_ann"),
  complete: (item) => done("complete", item, "--as", "user_ann", "--output", `{"ok": true}`),
  skip: (id, stepId) => done("skip", id, stepId, "--reason", "waived"),
  compensate: (id) => done("compensate", id, "--reason", "withdrawn"),
};

const as = (name: string) => ({ headers: { "Workflows-Actor": name } });
const byRpc: Channel = {
  async start() {
    const { run } = await service.workflows.startRun(
      { definitionId, inputPayload: INPUT },
      as("sam"),
    );
    return run?.id ?? "";
  },
  pause: (id) => service.workflows.pauseRun({ id, reason: "audit" }, as("sam")),
  resume: (id) => service.workflows.resumeRun({ id }, as("sam")),
  async approve(id) {
    const { item } = await inbox.get({ id });
    const digest = item?.digest ?? "";
    const decision = { id, digest, verdict: Verdict.APPROVE, comment: "in budget" };
    return inbox.decide(decision, as("user_ann"));
  },
  claim: (id) => inbox.claim({ id }, as("user_ann")),
  complete: (id) => inbox.completeTask({ id, output: { ok: true } }, as("user_ann")),
  skip: (runId, stepId) =>
    service.runs.skipStep({ runId, stepId, reason: "waived", attempt: 1 }, as("sam")),
  compensate: (id) => service.workflows.compensateRun({ id, reason: "withdrawn" }, as("sam")),
};

/** Each person has a client, as each has a process. */
const clientOf = (actor: string) =>
  createWorkflowsClient({ baseUrl: service.url, actor, via: "console" });
const byClient: Channel = {
  async start() {
    const request = { definitionId, inputPayload: INPUT };
    const { run } = await clientOf("sam").workflows.startRun(request);
    return run?.id ?? "";
  },
  pause: (id) => clientOf("sam").workflows.pauseRun({ id, reason: "audit" }),
  resume: (id) => clientOf("sam").workflows.resumeRun({ id }),
  async approve(id) {
    const ann = clientOf("user_ann");
    const { item } = await ann.inbox.get({ id });
    const digest = item?.digest ?? "";
    return ann.inbox.decide({ id, digest, verdict: Verdict.APPROVE, comment: "in budget" });
  },
  claim: (id) => clientOf("user_ann").inbox.claim({ id }),
  complete: (id) => clientOf("user_ann").inbox.completeTask({ id, output: { ok: true } }),
  skip: (runId, stepId) =>
    clientOf("sam").runs.skipStep({ runId, stepId, reason: "waived", attempt: 1 }),
  compensate: (id) => clientOf("sam").workflows.compensateRun({ id, reason: "withdrawn" }),
};

/** Does all of it; gives the run's moves. */
async function play(channel: Channel): Promise<Move[]> {
  const runId = await channel.start();
  await opened(`${runId}/gate/1`);
  await channel.pause(runId);
  await channel.resume(runId);
  await channel.approve(`${runId}/gate/1`);
  await opened(`${runId}/pay/1`);
  await channel.claim(`${runId}/pay/1`);
  await channel.complete(`${runId}/pay/1`);
  await channel.skip(runId, "fetch");
  await channel.compensate(runId);
  await channel.complete(`${runId}/undo-pay/1`);
  return (await service.runs.getHistory({ runId, pageSize: 500 })).moves;
}

function opened(id: string): Promise<unknown> {
  return until(async () => {
    // Before its step begins there is no such item.
    const { item } = await inbox.get({ id }).catch(() => ({ item: undefined }));
    return item?.state === ItemState.OPEN ? true : undefined;
  });
}

/** A move without what differs between two runs, and without its channel. */
function comparable({ runId, ...move }: Move): unknown {
  const { cause } = move;
  const plain = toJson(MoveSchema, {
    ...move,
    runId: "",
    cursor: "",
    ...(cause === undefined ? {} : { cause: { ...cause, via: "" } }),
  });
  const text = JSON.stringify(plain)
    .replaceAll(runId, "RUN")
    .replaceAll(/"at":"[^"]+"/g, '"at":""')
    .replaceAll(/(apr|apd)_[0-9a-z]+/g, "$1");
  return JSON.parse(text);
}

it("the histories differ in the channel alone", async () => {
  const [commands, calls] = [await play(byCommand), await play(byRpc)];
  const ofClient = await play(byClient);
  expect(commands.map(comparable)).toEqual(calls.map(comparable));
  expect(ofClient.map(comparable)).toEqual(calls.map(comparable));
  const channelsOf = (moves: readonly Move[]) =>
    moves.flatMap(({ cause }) => (cause?.actor === "" ? [] : [cause?.via]));
  // StartRun, PauseRun, ResumeRun, Decide, CompleteTask, SkipStep, CompensateRun, CompleteTask.
  expect(channelsOf(commands)).toEqual(Array(8).fill("cli"));
  expect(channelsOf(ofClient)).toEqual(Array(8).fill("console"));
  expect(channelsOf(calls)).toEqual(Array(8).fill(""));
  const claims = [commands, ofClient, calls].map(async ([move]) => {
    const { item } = await inbox.get({ id: `${move?.runId}/pay/1` });
    return item?.notes.map(({ via }) => via);
  });
  expect(await Promise.all(claims)).toEqual([["cli"], ["console"], [""]]);
});
