/**
 * The example of docs/approvals.md: its file and its commands, with APPROVALS_URL=builtin and nothing else configured.
 * Boundary: the command line and the service as processes.
 */
import { readFile } from "node:fs/promises";
import { type Client, createClient } from "@connectrpc/connect";
import { createGrpcTransport } from "@connectrpc/connect-node";
import { afterAll, beforeAll, expect, it } from "vitest";
import { Inbox, ItemState } from "../../../gen/workflows/ops/v1/inbox_pb.ts";
import { WorkflowState } from "../../../gen/workflows/v1/workflows_pb.ts";
import { until } from "../../support/assertions/until.ts";
import { type CommandLine, compileCommandLine } from "../../support/services/cli.ts";
import { type Cluster, type Replica, startCluster } from "../../support/services/replicas.ts";

const EXAMPLE = new URL("../../../examples/approvals/expense.workflow.yaml", import.meta.url);
let cli: CommandLine;
let cluster: Cluster;
let service: Replica;
let inbox: Client<typeof Inbox>;
let env: Record<string, string>;

beforeAll(async () => {
  [cli, cluster] = await Promise.all([compileCommandLine(), startCluster()]);
  service = await cluster.start({ APPROVALS_URL: "builtin" });
  inbox = createClient(Inbox, createGrpcTransport({ baseUrl: service.url }));
  env = { WORKFLOWS_SERVER: service.url, WORKFLOWS_WORKSPACE: "ws", USER: "user_sam" };
  await cli.write("expense.workflow.yaml", await readFile(EXAMPLE));
  await done("apply", "expense.workflow.yaml");
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

function start(amount: number): Promise<string> {
  const input = JSON.stringify({ employee: "Sam", amount_usd: amount });
  return done("start", "expense", "--input", input, "--quiet");
}

/** Waits until the item is open. */
async function opened(id: string): Promise<string> {
  await until(async () => {
    // Before its step begins there is no such item.
    const { item } = await inbox.get({ id }).catch(() => ({ item: undefined }));
    return item?.state === ItemState.OPEN ? true : undefined;
  });
  return id;
}

/** Waits until the run is completed; its steps as `runs` shows them. */
async function completed(runId: string): Promise<string> {
  await until(async () => {
    const { run } = await service.workflows.getRun({ id: runId });
    return run?.state === WorkflowState.COMPLETED ? true : undefined;
  });
  return done("runs", runId);
}

it("is approved from the command line and paid", async () => {
  const runId = await start(900);
  const receipt = await opened(`${runId}/receipt/1`);
  expect(await done("inbox")).toContain(
    `${receipt}\tTASK\tCompare the receipt of Sam with 900 USD\tuser_finance\t`,
  );
  const checked = `{"ok": true}`;
  await done("complete", `${runId}/receipt/1`, "--as", "user_finance", "--output", checked);
  await opened(`${runId}/manager/1`);
  const wrong = await cli.run(["approve", `${runId}/manager/1`], { env });
  expect(wrong).toMatchObject({
    code: 4,
    stderr: expect.stringContaining("user_manager is asked"),
  });
  const why = ["--as", "user_manager", "--reason", "in budget"];
  const shown = await done("inbox", `${runId}/manager/1`);
  const [, digest = ""] = /^digest ([0-9a-f]{64})$/m.exec(shown) ?? [];
  const other = ["--digest", digest.replace(/^./, (first) => (first === "0" ? "1" : "0"))];
  const stale = await cli.run(["approve", `${runId}/manager/1`, ...why, ...other], { env });
  expect(stale).toMatchObject({ code: 6, stderr: expect.stringContaining("digest") });
  const exactly = ["approve", `${runId}/manager/1`, ...why, "--digest", digest, "--json"];
  const approved = JSON.parse(await done(...exactly));
  expect(approved).toMatchObject({
    state: "ITEM_STATE_DONE",
    decisions: [
      { decision: "approved", decided_by: "unverified:user_manager", reason: "in budget" },
    ],
  });
  await opened(`${runId}/pay/1`);
  expect((await cli.run(["approve", `${runId}/pay/1`], { env })).code).toBe(2);
  await done("complete", `${runId}/pay/1`, "--output", `{"paid_usd": 900}`);
  expect(await completed(runId)).toMatch(/refused\s+SKIPPED/);
  expect((await cli.run(["deny", `${runId}/manager/1`, ...why], { env })).code).toBe(6);
});

it("is denied with a reason", async () => {
  const runId = await start(600);
  await opened(`${runId}/receipt/1`);
  await done("complete", `${runId}/receipt/1`, "--as", "user_finance", "--output", `{"ok": true}`);
  await opened(`${runId}/manager/1`);
  expect(await done("inbox", "--mine", "--as", "user_manager", "--quiet")).toBe(
    `${runId}/manager/1`,
  );
  const denial = ["deny", `${runId}/manager/1`, "--as", "user_manager", "--reason", "no budget"];
  const denied = await cli.run(denial, { env });
  expect(denied).toMatchObject({ code: 0, stdout: `${runId}/manager/1 DONE\n` });
  const said = [
    /^deny: An expense above 500 USD$/m,
    /^action: expense\.pay/m,
    /"ok": true/,
    /^digest [0-9a-f]{64}$/m,
  ];
  for (const line of said) expect(denied.stderr).toMatch(line);
  await opened(`${runId}/refused/1`);
  await done("complete", `${runId}/refused/1`);
  expect(await completed(runId)).toMatch(/pay\s+SKIPPED/);
});

it("needs no approval for a small amount", async () => {
  const runId = await start(40);
  await opened(`${runId}/receipt/1`);
  await done("complete", `${runId}/receipt/1`, "--as", "user_finance", "--output", `{"ok": true}`);
  await opened(`${runId}/pay/1`);
});
