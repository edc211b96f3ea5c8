/**
 * Every encoding times every kind of data times every role of the bus, each ending a real step; what
 * cannot be read or concerns no run; and the service's own events, in every format, coming back in.
 *
 * Boundary: needs the servers that TEST_DATABASE_URL and TEST_NATS_URL name. The table's events are
 * all published before the first test looks at what they did.
 */
import { randomUUID } from "node:crypto";
import { create, type JsonObject } from "@bufbuild/protobuf";
import { AnySchema } from "@bufbuild/protobuf/wkt";
import type { Msg } from "nats";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createPublisher } from "../../src/egress/publish/publisher.ts";
import type { StepDefinition } from "../../src/engine/values/definition.ts";
import { readMetric } from "../../src/process/metrics.ts";
import type { EventFormat } from "../../src/wire/events/cloud-events.ts";
import { until } from "../support/assertions/until.ts";
import {
  allowance,
  approval,
  completedDelegation,
  completedObjective,
  ownData,
  type Payload,
  TAP_EVENT,
} from "../support/builders/event-payloads.ts";
import { stepOf, triggerOf, versionOf } from "../support/builders/version-spec.ts";
import {
  anyOf,
  attributesOf,
  ENCODINGS,
  type EncodingName,
  type EventToWrite,
  encodingsFor,
  ensembleBytes,
  type WrittenEvent,
} from "../support/builders/written-events.ts";
import {
  type BusService,
  type DefinedVersion,
  startBusService,
} from "../support/services/bus-service.ts";
import { STREAM_LIMITS } from "../support/services/stream-limits.ts";

interface Role {
  readonly name: string;
  readonly step: StepDefinition;
  /** Runs until the step waits for the event; gives the values that the event may have. */
  prepare(runId: string, key: string): Promise<Payload[]>;
}

interface Cell {
  readonly role: Role;
  /** Place of the payload among the role's. */
  readonly place: number;
  readonly payload: string;
  readonly encoding: EncodingName;
  readonly key: string;
}

const OWN = { stage: "won", amount: 12.5, deep: { list: [1, "two", null] } };
const ROLES: readonly Role[] = [
  {
    name: "objectives",
    step: stepOf("work"),
    async prepare(runId, key) {
      await service.returnCall(runId, { kind: "create_objective", objectiveId: key });
      return completedObjective(key);
    },
  },
  {
    name: "agents",
    step: stepOf("work", { config: { delegate: true } }),
    async prepare(runId, key) {
      await service.returnCall(runId, { kind: "create_objective", objectiveId: `of-${key}` });
      await service.returnCall(runId, { kind: "delegate", delegationId: key, agentId: "a1" });
      return completedDelegation(key);
    },
  },
  {
    name: "approvals",
    step: stepOf("gate", { stepType: "APPROVAL_GATE", agentId: "", actionType: "refund" }),
    async prepare(runId, key) {
      const value = { requestId: key, autoApproved: false };
      await service.returnCall(runId, { kind: "request_approval", ...value });
      return approval(key);
    },
  },
  {
    name: "governance",
    step: stepOf("check", { stepType: "GOVERNANCE_CHECK", agentId: "", actionType: "refund" }),
    async prepare(runId) {
      const value = { decision: "UNSPECIFIED", riskLevel: "", reasons: [] };
      await service.returnCall(runId, { kind: "evaluate_action", ...value });
      return allowance(runId, "check");
    },
  },
  {
    name: "crm",
    step: stepOf("wait", {
      stepType: "WAIT_FOR_EVENT",
      agentId: "",
      eventTypePattern: "crm.cell",
      eventSubjectPattern: "{{ input.key }}",
    }),
    async prepare(_runId, key) {
      return [TAP_EVENT, ...ownData(OWN), ...completedObjective(key).slice(0, 2)];
    },
  },
];

const payloadsOf: Readonly<Record<string, readonly Payload[]>> = {
  objectives: completedObjective(""),
  agents: completedDelegation(""),
  approvals: approval(""),
  governance: allowance("", ""),
  crm: [TAP_EVENT, ...ownData(OWN), ...completedObjective("").slice(0, 2)],
};

const CELLS: readonly Cell[] = ROLES.flatMap((role) =>
  (payloadsOf[role.name] ?? []).flatMap(({ name, data }, place) =>
    encodingsFor(data).map((encoding, nth) => ({
      role,
      place,
      payload: name,
      encoding,
      key: `${role.name}-${place}-${nth}`,
    })),
  ),
);

