/**
 * Runs.TailEvents, `client.watches.events` and `workflows events tail` over the real service: two replicas, one bus.
 * Boundary: needs TEST_DATABASE_URL and the program nats-server.
 */
import { once } from "node:events";
import { createInterface } from "node:readline";
import { connect } from "nats";
import { afterAll, beforeAll, expect, it } from "vitest";
import type { PublishedEvent } from "../../gen/workflows/ops/v1/runs_pb.ts";
import { StepType } from "../../gen/workflows/v1/workflows_pb.ts";
import { type CommandLine, compileCommandLine } from "../support/services/cli.ts";
import { type Cluster, type Replica, startCluster } from "../support/services/replicas.ts";

const WORKSPACE = "ws_tail";
let cli: CommandLine;
let cluster: Cluster;
let here: Replica;
let there: Replica;
let definitionId: string;

beforeAll(async () => {
  [cli, cluster] = await Promise.all([compileCommandLine(), startCluster()]);
  [here, there] = await Promise.all([cluster.start(), cluster.start()]);
  definitionId = await define(WORKSPACE);
});
afterAll(async () => {
  await cluster?.stop();
  await cli?.remove();
});

async function define(workspaceId: string): Promise<string> {
  const { definition } = await here.workflows.createDefinition({ workspaceId, name: "task" });
  const id = definition?.id ?? "";
  const steps = [{ id: "one", name: "One", stepType: StepType.HUMAN_TASK }];
  await here.workflows.publishVersion({ definitionId: id, steps });
  return id;
}

async function startAt({ workflows }: Replica, of = definitionId): Promise<string> {
  const { run } = await workflows.startRun({ definitionId: of });
  return run?.id ?? "";
}

it("gives what each replica commits, of one workspace, as the stream has it", async () => {
  // Nothing of this workspace is on its way to the stream when the tail begins.
  const workspaceId = "ws_tailed";
  const other = await define("ws_other");
  const events: PublishedEvent[] = [];
  const runIds: string[] = [];
  for await (const { event } of here.runs.tailEvents({ workspaceId })) {
    if (event === undefined && runIds.length === 0) {
      await startAt(here, other);
      const tailed = await define(workspaceId);
      runIds.push(await startAt(here, tailed), await startAt(there, tailed));
    }
    if (event === undefined) continue;
    events.push(event);
    // Each run publishes that it started, and that its step started and waits; the workflow that it was made and published.
    if (events.filter(({ runId }) => runId !== "").length === 6) break;
  }
  expect(new Set(events.map(({ runId }) => runId))).toEqual(new Set(["", ...runIds]));
  const connection = await connect({ servers: cluster.natsUrl });
  const manager = await connection.jetstreamManager();
  const stored = new Map<string, { data: object }>();
  const { state } = await manager.streams.info("WORKFLOWS");
  for (let seq = state.first_seq; seq <= state.last_seq; seq += 1) {
    const event = (await manager.streams.getMessage("WORKFLOWS", { seq })).json<{
      id: string;
      data: object;
    }>();
    stored.set(event.id, event);
  }
  for (const { id, data } of events) expect(data).toEqual(stored.get(id)?.data);
  await connection.close();
});

/** Starts `workflows events tail` and resolves when it hears the events. */
async function startTail(...args: string[]) {
  const env = { WORKFLOWS_SERVER: there.url, WORKFLOWS_WORKSPACE: WORKSPACE, USER: "sam" };
  const tail = cli.start(["events", "tail", ...args], { env });
  const exited = once(tail, "exit");
  const { stdout, stderr } = tail;
  if (stdout === null || stderr === null) throw new Error("the command has no output");
  const [said] = await once(createInterface({ input: stderr }), "line");
  expect(said).toBe("events from now on; Ctrl-C ends it");
  return { tail, stdout, exited };
}

it("the command line prints a line for each event, until Ctrl-C", async () => {
  const { tail, stdout, exited } = await startTail(
    "--type",
    "run.started,step.*",
    "--workflow",
    "task",
  );
  const runId = await startAt(here);
  const lines: string[][] = [];
  for await (const line of createInterface({ input: stdout })) {
    lines.push(line.split("\t").slice(1));
    if (lines.length === 3) tail.kill("SIGINT");
  }
  expect(lines).toEqual([
    [`run ${runId}`, "started"],
    [`step one of ${runId}`, "started"],
    [`step one of ${runId}`, "waits"],
  ]);
  expect(await exited).toEqual([130, null]);
});

it("the command line prints whole CloudEvents, and ends when nobody reads them any more", async () => {
  const { stdout, exited } = await startTail("--json", "--type", "workflows.changes.run.*");
  const runId = await startAt(here);
  const [line] = await once(createInterface({ input: stdout }), "line");
  expect(JSON.parse(line)).toMatchObject({
    ...{ specversion: "1.0", id: `${runId}-1-0`, source: "workflows", tenantid: WORKSPACE },
    ...{ type: "workflows.changes.run.started", subject: "workflows.changes.run.started" },
    ...{ datacontenttype: "application/json", partitionkey: runId, workflowhops: 0 },
    data: { run: { id: runId, definition_id: definitionId } },
  });
  stdout.destroy();
  await startAt(here);
  expect(await exited).toEqual([0, null]);
});

it("the command line refuses what it cannot use", async () => {
  const env = { WORKFLOWS_SERVER: here.url, WORKFLOWS_WORKSPACE: WORKSPACE };
  const typed = await cli.run(["events", "tail", "run.failed"], { env });
  expect(typed).toMatchObject({ code: 2, stderr: expect.stringContaining("--type run.failed") });
  const pattern = await cli.run(["events", "tail", "--type", "run.f*"], { env });
  expect(pattern).toMatchObject({ code: 2, stderr: expect.stringContaining("types[0]") });
  const send = await cli.run(["events", "send"], { env });
  expect(send).toMatchObject({ code: 2, stderr: expect.stringContaining("a type is missing") });
});
