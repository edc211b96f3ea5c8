/** Calls by gRPC whose stream or session ends before its answer: made again under the same key, and nothing is made twice. */
import { constants } from "node:http2";
import { create, toBinary } from "@bufbuild/protobuf";
import { afterEach, describe, expect, it, vi } from "vitest";
import {
  CreateRequestSchema,
  ObjectiveService,
} from "../../../../gen/objectives/v1/objectives_pb.ts";
import { createClients } from "../../../../src/collaborators/clients.ts";
import { createLog } from "../../../../src/process/log.ts";
import { stepOf, versionOf } from "../../../support/builders/version-spec.ts";
import {
  type AskedStream,
  type Http2Owner,
  startHttp2Owner,
} from "../../../support/collaborators/http2-owner.ts";
import { type DeafService, startDeafService } from "../../../support/services/deaf-service.ts";

const NO_RETRY = { maxRetries: 0, backoffSeconds: 0, backoffMultiplier: 1 };
const WORK = versionOf([stepOf("work", { name: "work", retryPolicy: NO_RETRY })]);
const PATIENCE = { timeout: 15_000 };
/** Well below the deadline of a call. */
const AT_ONCE_MS = 1_000;
const MANY = 8;
const ACCEPTED = 3;

const started: { stop(): Promise<void> }[] = [];
afterEach(async () => {
  for (const part of started.splice(0).reverse()) await part.stop();
});

async function start(meet: (asked: AskedStream, n: number) => void) {
  const owner = await startHttp2Owner(meet);
  started.push(owner);
  const service = await startDeafService({ objectives: owner.url }, "grpc");
  started.push(service);
  return { owner, service };
}

/** Begins runs and waits until each has its objective: one for each, made by the first attempt of its step. */
async function requireOneEach(owner: Http2Owner, service: DeafService, runs: number) {
  const begun = Array.from({ length: runs }, (_, n) => service.begin(`ends ${n}`, WORK));
  const runIds = await Promise.all(begun);
  for (const runId of runIds) {
    const key = `${runId}/work/1/create_objective`;
    await vi.waitFor(async () => {
      const step = await service.stepOfRun(runId);
      expect(step?.errorMessage).toBe("");
      expect(step?.objectiveId).toBeTruthy();
    }, PATIENCE);
    expect(await service.stepOfRun(runId)).toMatchObject({
      objectiveId: owner.made.get(key),
      retryCount: 0,
    });
  }
  expect(owner.made.size).toBe(runs);
  const bodies = (key: string) =>
    owner.asked.filter((asked) => asked.key === key).map(({ body }) => body.toString("hex"));
  for (const key of owner.made.keys()) expect(new Set(bodies(key)).size).toBe(1);
}

/** How long after the first request the second one came. */
function againAfterMs({ asked }: Http2Owner): number {
  return (asked[1]?.atMs ?? Number.POSITIVE_INFINITY) - (asked[0]?.atMs ?? 0);
}

describe("a call", () => {
  const { NGHTTP2_NO_ERROR, NGHTTP2_CANCEL, NGHTTP2_INTERNAL_ERROR } = constants;
  const half = (then: (asked: AskedStream) => void) => (asked: AskedStream) =>
    asked.answerHalf(() => then(asked));

  it.each<[string, (asked: AskedStream) => void]>([
    ["whose stream is refused", ({ stream }) => stream.close(constants.NGHTTP2_REFUSED_STREAM)],
    ["whose stream ends without an answer", ({ stream }) => stream.close(NGHTTP2_NO_ERROR)],
    ["whose stream is cancelled", ({ stream }) => stream.close(NGHTTP2_CANCEL)],
    ["whose stream fails", ({ stream }) => stream.close(NGHTTP2_INTERNAL_ERROR)],
    ["whose connection is reset", (asked) => asked.reset()],
    [
      "whose session ends by an error",
      ({ session }) => session.goaway(constants.NGHTTP2_ENHANCE_YOUR_CALM),
    ],
    [
      "whose connection is reset behind a GOAWAY",
      (asked) => {
        asked.session.goaway(NGHTTP2_NO_ERROR);
        asked.session.ping(() => asked.reset());
      },
    ],
    ["whose answer breaks off with its connection", half((asked) => asked.reset())],
    ["whose answer breaks off", half(({ stream }) => stream.close(NGHTTP2_NO_ERROR))],
    ["whose answer is cancelled", half(({ stream }) => stream.close(NGHTTP2_CANCEL))],
    ["whose answer fails", half(({ stream }) => stream.close(NGHTTP2_INTERNAL_ERROR))],
  ])("%s is made again at once", async (_, end) => {
    const { owner, service } = await start((asked, n) => (n === 1 ? end(asked) : asked.answer()));
    await requireOneEach(owner, service, 1);
    expect(owner.asked).toHaveLength(2);
    expect(againAfterMs(owner)).toBeLessThan(AT_ONCE_MS);
  });

  it("that is refused again and again is made in the end", async () => {
    const times = 5;
    const { owner, service } = await start(({ stream, ...asked }, n) =>
      n <= times ? stream.close(constants.NGHTTP2_REFUSED_STREAM) : asked.answer(),
    );
    await requireOneEach(owner, service, 1);
    expect(owner.asked).toHaveLength(times + 1);
  });
});

describe("a session that ends in order", () => {
  /** Ends the first session when all calls are open; it has taken the first three. */
  function endInOrder() {
    const open: AskedStream[] = [];
    return (asked: AskedStream) => {
      if (asked.sessionNumber > 1) return asked.answer();
      if (open.push(asked) < MANY) return;
      const inOrder = open.toSorted((a, b) => (a.stream.id ?? 0) - (b.stream.id ?? 0));
      const taken = inOrder.slice(0, ACCEPTED);
      asked.session.goaway(constants.NGHTTP2_NO_ERROR, taken.at(-1)?.stream.id);
      // What it took is answered behind the GOAWAY.
      asked.session.ping(() => taken.map((one) => one.answer()));
    };
  }

  it("answers what it took; the rest is made by the next session", async () => {
    const { owner, service } = await start(endInOrder());
    await requireOneEach(owner, service, MANY);
    expect(owner.asked.filter(({ sessionNumber }) => sessionNumber === 1)).toHaveLength(MANY);
    expect(owner.asked.filter(({ sessionNumber }) => sessionNumber === 2)).toHaveLength(
      MANY - ACCEPTED,
    );
  });

  it("is no reason to leave the owner alone", async () => {
    const owner = await startHttp2Owner(endInOrder());
    started.push(owner);
    const lines: string[] = [];
    const clients = createClients(
      { urls: { objectives: owner.url }, protocol: "grpc", timeoutMs: 5_000, concurrency: MANY },
      createLog({ level: "info", format: "json", write: (line) => lines.push(line) }),
    );
    started.push({ stop: async () => clients.disconnect() });
    const request = toBinary(CreateRequestSchema, create(CreateRequestSchema, { title: "t" }));
    const replies = await Promise.all(
      Array.from({ length: MANY }, (_, n) =>
        clients
          .require("objectives")
          .create(ObjectiveService.method.create, request, { callId: `k${n}`, workspaceId: "ws" }),
      ),
    );
    const ids = replies.map(({ objective }) => objective?.id);
    expect(ids.toSorted()).toEqual([...owner.made.values()].toSorted());
    expect(owner.made.size).toBe(MANY);
    expect(lines).toEqual([]);
  });
});
