/**
 * Who may claim, release, delegate and comment with authentication on.
 * Boundary: as inbox.test.ts; what these do is test/integration/builtin/inbox-people.test.ts.
 */
import type { JsonObject } from "@bufbuild/protobuf";
import { type CallOptions, type Client, createClient } from "@connectrpc/connect";
import { createConnectTransport } from "@connectrpc/connect-node";
import { afterAll, beforeAll, expect, test } from "vitest";
import { Inbox, Verdict } from "../../gen/workflows/ops/v1/inbox_pb.ts";
import { StepRunState, StepType } from "../../gen/workflows/v1/workflows_pb.ts";
import { type Caller, grantedScopes } from "../../src/collaborators/identity/callers.ts";
import { type RpcService, refusedBy, startRpcService } from "../support/services/rpc-service.ts";

/** `words/subject`, `agent/words/subject`: the token says it all. */
async function find(token: string): Promise<Caller> {
  const [subject = "", words = "", agent = ""] = token.split("/").reverse();
  const isAgent = agent === "agent";
  return { subject, workspaceId: "ws", scopes: grantedScopes(words.split("+"), isAgent), isAgent };
}

let service: RpcService;
let inbox: Client<typeof Inbox>;
let definitions = 0;

beforeAll(async () => {
  service = await startRpcService({ callers: { find }, decideApproval: async () => {} });
  const transport = createConnectTransport({ baseUrl: service.baseUrl, httpVersion: "1.1" });
  inbox = createClient(Inbox, transport);
});
afterAll(() => service.stop());

const as = (token: string): CallOptions => ({ headers: { authorization: `Bearer ${token}` } });
const STARTER = as("admin/starter");

/** A gate's open item. */
async function start(...approvers: string[]): Promise<string> {
  const { client } = service;
  const config: JsonObject = approvers.length === 0 ? {} : { approvers };
  const gate = {
    id: "gate",
    name: "G",
    stepType: StepType.APPROVAL_GATE,
    actionType: "pay",
    config,
  };
  const name = `definition_${++definitions}`;
  const { definition } = await client.createDefinition({ name }, STARTER);
  const definitionId = definition?.id ?? "";
  await client.publishVersion({ definitionId, steps: [gate] }, STARTER);
  const { run } = await client.startRun({ definitionId }, STARTER);
  const runId = run?.id ?? "";
  const waiting = { stepId: "gate", state: StepRunState.WAITING, approvalRequestId: "apr_1" };
  await client.transitionStep({ runId, ...waiting }, STARTER);
  return `${runId}/gate/1`;
}

async function decide(id: string, token: string) {
  const { digest = "" } = (await inbox.get({ id }, STARTER)).item ?? {};
  return inbox.decide({ id, digest, verdict: Verdict.APPROVE }, as(token));
}

test.each([
  { who: "a person who is not asked", named: "ann", token: "approver/bob" },
  { who: "who started the run", named: "", token: "admin/starter" },
  { who: "an agent that is an admin", named: "", token: "agent/admin/ann" },
  { who: "a caller without the scope", named: "", token: "operator/ann" },
])("$who claims and delegates nothing", async ({ named, token }) => {
  const id = await start(...(named === "" ? [] : [named]));
  expect((await refusedBy(inbox.claim({ id }, as(token)))).code).toBe("PermissionDenied");
  const own = inbox.delegate({ id, to: token.split("/").at(-1) ?? "" }, as(token));
  expect((await refusedBy(own)).code).toBe("PermissionDenied");
  expect((await inbox.get({ id }, STARTER)).item).toMatchObject({ notes: [], claimedBy: "" });
});

test.each(["agent/admin/ann", "operator/ann"])("%s comments nothing", async (token) => {
  const id = await start();
  const comment = inbox.comment({ id, comment: "so" }, as(token));
  expect((await refusedBy(comment)).code).toBe("PermissionDenied");
  expect((await refusedBy(inbox.release({ id }, as(token)))).code).toBe("PermissionDenied");
});

test("another person does not release a claim, an admin does", async () => {
  const id = await start();
  await inbox.claim({ id }, as("approver/ann"));
  expect((await refusedBy(inbox.release({ id }, as("approver/bob")))).code).toBe(
    "PermissionDenied",
  );
  expect((await refusedBy(decide(id, "approver/bob"))).code).toBe("FailedPrecondition");
  await inbox.release({ id }, as("admin/root"));
  await decide(id, "approver/bob");
});

test("an admin delegates the item of another person to a third one, and to themself not", async () => {
  const id = await start("ann", "cid");
  const self = inbox.delegate({ id, to: "root" }, as("admin/root"));
  expect((await refusedBy(self)).code).toBe("PermissionDenied");
  const asked = inbox.delegate({ id, to: "cid" }, as("admin/root"));
  expect((await refusedBy(asked)).code).toBe("FailedPrecondition");
  await inbox.delegate({ id, to: "dan" }, as("admin/root"));
  expect((await refusedBy(decide(id, "approver/ann"))).code).toBe("PermissionDenied");
  await decide(id, "approver/dan");
});

test("an admin does not pass the item of another person to a name that admins act for", async () => {
  const id = await start("ann");
  for (const to of ["group:finance", "slack:C1", "teams:t", "webhook:w"]) {
    const passed = inbox.delegate({ id, to }, as("admin/root"));
    expect((await refusedBy(passed)).code).toBe("PermissionDenied");
  }
  expect((await refusedBy(decide(id, "admin/root"))).code).toBe("PermissionDenied");
  await inbox.delegate({ id, to: "group:finance" }, as("approver/ann"));
  await inbox.delegate({ id, to: "group:legal" }, as("admin/root"));
  await decide(id, "admin/root");
});

test("who started the run decides nothing that is delegated to them", async () => {
  const id = await start("ann");
  await inbox.delegate({ id, to: "starter" }, as("approver/ann"));
  expect((await refusedBy(decide(id, "admin/starter"))).code).toBe("PermissionDenied");
});
