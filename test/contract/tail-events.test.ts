/**
 * Runs.TailEvents as callers see it: the events of their workspace, as they are published, until one of both sides ends it.
 * Boundary: the real server; the bus is the test's. The real one is test/integration/tail-events.test.ts. Who is cut off because
 * they fall behind is test/unit/runtime/event-feed.test.ts.
 */
import { create } from "@bufbuild/protobuf";
import { timestampMs } from "@bufbuild/protobuf/wkt";
import { type CallOptions, type Client, createClient } from "@connectrpc/connect";
import { createConnectTransport } from "@connectrpc/connect-node";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import {
  Runs,
  TailEventsRequestSchema,
  type TailEventsResponse,
} from "../../gen/workflows/ops/v1/runs_pb.ts";
import { type Caller, grantedScopes } from "../../src/collaborators/identity/callers.ts";
import type { PublishedEvent } from "../../src/engine/values/published-event.ts";
import { answerTailEvents } from "../../src/ingress/rpc/tail-events.ts";
import { createEventFeed, type EventListener } from "../../src/runtime/event-feed.ts";
import { onlyWorkspace } from "../../src/store/reads/visibility.ts";
import { until } from "../support/assertions/until.ts";
import {
  type RpcService,
  refusedBy,
  startRpcService,
  TRANSPORTS,
} from "../support/services/rpc-service.ts";

const TYPE = "workflows.changes.run.started";
/** The bus; undefined: nobody listens. */
let bus: EventListener | undefined;
/** The words of the token; none: it is not known any more. */
let words: string[];
let service: RpcService;
let runs: Client<typeof Runs>;

const listen = async (listener: EventListener) => {
  bus = listener;
  return () => {
    bus = undefined;
  };
};

async function find(token: string): Promise<Caller | undefined> {
  if (words.length === 0) return undefined;
  const scopes = grantedScopes(words, false);
  return { subject: "user_ann", workspaceId: token, scopes, isAgent: false };
}

beforeAll(async () => {
  const limits = { takenWithinMs: 30_000, tokenEveryMs: 20, signOfLifeMs: 100, ageMs: 60_000 };
  const eventFeed = createEventFeed(listen);
  service = await startRpcService({ callers: { find }, eventFeed, streamLimits: limits });
  const transport = createConnectTransport({ baseUrl: service.baseUrl, httpVersion: "1.1" });
  runs = createClient(Runs, transport);
});
beforeEach(() => {
  words = ["viewer"];
});
afterAll(() => service.stop());

const as = (workspaceId: string): CallOptions => ({
  headers: { authorization: `Bearer ${workspaceId}` },
});

function publish(more: Partial<PublishedEvent> = {}): void {
  const event: PublishedEvent = {
    ...{ id: "e1", source: "workflows", type: TYPE, subject: TYPE, timeMs: 1_000 },
    ...{ dataSchema: "schema", extensions: { workflowhops: "0" }, data: { a: { b: [1] } } },
    ...{ workspaceId: "ws_a", runId: "wfr_1", definitionId: "wf_1", bytes: 100, ...more },
  };
  bus?.take(event.type, () => event);
}

/** Takes messages until there are so many events; `onReady` is called after the first message. */
async function take(
  messages: AsyncIterable<TailEventsResponse>,
  count: number,
  onReady: () => void,
) {
  const events: NonNullable<TailEventsResponse["event"]>[] = [];
  let isReady = false;
  for await (const { event } of messages) {
    if (!isReady) onReady();
    isReady = true;
    if (event !== undefined) events.push(event);
    if (events.length === count) break;
  }
  return events;
}

test.each(TRANSPORTS)("gives events of the caller's workspace alone: %s", async (_, make) => {
  const client = createClient(Runs, make(service.baseUrl));
  const [event] = await take(client.tailEvents({}, as("ws_a")), 1, () => {
    publish({ id: "other", workspaceId: "ws_b" });
    publish();
  });
  expect(event).toMatchObject({
    ...{ id: "e1", source: "workflows", type: TYPE, subject: TYPE, dataSchema: "schema" },
    ...{ extensions: { workflowhops: "0" }, data: { a: { b: [1] } } },
    ...{ runId: "wfr_1", definitionId: "wf_1" },
  });
  expect(event?.time && timestampMs(event.time)).toBe(1_000);
});

