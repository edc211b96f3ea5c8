/**
 * Inbox.Decide with edits, with authentication on: who may edit what, what its owner is asked to record, and what goes on.
 * Boundary: the owner of approvals is a list of what it was asked to record; the test reports its decisions. The whole way is
 * test/integration/builtin/inbox-edits.test.ts.
 */
import type { JsonObject } from "@bufbuild/protobuf";
import {
  type CallOptions,
  type Client,
  type ConnectRouter,
  createClient,
} from "@connectrpc/connect";
import { createConnectTransport } from "@connectrpc/connect-node";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { ApprovalService } from "../../gen/approvals/v1/approvals_pb.ts";
import { Inbox, ItemState, Verdict } from "../../gen/workflows/ops/v1/inbox_pb.ts";
import { Runs } from "../../gen/workflows/ops/v1/runs_pb.ts";
import { StepRunState, StepType } from "../../gen/workflows/v1/workflows_pb.ts";
import { createApprovalDecider } from "../../src/collaborators/approval-decider.ts";
import { createClients } from "../../src/collaborators/clients.ts";
import { type Caller, grantedScopes } from "../../src/collaborators/identity/callers.ts";
import { markedReason } from "../../src/engine/steps/approvals/edits.ts";
import type { PersonsDecision } from "../../src/engine/values/approval-decision.ts";
import { approvalDigest } from "../../src/engine/values/digest.ts";
import { createLog } from "../../src/process/log.ts";
import { Refusal } from "../../src/process/refusal.ts";
import { listInbox } from "../../src/store/reads/inbox.ts";
import { EVERY_WORKSPACE } from "../../src/store/reads/visibility.ts";
import { type RpcService, refusedBy, startRpcService } from "../support/services/rpc-service.ts";

/** `words/subject`, `agent/words/subject`: the token says it all. */
async function find(token: string): Promise<Caller> {
  const [subject = "", words = "", agent = ""] = token.split("/").reverse();
  const isAgent = agent === "agent";
  return { subject, workspaceId: "ws", scopes: grantedScopes(words.split("+"), isAgent), isAgent };
}

const decisions: PersonsDecision[] = [];
const INPUT = { amount: 900, to: { name: "Sam", mail: "s@x" } };
let service: RpcService;
let inbox: Client<typeof Inbox>;
let runs: Client<typeof Runs>;
let definitions = 0;
/** What happens while a decision is recorded. */
let meanwhile: (() => Promise<unknown>) | undefined;

beforeAll(async () => {
  const decideApproval = async (made: PersonsDecision) => {
    decisions.push(made);
    await meanwhile?.();
  };
  service = await startRpcService({ callers: { find }, decideApproval });
  const transport = createConnectTransport({ baseUrl: service.baseUrl, httpVersion: "1.1" });
  inbox = createClient(Inbox, transport);
  runs = createClient(Runs, transport);
});
beforeEach(() => {
  decisions.splice(0);
  meanwhile = undefined;
});
afterAll(() => service.stop());

const as = (token: string): CallOptions => ({ headers: { authorization: `Bearer ${token}` } });
const ADMIN = as("admin/starter");
const ANN = as("approver/ann");

/** A run whose gate has its request; its item as ann reads it. */
async function start(
  config: JsonObject = { editable: ["amount", "to.mail"] },
  more: JsonObject = {},
) {
  const { client } = service;
  const gate = { id: "gate", name: "G", stepType: StepType.APPROVAL_GATE, actionType: "pay" };
  const steps = [
    { ...gate, config: { approvers: ["ann"], ...config } },
    { id: "pay", name: "Pay", stepType: StepType.HUMAN_TASK },
  ];
  const edges = [{ fromStepId: "gate", toStepId: "pay" }];
  const name = `definition_${++definitions}`;
  const { definition } = await client.createDefinition({ name }, ADMIN);
  const definitionId = definition?.id ?? "";
  await client.publishVersion({ definitionId, steps, edges }, ADMIN);
  const { run } = await client.startRun(
    { definitionId, inputPayload: { ...INPUT, ...more } },
    ADMIN,
  );
  const runId = run?.id ?? "";
  const waiting = { stepId: "gate", state: StepRunState.WAITING, approvalRequestId: "apr_1" };
  await client.transitionStep({ runId, ...waiting }, ADMIN);
  const id = `${runId}/gate/1`;
  const { item } = await inbox.get({ id }, ANN);
  return { runId, id, digest: item?.digest ?? "", item };
}

