/**
 * Collaborators that fail open: called with a short timeout, in parallel, once per question, and cut off by the breaker.
 * Boundary: real HTTP to servers of the test's own; no Postgres and no bus.
 */
import { afterEach, describe, expect, it } from "vitest";
import {
  GetCanonicalResponseSchema,
  ResolveResponseSchema,
} from "../../gen/entities/v1/entities_pb.ts";
import { QueryUsageResponseSchema } from "../../gen/meter/v1/meter_pb.ts";
import { createClients } from "../../src/collaborators/clients.ts";
import { createEntities } from "../../src/collaborators/entities.ts";
import { performQueryUsage } from "../../src/egress/performers/meter.ts";
import type { Entities } from "../../src/engine/values/entities.ts";
import type { BusEvent } from "../../src/engine/values/event.ts";
import { createLog } from "../../src/process/log.ts";
import { readMetric } from "../../src/process/metrics.ts";
import { resolveEntities } from "../../src/runtime/routing/route-entities.ts";
import { encodeCall } from "../../src/wire/calls/requests.ts";
import {
  type Answer,
  type AskedOnce,
  messageOf,
  startCollaborator,
} from "../support/collaborators/collaborators.ts";

const log = createLog({ level: "error", format: "pretty" });
const stops: (() => Promise<void> | void)[] = [];
afterEach(async () => {
  for (const stop of stops.splice(0).reverse()) await stop();
});

async function serve(answer: (asked: AskedOnce, n: number) => Answer) {
  const server = await startCollaborator(answer);
  const { url } = server;
  const clients = createClients(
    { urls: { entities: url, meter: url }, protocol: "connect", timeoutMs: 300, concurrency: 8 },
    log,
  );
  stops.push(server.stop, clients.disconnect, clients.close);
  const entities = createEntities({ clients, log });
  if (entities === undefined) throw new Error("entities is configured and not made");
  return { server, clients, entities };
}

const recordOf = (recordId: string) => ({
  workspaceId: "ws",
  provider: "hubspot",
  recordId,
  entityType: "deals",
});
const goneWithout = (collaborator: string) =>
  readMetric("workflows_collaborators_gone_without_total", { collaborator });

async function timed<T>(work: Promise<T>): Promise<{ value: T; ms: number }> {
  const startMs = performance.now();
  const value = await work;
  return { value, ms: performance.now() - startMs };
}

describe("entities", () => {
  it("a record is resolved once for all who ask at once and soon after", async () => {
    const { server, entities } = await serve(() =>
      messageOf(ResolveResponseSchema, { entity: { id: "ent_1", primaryType: 3 } }),
    );
    const found = await Promise.all(
      Array.from({ length: 50 }, () => entities.resolve(recordOf("d1"))),
    );
    found.push(await entities.resolve(recordOf("d1")));
    expect(new Set(found.map((entity) => JSON.stringify(entity)))).toEqual(
      new Set(['{"entityId":"ent_1","entityType":"ENTITY_TYPE_DEAL"}']),
    );
    expect(server.asked).toHaveLength(1);
  });

  it.each<[string, Answer]>([
    ["without an id", messageOf(ResolveResponseSchema, { entity: { id: "" } })],
    [
      "of another workspace",
      messageOf(ResolveResponseSchema, { entity: { id: "e", workspaceId: "x" } }),
    ],
    ["that is none", messageOf(ResolveResponseSchema, {})],
    ["NOT_FOUND", { status: 404, json: { code: "not_found" } }],
    ["that is refused", { status: 403 }],
    ["that is cut off", "reset"],
  ])("an answer %s leaves the tap's own", async (_, answer) => {
    const { entities } = await serve(() => answer);
    expect(await entities.resolve(recordOf("d1"))).toBeUndefined();
  });

  it("an entity without a type has the record's", async () => {
    const { entities } = await serve(() =>
      messageOf(ResolveResponseSchema, { entity: { id: "e" } }),
    );
    expect(await entities.resolve(recordOf("d1"))).toEqual({ entityId: "e", entityType: "deals" });
  });

  it("a whole batch waits for a collaborator that hangs as long as one, and then no more", async () => {
    const { entities } = await serve(() => "hang");
    const before = goneWithout("entities");
    const batch = Array.from({ length: 200 }, (_, n) => entities.resolve(recordOf(`d${n}`)));
    const first = await timed(Promise.all(batch));
    expect(first.value.every((entity) => entity === undefined)).toBe(true);
    expect(first.ms).toBeLessThan(2_000);
    expect(goneWithout("entities") - before).toBe(200);
    const next = await timed(entities.check("ws", "ent_1"));
    expect(next.value).toBe("unchecked");
    expect(next.ms).toBeLessThan(100);
  });

  it("a collaborator that answers again is asked again", async () => {
    let hangs = true;
    const { entities } = await serve(() =>
      hangs ? "reset" : messageOf(GetCanonicalResponseSchema, { entity: { id: "ent_1" } }),
    );
    for (let n = 0; n < 6; n += 1) expect(await entities.check("ws", "ent_1")).toBe("unchecked");
    hangs = false;
    await expect.poll(() => entities.check("ws", "ent_1"), { timeout: 5_000 }).toBe("known");
  });
});

