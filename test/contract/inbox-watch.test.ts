/**
 * How watches of the Inbox end: with their caller, its token, their time; and how many there may be.
 * Boundary: the real server and store. What a watch gives is test/integration/builtin/inbox-people.test.ts.
 */
import { create } from "@bufbuild/protobuf";
import { type Client, createClient, type Interceptor } from "@connectrpc/connect";
import { createConnectTransport } from "@connectrpc/connect-node";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import {
  Inbox,
  InboxWatchRequestSchema,
  type InboxWatchResponse,
  ItemKind,
} from "../../gen/workflows/ops/v1/inbox_pb.ts";
import { StepType, WorkflowService } from "../../gen/workflows/v1/workflows_pb.ts";
import type { Scope } from "../../src/collaborators/identity/callers.ts";
import { createInboxFeed } from "../../src/ingress/rpc/inbox-feed.ts";
import { answerWatchInbox } from "../../src/ingress/rpc/inbox-watch.ts";
import { STREAM_LIMITS } from "../../src/ingress/rpc/stream-limits.ts";
import { createGraphCache } from "../../src/runtime/graphs.ts";
import { EVERY_WORKSPACE } from "../../src/store/reads/visibility.ts";
import { type RpcService, refusedBy, startRpcService } from "../support/services/rpc-service.ts";

const WORKSPACE = "ws_watch";
const SCOPES: readonly Scope[] = [
  "workflows:read",
  "workflows:author",
  "workflows:run",
  "workflows:transition",
];
let scopes = new Set(SCOPES);
let service: RpcService;
let inbox: Client<typeof Inbox>;

beforeAll(async () => {
  const caller = { subject: "ann", workspaceId: WORKSPACE, isAgent: false };
  const find = async () => (scopes.size > 0 ? { ...caller, scopes } : undefined);
  const streamLimits = { ...STREAM_LIMITS, tokenEveryMs: 20, ageMs: 3_000 };
  service = await startRpcService({ callers: { find }, streamLimits });
  const bearer: Interceptor = (next) => (request) => {
    request.header.set("authorization", "Bearer t");
    return next(request);
  };
  const { baseUrl } = service;
  const transport = createConnectTransport({ baseUrl, httpVersion: "2", interceptors: [bearer] });
  inbox = createClient(Inbox, transport);
  await start(createClient(WorkflowService, transport));
});
beforeEach(() => {
  scopes = new Set(SCOPES);
});
afterAll(() => service.stop());

/** A run with two open tasks. */
async function start(workflows: Client<typeof WorkflowService>): Promise<void> {
  const { definition } = await workflows.createDefinition({ name: "tasks" });
  const definitionId = definition?.id ?? "";
  const steps = ["a", "b"].map((id) => ({ id, name: id, stepType: StepType.HUMAN_TASK }));
  await workflows.publishVersion({ definitionId, steps });
  await workflows.startRun({ definitionId });
}

/** Takes messages until the watch ends; `onSynced` is called after the first items. */
async function follow(
  messages: AsyncIterable<InboxWatchResponse>,
  onSynced: () => void = () => {},
): Promise<void> {
  for await (const { cursor } of messages) if (cursor !== "") onSynced();
}

/** One watch of a feed, as the server makes it, that is not taken up again by itself. */
function watchOf(feed = createInboxFeed()) {
  const { database } = service;
  const ending = new AbortController();
  const clock = { nowMs: 0 };
  const open = { watches: 0 };
  const inboxFeed = {
    ...feed,
    watch(...view: Parameters<typeof feed.watch>) {
      const watch = feed.watch(...view);
      const { close } = watch;
      open.watches += 1;
      watch.close = () => {
        open.watches = 0;
        close();
      };
      return watch;
    },
  };
  const deps = {
    ...{ database, graphs: createGraphCache(database), inboxFeed, visibility: EVERY_WORKSPACE },
    ...{ answerHeader: new Headers(), signal: ending.signal, nowMs: () => clock.nowMs },
    hasToken: false,
    requireCaller: async () => undefined,
  };
  const request = create(InboxWatchRequestSchema, { workspaceId: WORKSPACE });
  return { stream: answerWatchInbox(deps, request), ending, clock, open };
}

test("a watch ends with its caller's token", async () => {
  const watched = follow(inbox.watch({}), () => scopes.clear());
  expect((await refusedBy(watched)).code).toBe("Unauthenticated");
});

test("a watch of held steps ends with the scope for them, one of tasks goes on", async () => {
  const lose = () => void scopes.delete("workflows:transition");
  const [held, tasks] = await Promise.all([
    refusedBy(follow(inbox.watch({}), lose)),
    refusedBy(follow(inbox.watch({ kinds: [ItemKind.TASK] }))),
  ]);
  expect(held.code).toBe("PermissionDenied");
  expect(tasks.code).toBe("Unavailable");
});

test("a watch ends when its time is over, with a word of how to go on", async () => {
  const { code, error } = await refusedBy(follow(inbox.watch({})));
  expect(code).toBe("Unavailable");
  expect(error.message).toContain("watch again after the last cursor");
});

test("a watch whose caller has gone while messages wait gives its place back", async () => {
  const { stream, ending, open } = watchOf();
  expect((await stream.next()).value).toMatchObject({ reset: true });
  expect(open.watches).toBe(1);
  // The stream is closed while it is written to: nothing asks for the next message.
  ending.abort();
  expect(open.watches).toBe(0);
});

test("a caller that takes no message for 30 s is cut off", async () => {
  const { stream, clock, open } = watchOf();
  await stream.next();
  clock.nowMs += 29_000;
  expect((await stream.next()).value?.item).toBeDefined();
  clock.nowMs += 31_000;
  await expect(stream.next()).rejects.toMatchObject({ reason: "overloaded" });
  expect(open.watches).toBe(0);
});

test("one workspace does not take the views of the others", () => {
  const feed = createInboxFeed();
  const watch = (workspaceId: string, view: number) =>
    feed.watch(`${workspaceId}/${view}`, workspaceId, async () => []);
  const own = Array.from({ length: 40 }, (_, view) => watch("ws_a", view));
  const tooMany = expect.objectContaining({ reason: "overloaded" });
  expect(() => watch("ws_a", 40)).toThrow(tooMany);
  const shared = watch("ws_a", 0);
  for (const workspaceId of ["ws_b", "ws_c", "ws_d", "ws_e"]) {
    for (let view = 0; view < 40; view += 1) watch(workspaceId, view);
  }
  expect(() => watch("ws_f", 0)).toThrow(tooMany);
  // The view of another watcher goes on.
  own[0]?.close();
  expect(() => watch("ws_a", 40)).toThrow(tooMany);
  shared.close();
  shared.close();
  watch("ws_f", 0);
  expect(() => watch("ws_f", 1)).toThrow(tooMany);
});