type Started = Awaited<ReturnType<typeof start>>;

function decide({ id, digest }: Started, edits: JsonObject, options = ANN, more: object = {}) {
  const request = { id, digest, verdict: Verdict.APPROVE, comment: "why", edits };
  return inbox.decide({ ...request, ...more }, options);
}

/** The owner's event. */
function report({ runId }: Started, reason: string, decidedBy = "ann") {
  const said = { requestId: "apr_1", decision: "APPROVED", decidedBy, reason, digest: "" };
  const cause = { kind: "event", id: "e1", by: decidedBy } as const;
  return service.processor.submit({
    ...{ kind: "input", runId, workspaceId: "ws" },
    input: { kind: "approval_decided", stepIndex: 0, report: said, cause },
  });
}

async function stepsOf({ runId }: Started) {
  const { run } = await service.client.getRun({ id: runId }, ADMIN);
  return run?.steps ?? [];
}

const EDITS = { amount: 400, to: { mail: null } };
const EDITED = { amount: 400, to: { name: "Sam" } };
const DIGEST = approvalDigest("gate", 1, EDITED);

test("an item says what may be edited; a list does not", async () => {
  const { id, item } = await start();
  expect(item?.editable).toEqual(["amount", "to.mail"]);
  const { items } = await inbox.list({ pageSize: 500 }, ANN);
  expect(items.find((each) => each.id === id)?.editable).toEqual([]);
});

test("the owner records the digest of the edited input, and the steps that follow read that input", async () => {
  const run = await start();
  const { item } = await decide(run, EDITS);
  const made = { decidedBy: "ann", decision: "approved", reason: "why" };
  const shown = { ...made, edits: EDITS, editedDigest: DIGEST };
  expect(item).toMatchObject({ state: ItemState.DONE, decisions: [shown] });
  expect(decisions).toMatchObject([{ ...made, requestId: "apr_1", editedDigest: DIGEST }]);
  await report(run, markedReason(DIGEST, "why"));
  const [gate, pay] = await stepsOf(run);
  expect(gate?.inputPayload).toEqual(INPUT);
  expect(gate?.outputPayload).toMatchObject({
    ...{ ...EDITED, edits: EDITS, edited_by: "ann", digest: DIGEST },
    approvals: [{ decided_by: "ann", reason: "why" }],
  });
  expect(pay?.inputPayload).toMatchObject(EDITED);
  expect((await inbox.get({ id: run.id }, ANN)).item).toMatchObject({
    ...{ state: ItemState.DONE, digest: run.digest, decisions: [shown] },
  });
});

test("the history says who edited which fields, before the decision and with it", async () => {
  const run = await start();
  await decide(run, EDITS, { headers: { ...ANN.headers, "Workflows-Via": "cli" } });
  await report(run, markedReason(DIGEST, "why"));
  const { moves } = await runs.getHistory({ runId: run.runId }, ADMIN);
  const changes = moves.flatMap(({ cause, changes: all }) =>
    all.map(({ note, reason }) => ({ by: cause?.actor, via: cause?.via, note, reason })),
  );
  expect(changes).toContainEqual({
    ...{ by: "ann", via: "cli", note: "recorded", reason: "edits amount, to.mail" },
  });
  expect(changes).toContainEqual({ by: "ann", via: "", note: "edited", reason: "amount, to.mail" });
});

test("a list reads neither edits nor reasons, and of long texts no more than it shows", async () => {
  const title = "{{ input.title }}";
  const run = await start({ editable: ["amount", "to.mail"], title }, { title: "x".repeat(2_000) });
  meanwhile = async () => {
    throw new Refusal("unavailable", "the answer is lost");
  };
  await refusedBy(decide(run, EDITS));
  const filters = { workspaceId: "ws", assignee: "ann", kinds: ["approval"] } as const;
  const { items } = await listInbox(service.database.lists, EVERY_WORKSPACE, filters, 500);
  const row = items.find(({ runId }) => runId === run.runId);
  expect(row?.detail).toEqual({
    ...{ digest: run.digest, riskLevel: "LOW" },
    asked: { title: "x".repeat(501) },
    approvals: [{ approver: "ann", requestId: "", decision: "", decidedBy: "" }],
  });
  const { items: listed } = await inbox.list({ mine: true, pageSize: 500 }, ANN);
  const item = listed.find(({ id }) => id === run.id);
  expect(item).toMatchObject({ digest: run.digest, assignee: "ann", approvalRequestId: "apr_1" });
  expect(item?.title).toBe(`${"x".repeat(499)}…`);
});

