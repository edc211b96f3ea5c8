/**
 * Claims, delegations and comments of items, and the watching of an inbox, on two replicas of the real service.
 * Boundary: needs TEST_DATABASE_URL and the program nats-server. Who may by a token is test/contract/inbox-claims.test.ts.
 */
import { type CallOptions, type Client, createClient } from "@connectrpc/connect";
import { createGrpcTransport } from "@connectrpc/connect-node";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import {
  Inbox,
  type InboxWatchResponse,
  ItemKind,
  ItemState,
  NoteKind,
  Verdict,
} from "../../../gen/workflows/ops/v1/inbox_pb.ts";
import { StepType } from "../../../gen/workflows/v1/workflows_pb.ts";
import { until } from "../../support/assertions/until.ts";
import { type Cluster, type Replica, startCluster } from "../../support/services/replicas.ts";
import { refusedBy } from "../../support/services/rpc-service.ts";

const STEPS = [
  {
    ...{ id: "gate", name: "Gate", stepType: StepType.APPROVAL_GATE, actionType: "pay" },
    config: { approvers: ["ann"] },
  },
  { id: "task", name: "Task", stepType: StepType.HUMAN_TASK },
];
let cluster: Cluster;
let one: Replica;
let two: Replica;
let inbox: Client<typeof Inbox>;
let elsewhere: Client<typeof Inbox>;
let workspaces = 0;

beforeAll(async () => {
  cluster = await startCluster();
  const settings = { APPROVALS_URL: "builtin" };
  one = await cluster.start(settings);
  two = await cluster.start(settings);
  inbox = createClient(Inbox, createGrpcTransport({ baseUrl: one.url }));
  elsewhere = createClient(Inbox, createGrpcTransport({ baseUrl: two.url }));
});
afterAll(() => cluster.stop());

const as = (actor: string, more: Readonly<Record<string, string>> = {}): CallOptions => ({
  headers: { "Workflows-Actor": actor, ...more },
});

interface Started {
  readonly workspaceId: string;
  readonly runId: string;
  readonly gate: string;
  readonly task: string;
}

/** A run with an open request for ann and an open task for anybody. */
async function start(workspaceId = `ws_${++workspaces}`): Promise<Started> {
  const { workflows } = one;
  const name = `pay_${++workspaces}`;
  const { definition } = await workflows.createDefinition({ workspaceId, name });
  const definitionId = definition?.id ?? "";
  await workflows.publishVersion({ definitionId, steps: STEPS });
  const { run } = await workflows.startRun({ definitionId });
  const runId = run?.id ?? "";
  await until(async () => {
    const { items } = await inbox.list({ workspaceId });
    return items.filter((item) => item.runId === runId).length === 2 ? true : undefined;
  });
  return { workspaceId, runId, gate: `${runId}/gate/1`, task: `${runId}/task/1` };
}

async function approve(id: string, actor: string) {
  const { digest = "" } = (await inbox.get({ id })).item ?? {};
  return inbox.decide({ id, verdict: Verdict.APPROVE, digest }, as(actor));
}

/** Notes of the gate (1), or of the task (0), as a person has made them. */
async function addNotes(
  runId: string,
  ofGate: 0 | 1,
  { kind, by, count }: { kind: number; by: string; count: number },
): Promise<void> {
  await cluster.rows(
    `insert into inbox_notes (made_at, step_index, place, kind, run_id, id, made_by, passed_to, text)
      select now(), $4::smallint, 1, $2::smallint, $1, 'n' || n, $3, '', 'so' from generate_series(1, $5::int) as n`,
    [runId, kind, by, 1 - ofGate, count],
  );
}

describe("a claim", () => {
  it("keeps the others from acting, until it is released", async () => {
    const { task: id, workspaceId } = await start();
    const claimed = await inbox.claim({ id, reason: "mine" }, as("bob"));
    expect(claimed.item).toMatchObject({ state: ItemState.CLAIMED, claimedBy: "unverified:bob" });
    const { items } = await elsewhere.list({ workspaceId, kinds: [ItemKind.TASK] });
    expect(items).toMatchObject([{ id, state: ItemState.CLAIMED }]);
    const late = await Promise.all([
      refusedBy(elsewhere.claim({ id }, as("cid"))),
      refusedBy(elsewhere.completeTask({ id }, as("cid"))),
      refusedBy(elsewhere.delegate({ id, to: "cid" }, as("cid"))),
    ]);
    expect(late.map(({ code }) => code)).toEqual(late.map(() => "FailedPrecondition"));
    await inbox.claim({ id }, as("bob"));
    await inbox.release({ id, reason: "no time" }, as("bob"));
    await inbox.release({ id }, as("bob"));
    const { item } = await inbox.completeTask({ id }, as("cid"));
    expect(item).toMatchObject({ state: ItemState.DONE, claimedBy: "" });
    expect(item?.notes.map(({ kind, by, text }) => [kind, by, text])).toEqual([
      [NoteKind.CLAIMED, "unverified:bob", "mine"],
      [NoteKind.RELEASED, "unverified:bob", "no time"],
    ]);
    expect((await refusedBy(inbox.claim({ id }, as("cid")))).code).toBe("FailedPrecondition");
  });

  it("is won by one of two who claim at once", async () => {
    const { task: id } = await start();
    const names = ["bob", "cid", "dan", "eve"];
    const claims = names.map((name, at) =>
      (at % 2 === 0 ? inbox : elsewhere).claim({ id }, as(name)),
    );
    const results = await Promise.allSettled(claims);
    expect(results.filter(({ status }) => status === "fulfilled")).toHaveLength(1);
    const { item } = await inbox.get({ id });
    const winner = names[results.findIndex(({ status }) => status === "fulfilled")];
    expect(item?.claimedBy).toBe(`unverified:${winner}`);
  });
});

