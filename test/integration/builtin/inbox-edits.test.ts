/**
 * An approval with edits by the whole service with APPROVALS_URL=builtin: the owner records it, its event ends the gate at any
 * replica, and the next step gets the edited input. Also from the command line.
 * Boundary: needs TEST_DATABASE_URL and the program nats-server. What is refused is test/contract/inbox-edits.test.ts.
 */
import { type Client, createClient } from "@connectrpc/connect";
import { createGrpcTransport } from "@connectrpc/connect-node";
import { afterAll, beforeAll, expect, it } from "vitest";
import { Inbox, Verdict } from "../../../gen/workflows/ops/v1/inbox_pb.ts";
import { StepRunState } from "../../../gen/workflows/v1/workflows_pb.ts";
import { until } from "../../support/assertions/until.ts";
import { type CommandLine, compileCommandLine } from "../../support/services/cli.ts";
import { type Cluster, type Replica, startCluster } from "../../support/services/replicas.ts";

const FILE = `workflow: pay
steps:
  gate:
    approve: Pay it
    action: pay
    by: ann
    editable: [amount_usd, to.mail]
    next: pay
  pay:
    task: Pay {{ gate.output.amount_usd }}
    assignee: ann
`;
const INPUT = { amount_usd: 900, to: { name: "Sam", mail: "s@x" } };
let cli: CommandLine;
let cluster: Cluster;
let service: Replica;
let inbox: Client<typeof Inbox>;
let env: Record<string, string>;

beforeAll(async () => {
  [cli, cluster] = await Promise.all([compileCommandLine(), startCluster()]);
  const settings = { APPROVALS_URL: "builtin" };
  service = await cluster.start(settings);
  const other = await cluster.start(settings);
  inbox = createClient(Inbox, createGrpcTransport({ baseUrl: other.url }));
  env = { WORKFLOWS_SERVER: service.url, WORKFLOWS_WORKSPACE: "ws", USER: "sam" };
  await cli.write("pay.workflow.yaml", FILE);
  await done("apply", "pay.workflow.yaml");
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

/** A run whose gate has its request. */
async function started(): Promise<string> {
  const runId = await done("start", "pay", "--input", JSON.stringify(INPUT), "--quiet");
  await stepIs(runId, "gate", StepRunState.WAITING);
  return runId;
}

function stepIs(runId: string, stepId: string, state: StepRunState) {
  return until(async () => {
    const { run } = await service.workflows.getRun({ id: runId });
    const step = run?.steps.find((each) => each.stepId === stepId);
    return step?.state === state ? step : undefined;
  });
}

it("is recorded by the owner and gives the edited input on", async () => {
  const runId = await started();
  const id = `${runId}/gate/1`;
  const { digest = "" } = (await inbox.get({ id })).item ?? {};
  const edits = { amount_usd: 400, to: { mail: null } };
  const approved = { id, digest, edits, verdict: Verdict.APPROVE, comment: "half" };
  await inbox.decide(approved, { headers: { "Workflows-Actor": "ann" } });
  const pay = await stepIs(runId, "pay", StepRunState.WAITING);
  const edited = { amount_usd: 400, to: { name: "Sam" } };
  const by = { edits, edited_by: "unverified:ann" };
  expect(pay.inputPayload).toMatchObject({ ...edited, ...by });
  const task = await inbox.get({ id: `${runId}/pay/1` });
  expect(task.item?.instructions).toBe("Pay 400");
  const [recorded] = await cluster.rows<{ reason: string }>(
    `select d.reason from approval_decisions d join approval_requests r on r.id = d.request_id
      where r.item_id = '${id}'`,
  );
  expect(recorded?.reason).toMatch(/^\[edited sha256:[0-9a-f]{64}\] half$/);
});

it("is written on the command line field by field", async () => {
  const runId = await started();
  const id = `${runId}/gate/1`;
  expect(await done("inbox", id)).toMatch(/^may be edited: amount_usd, to\.mail$/m);
  const approve = ["approve", id, "--as", "ann"];
  const wrong = await cli.run([...approve, "--edit", "to.name=Tim"], { env });
  expect(wrong).toMatchObject({ code: 2, stderr: expect.stringContaining("edits.to.name") });
  for (const bad of ["amount_usd", "=4", "to..mail=4", "amount_usd=[4"]) {
    expect((await cli.run([...approve, "--edit", bad], { env })).code).toBe(2);
  }
  const twice = ["--edit", "to=x", "--edit", "to.mail=y"];
  expect((await cli.run([...approve, ...twice], { env })).code).toBe(2);
  await done(...approve, "--edit", "amount_usd=40", "--edit", "to.mail=t@x", "--reason", "less");
  const { outputPayload } = await stepIs(runId, "gate", StepRunState.COMPLETED);
  expect(outputPayload).toMatchObject({ amount_usd: 40, to: { name: "Sam", mail: "t@x" } });
  expect(await done("inbox", id)).toContain(
    'ann: approved by unverified:ann with {"to":{"mail":"t@x"},"amount_usd":40}: less',
  );
  expect(await done("history", runId)).toMatch(/edited: amount_usd, to\.mail$/m);
});