describe("edits are kept, and their decision is not recorded. Then", () => {
  async function startKept() {
    const run = await start();
    meanwhile = async () => {
      throw new Refusal("unavailable", "the answer is lost");
    };
    expect((await refusedBy(decide(run, EDITS))).code).toBe("Unavailable");
    return run;
  }

  test("a decision without the digest goes on with the input as it was", async () => {
    const run = await startKept();
    await report(run, "why");
    const [, pay] = await stepsOf(run);
    expect(pay?.inputPayload).toMatchObject(INPUT);
    expect(pay?.inputPayload).not.toHaveProperty("edits");
  });

  test.each([
    ["another person", DIGEST, "bob"],
    ["another digest", "0".repeat(64), "ann"],
  ])(
    "an approval of edits by %s is a denial: nobody has approved the input as it was",
    async (_, digest, by) => {
      const run = await startKept();
      const reason = markedReason(digest, "why");
      await report(run, reason, by);
      const [gate, pay] = await stepsOf(run);
      const said = `it was approved with edits that the run does not have: ${reason}`;
      expect(gate).toMatchObject({
        ...{ state: StepRunState.FAILED, errorMessage: `denied: ${said}` },
      });
      expect(pay?.state).not.toBe(StepRunState.WAITING);
      expect((await inbox.get({ id: run.id }, ANN)).item?.decisions).toMatchObject([
        { decision: "denied", decidedBy: by, reason: said },
      ]);
    },
  );
});

test("edits that change nothing are none", async () => {
  const run = await start();
  const { item } = await decide(run, { amount: 900 });
  expect(item?.decisions).toMatchObject([{ editedDigest: "" }]);
  expect(decisions[0]).not.toHaveProperty("editedDigest");
});

describe("refused, and nothing is kept or recorded:", () => {
  test.each<[string, JsonObject, object, string[]]>([
    ["a field that is not named", { amount: 1, note: "x" }, {}, ["edits.note"]],
    ["a field beside a named one", { to: { name: "Tim" } }, {}, ["edits.to.name"]],
    ["edits of a denial", EDITS, { verdict: Verdict.DENY }, ["edits"]],
    ["a comment like the mark", EDITS, { comment: markedReason(DIGEST, "x") }, ["comment"]],
    ["edits with a NUL", { amount: "\u0000" }, {}, ["edits.amount"]],
  ])("%s", async (_, edits, more, fields) => {
    const run = await start();
    const refused = await refusedBy(decide(run, edits, ANN, more));
    expect(refused).toMatchObject({ code: "InvalidArgument", fields });
    await leftAlone(run);
  });

  test.each([
    ["approver/bob", "PermissionDenied"],
    ["admin/root", "PermissionDenied"],
    ["agent/approver/ann", "PermissionDenied"],
    ["operator/ann", "PermissionDenied"],
  ])("edits of %s", async (token, code) => {
    const run = await start();
    expect((await refusedBy(decide(run, EDITS, as(token)))).code).toBe(code);
    await leftAlone(run);
  });

  test("edits of a gate without config.editable", async () => {
    const run = await start({});
    expect(run.item?.editable).toEqual([]);
    expect(await refusedBy(decide(run, EDITS))).toMatchObject({ fields: ["edits"] });
    await leftAlone(run);
  });

  test("edits of what was asked with another digest", async () => {
    const run = await start();
    const refused = await refusedBy(decide(run, EDITS, ANN, { digest: DIGEST }));
    expect(refused.code).toBe("FailedPrecondition");
    await leftAlone(run);
  });

  async function leftAlone({ runId, id }: Started) {
    expect(decisions).toEqual([]);
    const { moves } = await runs.getHistory({ runId, newestFirst: true }, ADMIN);
    expect(moves[0]?.cause?.id).toBe("TransitionStep");
    expect((await inbox.get({ id }, ANN)).item?.state).toBe(ItemState.OPEN);
  }
});