describe("a delegation", () => {
  it("asks another person, keeps the chain, and is done once for its key", async () => {
    const { gate: id, workspaceId } = await start();
    expect((await refusedBy(inbox.delegate({ id, to: "bob" }, as("bob")))).code).toBe(
      "PermissionDenied",
    );
    const key = { "Idempotency-Key": "away" };
    const first = await inbox.delegate({ id, to: "bob", reason: "away" }, as("ann", key));
    expect(first.item).toMatchObject({ assignee: "bob" });
    expect(await elsewhere.delegate({ id, to: "bob", reason: "away" }, as("ann", key))).toEqual(
      first,
    );
    expect((await refusedBy(approve(id, "ann"))).code).toBe("PermissionDenied");
    await elsewhere.delegate({ id, to: "cid" }, as("bob"));
    const mine = { workspaceId, mine: true };
    expect((await inbox.list(mine, as("cid"))).items.map((item) => item.id)).toEqual([id]);
    expect((await inbox.count(mine, as("ann"))).totalSize).toBe(0);
    const { item } = await approve(id, "cid");
    expect(item?.decisions).toMatchObject([{ approver: "ann", decidedBy: "unverified:cid" }]);
    const chain = (await inbox.get({ id })).item?.notes.map(({ by, to }) => [by, to]);
    expect(chain).toEqual([
      ["unverified:ann", "bob"],
      ["unverified:bob", "cid"],
    ]);
  });

  it("needs a name", async () => {
    const { gate: id } = await start();
    for (const to of ["", "two words", "x".repeat(300)]) {
      const refused = await refusedBy(inbox.delegate({ id, to }, as("ann")));
      expect(refused).toMatchObject({ code: "InvalidArgument", fields: ["to"] });
    }
  });
});

describe("comments", () => {
  it("are kept in order, once for each key, and shown with the item also when it is done", async () => {
    const { gate: id } = await start();
    const key = { "Idempotency-Key": "first" };
    await inbox.comment({ id, comment: "where is the bill?" }, as("ann", key));
    await inbox.comment({ id, comment: "where is the bill?" }, as("ann", key));
    await elsewhere.comment({ id, comment: "here" }, as("bob"));
    const { item } = await approve(id, "ann");
    expect(item?.state).toBe(ItemState.DONE);
    const notes = (await elsewhere.get({ id })).item?.notes ?? [];
    expect(notes.map(({ by, text }) => [by, text])).toEqual([
      ["unverified:ann", "where is the bill?"],
      ["unverified:bob", "here"],
    ]);
    expect(await refusedBy(inbox.comment({ id, comment: "" }, as("ann")))).toMatchObject({
      fields: ["comment"],
    });
  });

  it("are 150 at most, and keep no person from passing the item on", async () => {
    const { gate: id, runId } = await start();
    await addNotes(runId, 1, { kind: 4, by: "eve", count: 149 });
    await inbox.comment({ id, comment: "the last one" }, as("ann"));
    const refused = await refusedBy(inbox.comment({ id, comment: "one more" }, as("ann")));
    expect(refused.code).toBe("FailedPrecondition");
    await inbox.claim({ id }, as("ann"));
    await inbox.release({ id }, as("ann"));
    expect((await inbox.delegate({ id, to: "bob" }, as("ann"))).item?.assignee).toBe("bob");
  });
});