describe("starts by webhook", () => {
  it("are resolved side by side", async () => {
    const events = ["d1", "d2", "d3"].map(eventAbout);
    let waiting = 0;
    let release = () => {};
    const all = new Promise<void>((resolve) => {
      release = resolve;
    });
    const entities: Entities = {
      async resolve({ recordId }) {
        waiting += 1;
        if (waiting === events.length) release();
        await all;
        return recordId === "d2" ? undefined : { entityId: `ent_${recordId}`, entityType: "deal" };
      },
      check: async () => "unchecked",
    };
    const starts = await resolveEntities(entities, events, events.map(startAbout));
    const ids = starts.map(({ submission }) =>
      submission.kind === "start" ? submission.start.entityId : "",
    );
    expect(ids).toEqual(["ent_d1", "d2", "ent_d3"]);
  });
});

describe("the meter", () => {
  const call = {
    callId: "wfr_1/s1/1/query_usage",
    runId: "wfr_1",
    workspaceId: "ws",
    stepIndex: 0,
    attempt: 1,
    kind: "query_usage",
    request: encodeCall({ kind: "query_usage", runId: "wfr_1", stepId: "s1" }),
    createdAtMs: 0,
  } as const;
  const costing = (costUsd: number) => ({ ok: true, value: { kind: "query_usage", costUsd } });

  it("gives the sum of the workspace's records of the step", async () => {
    const record = (totalCostUsd: number, organizationId = "") => ({
      totalCostUsd,
      organizationId,
    });
    const { server, clients } = await serve(() =>
      messageOf(QueryUsageResponseSchema, {
        records: [
          record(0.25),
          record(0.5, "ws"),
          record(9, "ws_other"),
          record(-1),
          record(Number.NaN),
        ],
      }),
    );
    expect(await performQueryUsage({ clients, log })(call, 0)).toEqual(costing(0.75));
    const asked = server.asked[0]?.body.toString("latin1") ?? "";
    expect(asked).toContain("workflow_step");
    expect(asked).toContain("wfr_1/s1");
    expect(server.asked[0]?.headers["idempotency-key"]).toBeUndefined();
  });

  it("that hangs fails open after a short timeout, and at once when the breaker is open", async () => {
    const { clients } = await serve(() => "hang");
    const perform = performQueryUsage({ clients, log });
    const calls = Array.from({ length: 20 }, () => perform(call, 0));
    const first = await timed(Promise.all(calls));
    expect(first.ms).toBeLessThan(2_000);
    expect(first.value).toEqual(calls.map(() => costing(0)));
    expect((await timed(perform(call, 0))).ms).toBeLessThan(100);
  });
});

function eventAbout(entityId: string): BusEvent {
  const tap = { provider: "hubspot", entityType: "deals", entityId, action: "created" };
  const bare = { workspaceId: "ws", id: entityId, source: "s", type: "t", subject: "", time: "" };
  return { ...bare, data: {}, tap, actorAgentId: "", hops: 0 };
}

function startAbout(event: BusEvent, place: number) {
  const start = {
    definitionId: "wf_1",
    versionId: "wfv_1",
    definitionVersion: 1,
    workspaceId: event.workspaceId,
    triggerType: "WEBHOOK",
    triggerEventId: event.id,
    triggerSource: event.source,
    initiatorAgentId: "",
    initiatorUserId: "",
    parentRunId: "",
    entityId: event.id,
    entityType: "deals",
    hops: 0,
    input: {},
  } as const;
  const cause = { kind: "event", id: event.id } as const;
  return { place, submission: { kind: "start", start, cause } as const };
}