test("a repeat with its key is the same decision, also when the first answer was lost and the gate has ended", async () => {
  const run = await start();
  const keyed = { headers: { ...ANN.headers, "Idempotency-Key": `key_${run.id}` } };
  meanwhile = async () => {
    await report(run, markedReason(DIGEST, "why"));
    throw new Refusal("unavailable", "the answer is lost");
  };
  expect((await refusedBy(decide(run, EDITS, keyed))).code).toBe("Unavailable");
  meanwhile = undefined;
  const again = await decide(run, EDITS, keyed);
  expect(again.item).toMatchObject({ state: ItemState.DONE, decisions: [{ edits: EDITS }] });
  const [first, second] = decisions;
  expect(second).toEqual(first);
  expect(decisions).toHaveLength(2);
});

describe("a decision with edits is no success where, while it is recorded,", () => {
  test.each<[string, (runId: string) => Promise<unknown>]>([
    [
      "the gate is approved as it was asked",
      (runId) =>
        service.client.transitionStep(
          { runId, stepId: "gate", state: StepRunState.COMPLETED },
          ADMIN,
        ),
    ],
    [
      "another attempt of the gate asks anew",
      async (runId) => {
        await runs.retryStep({ runId, stepId: "gate", reason: "again" }, ADMIN);
        const waiting = { stepId: "gate", state: StepRunState.WAITING, approvalRequestId: "apr_2" };
        await service.client.transitionStep({ runId, ...waiting }, ADMIN);
      },
    ],
  ])("%s", async (_, happens) => {
    const run = await start();
    meanwhile = () => happens(run.runId);
    expect((await refusedBy(decide(run, EDITS))).code).toBe("FailedPrecondition");
    expect(decisions).toHaveLength(1);
  });
});

test("edits are kept once, however often an owner that is away is asked", async () => {
  const run = await start();
  meanwhile = async () => {
    throw new Refusal("unavailable", "the owner is away");
  };
  for (let tries = 0; tries < 3; tries += 1) {
    expect((await refusedBy(decide(run, EDITS))).code).toBe("Unavailable");
  }
  const { moves } = await runs.getHistory({ runId: run.runId }, ADMIN);
  const kept = moves.filter(({ cause }) => cause?.id === "Decide");
  expect(kept).toHaveLength(1);
});

describe("an owner's answer to a decision with edits", () => {
  const made: PersonsDecision = {
    ...({ requestId: "apr_1", workspaceId: "ws", decision: "approved" } as const),
    ...{ decidedBy: "ann", reason: "why", callId: "k" },
  };
  const OTHER = "0".repeat(64);

  /** The decider of an owner that records this reason; `sent` has the reasons that it is asked to record. */
  function decider(recorded: (reason: string) => string, sent: string[] = []) {
    const routes = (router: ConnectRouter) =>
      router.service(ApprovalService, {
        resolveApproval({ decision, decidedBy, reason }) {
          sent.push(reason);
          return { decision: { decision, decidedBy, reason: recorded(reason) } };
        },
      });
    const settings = { urls: {}, protocol: "connect", timeoutMs: 5_000, concurrency: 1 } as const;
    const log = createLog({ level: "error", format: "json", write: () => undefined });
    return createApprovalDecider(createClients({ ...settings, local: { approvals: routes } }, log));
  }

  test("has the reason with the digest, and without edits the reason alone", async () => {
    const sent: string[] = [];
    const decide = decider((reason) => reason, sent);
    await decide({ ...made, editedDigest: DIGEST });
    await decide(made);
    expect(sent).toEqual([`[edited sha256:${DIGEST}] why`, "why"]);
  });

  test.each<[string, string | undefined, (reason: string) => string]>([
    ["drops the reason", DIGEST, () => ""],
    ["had another decision with other edits", DIGEST, () => markedReason(OTHER, "why")],
    [
      "had a decision with edits, and is asked for one without",
      undefined,
      () => markedReason(OTHER, ""),
    ],
  ])("is no success where it %s", async (_, editedDigest, recorded) => {
    const decided = decider(recorded)({
      ...made,
      ...(editedDigest === undefined ? {} : { editedDigest }),
    });
    await expect(decided).rejects.toMatchObject({
      reason: "illegal_move",
      message: expect.stringContaining("with other edits, or without"),
    });
  });
});