describe("what one person does with an item again and again", () => {
  it("keeps the newest 20 claims and releases, and those of others", async () => {
    const { task: id, runId } = await start();
    await inbox.claim({ id, reason: "first of all" }, as("bob"));
    await inbox.release({ id }, as("bob"));
    await addNotes(runId, 0, { kind: 1, by: "unverified:eve", count: 300 });
    await inbox.claim({ id, reason: "again" }, as("eve"));
    await inbox.release({ id }, as("eve"));
    const notes = (await inbox.get({ id })).item?.notes ?? [];
    expect(notes[0]).toMatchObject({ by: "unverified:bob", text: "first of all" });
    expect(notes.filter(({ by }) => by === "unverified:bob")).toHaveLength(2);
    const eves = notes.filter(({ by }) => by === "unverified:eve");
    expect(eves).toHaveLength(20);
    expect(eves.slice(-2).map(({ kind }) => kind)).toEqual([NoteKind.CLAIMED, NoteKind.RELEASED]);
  });

  it("ends that person's delegations after 20, and no one else's", async () => {
    const { gate: id, runId } = await start();
    await addNotes(runId, 1, { kind: 3, by: "unverified:ann", count: 20 });
    const refused = await refusedBy(inbox.delegate({ id, to: "bob" }, as("ann")));
    expect(refused).toMatchObject({ code: "FailedPrecondition" });
    expect(refused.error.rawMessage).toContain("20 times");
    await cluster.rows("update inbox_items set assignee = 'bob' where run_id = $1", [runId]);
    await inbox.delegate({ id, to: "cid" }, as("bob"));
    await approve(id, "cid");
  });
});

describe("Watch", () => {
  /** What a watch gives, and the end of it. */
  function follow(client: Client<typeof Inbox>, view: object, options: CallOptions = {}) {
    const ending = new AbortController();
    const messages: InboxWatchResponse[] = [];
    const failed: unknown[] = [];
    const running = (async () => {
      try {
        for await (const message of client.watch(view, { ...options, signal: ending.signal })) {
          messages.push(message);
        }
      } catch (error) {
        failed.push(error);
      }
    })();
    return {
      messages,
      failed,
      seen: (wanted: (message: InboxWatchResponse) => boolean) =>
        until(() => messages.find(wanted)),
      async stop() {
        ending.abort();
        await running;
      },
    };
  }

  it("gives what is there, then what comes, changes and goes, whichever replica commits it", async () => {
    const first = await start();
    const { workspaceId } = first;
    const watch = follow(elsewhere, { workspaceId });
    const synced = await watch.seen(({ cursor }) => cursor !== "");
    const [reset, ...items] = watch.messages;
    expect(reset?.reset).toBe(true);
    expect(items.map(({ item }) => item?.id).sort()).toEqual([first.gate, first.task].sort());
    const second = await start(workspaceId);
    await watch.seen(({ item }) => item?.id === second.gate);
    await inbox.claim({ id: second.task }, as("bob"));
    await watch.seen(({ item }) => item?.id === second.task && item.state === ItemState.CLAIMED);
    await approve(first.gate, "ann");
    await watch.seen(({ gone }) => gone === first.gate);
    await watch.stop();
    const last = watch.messages.findLast(({ cursor }) => cursor !== "")?.cursor ?? "";
    expect(last).not.toBe(synced.cursor);
    const again = follow(inbox, { workspaceId, after: last });
    expect(await again.seen(() => true)).toMatchObject({ cursor: last, reset: false, gone: "" });
    await again.stop();
    expect(again.messages).toHaveLength(1);
    const behind = follow(inbox, { workspaceId, after: synced.cursor });
    await behind.seen(({ cursor }) => cursor === last);
    expect(
      behind.messages
        .map(({ item }) => item?.id)
        .slice(1)
        .sort(),
    ).toEqual([first.task, second.gate, second.task].sort());
    await behind.stop();
  });

  it("of one's own shows what is delegated to one come, and go from who delegates", async () => {
    const { gate: id, workspaceId } = await start();
    const view = { workspaceId, mine: true };
    const anns = follow(inbox, view, as("ann"));
    const bobs = follow(elsewhere, view, as("bob"));
    await anns.seen(({ item }) => item?.id === id);
    await bobs.seen(({ cursor }) => cursor !== "");
    expect(bobs.messages.flatMap(({ item }) => item ?? [])).toEqual([]);
    await inbox.delegate({ id, to: "bob" }, as("ann"));
    await bobs.seen(({ item }) => item?.id === id);
    await anns.seen(({ gone }) => gone === id);
    await Promise.all([anns.stop(), bobs.stop()]);
  });

  it("refuses a cursor that is none, or of other filters", async () => {
    const { workspaceId } = await start();
    const watch = follow(inbox, { workspaceId });
    const { cursor } = await watch.seen((message) => message.cursor !== "");
    await watch.stop();
    const other = { workspaceId, kinds: [ItemKind.TASK], after: cursor };
    for (const view of [{ workspaceId, after: "x" }, other]) {
      const next = inbox.watch(view)[Symbol.asyncIterator]().next();
      expect(await refusedBy(next)).toMatchObject({ code: "InvalidArgument", fields: ["after"] });
    }
  });

  it("ends with UNAVAILABLE where its replica stops", async () => {
    const { workspaceId } = await start();
    const third = await cluster.start({ APPROVALS_URL: "builtin" });
    const client = createClient(Inbox, createGrpcTransport({ baseUrl: third.url }));
    const watch = follow(client, { workspaceId });
    await watch.seen(({ cursor }) => cursor !== "");
    await third.stop();
    await until(() => (watch.failed.length > 0 ? true : undefined));
    expect(String(watch.failed[0])).toContain("unavailable");
    await watch.stop();
  });
});