const TASK = stepOf("task", { stepType: "HUMAN_TASK", name: "Task" });
const FORMATS = ["cloudevents", "ensemble-json", "ensemble-protobuf"] as const;
const runIds = new Map<string, string>();
let service: BusService;

beforeAll(async () => {
  service = await startBusService(["workflows"]);
  await until(() => service.consumers.busState() === "ok" || undefined);
});
afterAll(async () => {
  await service.stop();
});

async function publish(role: string, { headers, body }: WrittenEvent): Promise<number> {
  return service.publish(role, body, headers);
}

function eventOf(payload: Payload, fields: Partial<EventToWrite> = {}): EventToWrite {
  const { data, extensions = {} } = payload;
  return { id: randomUUID(), type: "x.changed", workspaceId: "ws", data, extensions, ...fields };
}

async function runOf(runId: string | undefined) {
  const [run] = await service.rows("select * from workflow_runs where id = $1", [runId]);
  return run;
}

async function stepOfRun(runId: string | undefined) {
  const [row] = await service.rows("select * from step_runs where run_id = $1", [runId]);
  return row;
}

describe("an event in any encoding ends its step", () => {
  beforeAll(async () => {
    const definitions = new Map<Role, DefinedVersion>();
    for (const role of ROLES) {
      definitions.set(role, await service.define("ws", versionOf([role.step])));
    }
    await Promise.all(CELLS.map((cell) => play(cell, definitions.get(cell.role))));
    for (const { name } of ROLES) await service.settle(name);
  });

  async function play(cell: Cell, definition: DefinedVersion | undefined): Promise<void> {
    if (definition === undefined) throw new Error("the role has no definition");
    const { role, key } = cell;
    const runId = await service.start(definition, { input: { key } });
    runIds.set(key, runId);
    const payload = (await role.prepare(runId, key))[cell.place];
    if (payload === undefined) throw new Error("the cell has no payload");
    const event = eventOf(payload, { id: key, type: "crm.cell", subject: key });
    await publish(role.name, ENCODINGS[cell.encoding].write(event));
  }

  it.each(CELLS)("$role.name: $payload as $encoding", async ({ role, key, payload, place }) => {
    const runId = runIds.get(key);
    expect(await runOf(runId)).toMatchObject({ state: "COMPLETED" });
    const step = await stepOfRun(runId);
    if (role.name === "objectives" || role.name === "agents") {
      expect(step?.output).toEqual(payload === "objectives.v1.Objective" ? {} : { ok: 1 });
    }
    if (role.name === "crm") {
      const said = (await role.prepare("", key))[place];
      expect(step).toMatchObject({ event_id: key, output: said?.data.json });
    }
  });
});

describe("a tap event in any encoding starts a WEBHOOK run", () => {
  it.each(encodingsFor(TAP_EVENT.data))("as %s", async (encoding) => {
    const trigger = triggerOf({ triggerType: "WEBHOOK", tapProvider: "gmail" });
    const definition = await service.define("taps", versionOf([TASK], [], { trigger }));
    await publish("siphon", ENCODINGS[encoding].write(eventOf(TAP_EVENT, { workspaceId: "taps" })));
    const run = await until(async () => {
      const sql = "select * from workflow_runs where definition_id = $1";
      return (await service.rows(sql, [definition.id]))[0];
    });
    expect(run).toMatchObject({
      trigger_type: "WEBHOOK",
      entity_id: "m1",
      entity_type: "message",
      input_payload: TAP_EVENT.data.json,
    });
  });
});