test("gives those of a type, a run and a workflow", async () => {
  const types = ["workflows.changes.step.*", TYPE];
  const request = { types, runId: "wfr_1", definitionId: "wf_1" };
  const events = await take(runs.tailEvents(request, as("ws_a")), 2, () => {
    publish({ id: "a", type: "workflows.changes.run.failed" });
    publish({ id: "b", runId: "wfr_2" });
    publish({ id: "c", definitionId: "wf_2" });
    publish({ id: "d" });
    publish({ id: "e", type: "workflows.changes.step.failed" });
  });
  expect(events.map(({ id }) => id)).toEqual(["d", "e"]);
});

test("a tail of a run of another workspace gives nothing", async () => {
  let isHeard = false;
  for await (const { event } of runs.tailEvents({ runId: "wfr_1" }, as("ws_b"))) {
    if (isHeard) {
      expect(event).toBeUndefined();
      break;
    }
    // The next message is a sign of life.
    isHeard = true;
    publish();
  }
  expect(isHeard).toBe(true);
});

test("the bus is listened to no more when the caller has gone", async () => {
  let isHeard = false;
  const eventFeed = createEventFeed(async () => {
    isHeard = true;
    return () => {
      isHeard = false;
    };
  });
  const own = await startRpcService({ eventFeed });
  const transport = createConnectTransport({ baseUrl: own.baseUrl, httpVersion: "1.1" });
  const gone = new AbortController();
  const tail = createClient(Runs, transport).tailEvents(
    { workspaceId: "ws_a" },
    { signal: gone.signal },
  );
  await refusedBy(take(tail, 1, () => gone.abort()));
  await until(() => (isHeard ? undefined : true));
  await own.stop();
});

describe("ends", () => {
  test("with its caller's token", async () => {
    const tail = take(runs.tailEvents({}, as("ws_a")), 1, () => {
      words = [];
    });
    expect((await refusedBy(tail)).code).toBe("Unauthenticated");
  });

  test("in words when the bus is lost", async () => {
    const tail = take(runs.tailEvents({}, as("ws_a")), 1, () => bus?.end("the bus was lost"));
    const { code, error } = await refusedBy(tail);
    expect(code).toBe("Unavailable");
    expect(error.message).toContain("the bus was lost; tail the events again");
  });

  test("in words when the replica stops", async () => {
    const own = await startRpcService();
    const client = createClient(
      Runs,
      createConnectTransport({ baseUrl: own.baseUrl, httpVersion: "1.1" }),
    );
    let stopped: Promise<void> | undefined;
    const tail = take(client.tailEvents({ workspaceId: "ws_a" }), 1, () => {
      stopped = own.stop();
    });
    const { code, error } = await refusedBy(tail);
    expect(code).toBe("Unavailable");
    expect(error.message).toContain("the service stops");
    await stopped;
  });
});

describe("is refused", () => {
  test("without a workspace, where there is no authentication", async () => {
    const own = await startRpcService();
    const client = createClient(
      Runs,
      createConnectTransport({ baseUrl: own.baseUrl, httpVersion: "1.1" }),
    );
    const refused = await refusedBy(take(client.tailEvents({}), 1, () => {}));
    expect(refused).toMatchObject({ code: "InvalidArgument", fields: ["workspace_id"] });
    await own.stop();
  });

  test.each([
    [["a.*b"], ["types[0]"]],
    [["a", ""], ["types[1]"]],
    [Array.from({ length: 33 }, (_, at) => `t${at}`), ["types"]],
  ])("for the types %j", async (types, fields) => {
    const refused = await refusedBy(take(runs.tailEvents({ types }, as("ws_a")), 1, () => {}));
    expect(refused).toMatchObject({ code: "InvalidArgument", fields });
  });
});

test("a caller that takes no message for 30 s is cut off, and its place is free", async () => {
  const eventFeed = createEventFeed(listen);
  let nowMs = 0;
  const deps = {
    ...{ eventFeed, visibility: onlyWorkspace("ws_a"), nowMs: () => nowMs },
    ...{ signal: new AbortController().signal, hasToken: false },
    requireCaller: async () => undefined,
  };
  const stream = answerTailEvents(deps, create(TailEventsRequestSchema, { workspaceId: "ws_a" }));
  await stream.next();
  publish();
  publish({ id: "e2" });
  expect((await stream.next()).value?.event?.id).toBe("e1");
  nowMs += 31_000;
  await expect(stream.next()).rejects.toMatchObject({ reason: "overloaded" });
  expect(bus).toBeUndefined();
});