describe("bad input", () => {
  const sound = eventOf(TAP_EVENT);
  const whole = ENCODINGS["Ensemble protobuf"].write(sound).body;
  const json = (more: JsonObject): WrittenEvent => ({
    headers: {},
    body: Buffer.from(JSON.stringify({ ...attributesOf(eventOf(TAP_EVENT)), ...more })),
  });
  const deep = (depth: number) =>
    `${JSON.stringify(attributesOf(sound)).slice(0, -1)},"data":${'{"a":'.repeat(depth)}1${"}".repeat(depth)}}`;
  const bytes = (body: Uint8Array | string): WrittenEvent => ({
    headers: {},
    body: Buffer.from(body),
  });

  const PUT_ASIDE: readonly { what: string; reason: string; written: WrittenEvent }[] = [
    { what: "text", reason: "not_json", written: bytes("not json") },
    { what: "an array", reason: "not_an_object", written: bytes("[]") },
    {
      what: "bytes that are not UTF-8",
      reason: "not_utf8",
      written: bytes(Uint8Array.of(0x7b, 0xff)),
    },
    { what: "1 MiB of zeros", reason: "not_json", written: bytes(Buffer.alloc(1_000_000)) },
    { what: "truncated protobuf", reason: "not_protobuf", written: bytes(whole.subarray(0, -9)) },
    {
      what: "protobuf with broken data",
      reason: "bad_data",
      written: bytes(ensembleBytes(sound, brokenAny())),
    },
    {
      what: "a truncated message in base64",
      reason: "bad_data",
      written: json({ datacontenttype: "application/protobuf", data_base64: "CgVh" }),
    },
    { what: "a NUL in JSON", reason: "bad_data", written: json({ data: { a: ["\u0000"] } }) },
    {
      what: "a NUL in protobuf",
      reason: "bad_data",
      written: ENCODINGS["Ensemble protobuf"].write(
        eventOf(ownData({ a: "\u0000" })[0] ?? TAP_EVENT),
      ),
    },
    { what: "a NUL in an id", reason: "bad_attribute", written: json({ id: "a\u0000" }) },
    { what: "depth 10,000", reason: "bad_data", written: bytes(deep(10_000)) },
    { what: "no type", reason: "missing_attribute", written: json({ type: "" }) },
    {
      what: "an image",
      reason: "unknown_encoding",
      written: json({ datacontenttype: "image/png", data_base64: "AAAA" }),
    },
  ];

  it.each(PUT_ASIDE)("$what is put aside, counted and blocks nothing", async (bad) => {
    const labels = { stream: service.stream, reason: bad.reason };
    const before = readMetric("workflows_dead_letters_total", labels);
    const seq = await publish("crm", bad.written);
    await expectHandled("crm");
    const letters = await service.rows(
      "select reason, data = $3 as whole from dead_letters where stream = $1 and stream_seq = $2",
      [service.stream, seq, Buffer.from(bad.written.body)],
    );
    expect(letters).toEqual([{ reason: bad.reason, whole: true }]);
    expect(readMetric("workflows_dead_letters_total", labels)).toBe(before + 1);
  });

  const ofNoRun = completedObjective("nobody-knows")[2] ?? TAP_EVENT;
  const IGNORED: readonly { what: string; reason: string; role: string; written: WrittenEvent }[] =
    [
      {
        what: "a message of an unknown type",
        reason: "unknown_type",
        role: "crm",
        written: bytes(ensembleBytes(sound, create(AnySchema, { typeUrl: "x/a.v1.B" }))),
      },
      {
        what: "an event of no workspace",
        reason: "no_tenant",
        role: "objectives",
        written: ENCODINGS["Ensemble protobuf"].write(eventOf(ofNoRun, { workspaceId: "" })),
      },
      {
        what: "another system's object",
        reason: "unknown_object",
        role: "objectives",
        written: ENCODINGS["binary Any"].write(eventOf(ofNoRun)),
      },
      {
        what: "a report of two states at once",
        reason: "contradictory",
        role: "objectives",
        written: json({ data: { id: "o", state: "COMPLETED", status: "FAILED" } }),
      },
    ];

  it.each(IGNORED)("$what is acknowledged and counted", async ({ reason, role, written }) => {
    const before = readMetric("workflows_events_ignored_total", { reason });
    const seq = await publish(role, written);
    await expectHandled(role);
    expect(readMetric("workflows_events_ignored_total", { reason })).toBe(before + 1);
    const letters = await service.rows("select 1 from dead_letters where stream_seq = $1", [seq]);
    expect(letters).toEqual([]);
  });

  it("does not change the step, which a valid event then ends once", async () => {
    const runId = await service.start(await service.define("ws", versionOf(["work"])));
    await service.returnCall(runId, { kind: "create_objective", objectiveId: "obj-bad" });
    const said = completedObjective("obj-bad")[2] ?? TAP_EVENT;
    const write = ENCODINGS["structured, data_base64 message"].write;
    await publish("objectives", write(eventOf(said, { workspaceId: "other" })));
    await publish("approvals", write(eventOf(said)));
    await publish("objectives", json({ data: { id: "obj-bad", state: "FAILED", status: 7 } }));
    await service.settle("approvals");
    await expectHandled("objectives");
    expect(await runOf(runId)).toMatchObject({ state: "RUNNING" });
    await publish("objectives", write(eventOf(said)));
    await publish("objectives", json({ data: { id: "obj-bad", state: "FAILED" } }));
    await publish("objectives", write(eventOf(said)));
    await expectHandled("objectives");
    expect(await runOf(runId)).toMatchObject({ state: "COMPLETED" });
    expect(await stepOfRun(runId)).toMatchObject({ state: "COMPLETED", output: { ok: 1 } });
  });

  it("of a payload over the limit fails its step for good, saying the size", async () => {
    const runId = await service.start(await service.define("ws", versionOf(["work"])));
    await service.returnCall(runId, { kind: "create_objective", objectiveId: "obj-large" });
    const large = { id: "obj-large", state: "COMPLETED", output: { text: "x".repeat(1_000_000) } };
    await publish("objectives", json({ data: large }));
    await expectHandled("objectives");
    expect(await runOf(runId)).toMatchObject({ state: "FAILED" });
    expect((await stepOfRun(runId))?.error_message).toMatch(/bytes/);
  });

  it("of a payload over the limit starts no run and is counted", async () => {
    const trigger = triggerOf({ triggerType: "EVENT", eventType: "crm.large" });
    const definition = await service.define("ws", versionOf([TASK], [], { trigger }));
    const before = readMetric("workflows_events_ignored_total", { reason: "refused" });
    await publish("crm", json({ type: "crm.large", data: { text: "x".repeat(1_000_000) } }));
    await expectHandled("crm");
    const sql = "select 1 from workflow_runs where definition_id = $1";
    expect(await service.rows(sql, [definition.id])).toEqual([]);
    expect(readMetric("workflows_events_ignored_total", { reason: "refused" })).toBe(before + 1);
  });

  /** Publishes a valid event after the others; it must be applied. */
  async function expectHandled(role: string): Promise<void> {
    const type = `behind.${randomUUID()}`;
    const trigger = triggerOf({ triggerType: "EVENT", eventType: type });
    const definition = await service.define("ws", versionOf([TASK], [], { trigger }));
    await publish(role, ENCODINGS["structured JSON"].write(eventOf(TAP_EVENT, { type })));
    await service.settle(role);
    const sql = "select 1 from workflow_runs where definition_id = $1";
    expect(await service.rows(sql, [definition.id])).toHaveLength(1);
  }
});

describe("the service's own events", () => {
  it.each(FORMATS)("as %s come back in and know their hops", async (format) => {
    const type = "workflows.changes.run.started";
    const workspaceId = `own-${format}`;
    const first = await service.define(workspaceId, versionOf([TASK]));
    const trigger = triggerOf({ triggerType: "EVENT", eventType: type });
    const next = await service.define(workspaceId, versionOf([TASK], [], { trigger }));
    const runId = await service.start(first, { workspaceId, hops: 3, input: { a: "ä" } });
    const { headers, data } = await publishedEvent(format, type, runId);
    const fields = Object.fromEntries(
      [...(headers ?? [])].map(([name, [value = ""]]) => [name, value]),
    );
    await service.publish("workflows", data, fields);
    const run = await until(async () => {
      const sql = "select * from workflow_runs where definition_id = $1";
      return (await service.rows(sql, [next.id]))[0];
    });
    expect(run).toMatchObject({
      hops: 4,
      trigger_event_id: fields["Nats-Msg-Id"],
      input_payload: { operation: "started", run: { id: runId, input_payload: { a: "ä" } } },
    });
  });

  /** The event of this type about the run, as a publisher puts it onto the bus. */
  async function publishedEvent(format: EventFormat, type: string, runId: string): Promise<Msg> {
    const found: Msg[] = [];
    const subscription = service.connection.subscribe(type, {
      callback: (_error, message) => void found.push(message),
    });
    const { database, graphs, log, connection } = service;
    const replicaId = `encodings-${format}`;
    const publisher = createPublisher({
      limits: STREAM_LIMITS,
      ...{ database, graphs, log, connection, format, replicaId },
      stream: "WORKFLOWS",
    });
    publisher.start();
    try {
      return await until(() =>
        found.find(({ headers }) => headers?.get("Nats-Msg-Id").startsWith(`${runId}-`)),
      );
    } finally {
      await publisher.stop();
      subscription.unsubscribe();
    }
  }
});

function brokenAny() {
  const any = anyOf(TAP_EVENT.data);
  return create(AnySchema, { typeUrl: any.typeUrl, value: any.value.subarray(0, -1) });
}
