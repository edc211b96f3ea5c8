/**
 * Events from the bus to runs, on real servers: what they start and end, what is put aside.
 *
 * Boundary: needs the servers that TEST_DATABASE_URL and TEST_NATS_URL name.
 */
import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { stepOf, triggerOf, versionOf } from "../../../support/builders/version-spec.ts";
import { type BusService, startBusService } from "../../../support/services/bus-service.ts";

const WAIT_AT_MOST = { timeout: 10_000, interval: 20 };
let service: BusService;

beforeAll(async () => {
  service = await startBusService();
  await vi.waitFor(() => expect(service.consumers.busState()).toBe("ok"), WAIT_AT_MOST);
});
afterAll(async () => {
  await service.stop();
});

interface EventFields {
  readonly id?: string;
  readonly type?: string;
  readonly subject?: string;
  readonly workspaceId?: string;
  readonly data?: object;
}

function eventOf({ id, type, subject, workspaceId, data }: EventFields = {}) {
  return {
    specversion: "1.0",
    id: id ?? randomUUID(),
    source: "crm",
    type: type ?? "crm.other",
    ...(subject === undefined ? {} : { subject }),
    tenantid: workspaceId ?? "ws",
    data: data ?? {},
  };
}

const pause = stepOf("pause", {
  stepType: "HUMAN_TASK",
  agentId: "",
  config: { instructions: "x" },
});

function waitFor(id: string, type: string, config: { filter_expr?: string } = {}) {
  return stepOf(id, { stepType: "WAIT_FOR_EVENT", agentId: "", eventTypePattern: type, config });
}

function eventTrigger(eventType: string, filterExpr = "") {
  return { trigger: triggerOf({ triggerType: "EVENT", eventType, filterExpr }) };
}

async function stateOf(runId: string): Promise<unknown> {
  const [row] = await service.rows("select state from workflow_runs where id = $1", [runId]);
  return row?.state;
}

async function runsOf(definitionId: string) {
  return service.rows("select * from workflow_runs where definition_id = $1", [definitionId]);
}

/** Publishes an event that concerns no run and waits until the source's consumer has no message left. */
async function settle(role: string): Promise<void> {
  await service.publish(role, eventOf());
  await service.settle(role);
}

describe("triggers", () => {
  it("start one run however often the event comes", async () => {
    const definition = await service.define(
      "ws",
      versionOf([pause], [], eventTrigger("crm.deal.*")),
    );
    const event = eventOf({ type: "crm.deal.won", data: { value: 7 } });
    for (let times = 0; times < 3; times++) await service.publish("crm", event);
    await settle("crm");
    await service.publish("crm", event);
    await settle("crm");
    const runs = await runsOf(definition.id);
    expect(runs).toHaveLength(1);
    expect(runs[0]).toMatchObject({
      trigger_type: "EVENT",
      trigger_event_id: event.id,
      input_payload: { value: 7 },
      hops: 0,
    });
  });

  it("ask their filter, their workspace, and only the latest version", async () => {
    const spec = versionOf([pause], [], eventTrigger("crm.lead.new", "score > 5"));
    const definition = await service.define("ws", spec);
    await service.publish("crm", eventOf({ type: "crm.lead.new", data: { score: 9 } }));
    await service.publish("crm", eventOf({ type: "crm.lead.new", data: { score: 1 } }));
    await service.publish("crm", eventOf({ type: "crm.lead.new" }));
    await service.publish(
      "crm",
      eventOf({ type: "crm.lead.new", workspaceId: "other", data: { score: 9 } }),
    );
    await settle("crm");
    expect(await runsOf(definition.id)).toHaveLength(1);
  });

  it("start WEBHOOK runs from tap events, with the entity", async () => {
    const trigger = triggerOf({
      triggerType: "WEBHOOK",
      tapProvider: "gmail",
      tapAction: "received",
    });
    const definition = await service.define("ws", versionOf([pause], [], { trigger }));
    const data = {
      "@type": "type.googleapis.com/tap.v1.TapEventData",
      provider: "gmail",
      entity_type: "message",
      entity_id: "m1",
      action: "received",
    };
    await service.publish("siphon", eventOf({ data }));
    await settle("siphon");
    expect(await runsOf(definition.id)).toMatchObject([
      { trigger_type: "WEBHOOK", entity_id: "m1", entity_type: "message" },
    ]);
  });

  it("end a chain of runs that start each other", async () => {
    const definition = await service.define(
      "ws",
      versionOf([pause], [], eventTrigger("loop.next")),
    );
    const own = { ...eventOf({ type: "loop.next" }), source: "workflows" };
    await service.publish("crm", { ...own, id: "hop-15", workflowhops: 15 });
    await service.publish("crm", { ...own, id: "hop-16", workflowhops: 16 });
    await settle("crm");
    expect(await runsOf(definition.id)).toMatchObject([{ trigger_event_id: "hop-15", hops: 16 }]);
  });
});

describe("waits", () => {
  it("end with the first event that fits pattern, filter and workspace", async () => {
    const spec = versionOf([waitFor("paid", "billing.*", { filter_expr: "amount > 10" })]);
    const runId = await service.start(await service.define("ws", spec));
    const fitting = { type: "billing.paid", data: { amount: 20 } };
    await service.publish("crm", eventOf({ ...fitting, workspaceId: "other" }));
    await service.publish("crm", eventOf({ ...fitting, data: { amount: 1 } }));
    await settle("crm");
    expect(await stateOf(runId)).toBe("RUNNING");
    await service.publish("crm", eventOf({ ...fitting, id: "paid-1" }));
    await vi.waitFor(async () => expect(await stateOf(runId)).toBe("COMPLETED"), WAIT_AT_MOST);
    const steps = await service.rows("select * from step_runs where run_id = $1", [runId]);
    expect(steps).toMatchObject([{ event_id: "paid-1", output: { amount: 20 } }]);
  });

  it("get events that came before they opened", async () => {
    const spec = versionOf(
      [waitFor("first", "order.made"), waitFor("second", "order.paid")],
      ["first -> second"],
    );
    const runId = await service.start(await service.define("ws", spec));
    await service.publish("crm", eventOf({ type: "order.paid", data: { n: 2 } }));
    await settle("crm");
    await service.publish("crm", eventOf({ type: "order.made", data: { n: 1 } }));
    await vi.waitFor(async () => expect(await stateOf(runId)).toBe("COMPLETED"), WAIT_AT_MOST);
  });

  it("do not take the repeat of an event that came before their run", async () => {
    const definition = await service.define("ws", versionOf([waitFor("sent", "parcel.sent")]));
    const old = eventOf({ type: "parcel.sent" });
    await service.publish("crm", old);
    await settle("crm");
    const runId = await service.start(definition);
    await service.publish("crm", old);
    await settle("crm");
    expect(await stateOf(runId)).toBe("RUNNING");
    await service.publish("crm", eventOf({ type: "parcel.sent" }));
    await vi.waitFor(async () => expect(await stateOf(runId)).toBe("COMPLETED"), WAIT_AT_MOST);
  });
});

describe("reports", () => {
  const startAgentRun = async () => service.start(await service.define("ws", versionOf(["work"])));

  const returnCall = (runId: string, objectiveId: string) =>
    service.returnCall(runId, { kind: "create_objective", objectiveId });

  function completed(objectiveId: string, workspaceId = "ws") {
    const payload = {
      id: objectiveId,
      state: "OBJECTIVE_STATE_COMPLETED",
      output_payload: { ok: 1 },
    };
    return {
      ...eventOf({ workspaceId, data: { aggregate_id: objectiveId, payload } }),
      dataschema: "type.googleapis.com/events.v1.Change",
    };
  }

  it("end the step that waits for the objective, in its workspace alone", async () => {
    const runId = await startAgentRun();
    await returnCall(runId, "obj-late");
    await service.publish("objectives", completed("obj-late", "other"));
    await service.publish("approvals", completed("obj-late"));
    await settle("objectives");
    await settle("approvals");
    expect(await stateOf(runId)).toBe("RUNNING");
    await service.publish("objectives", completed("obj-late"));
    await vi.waitFor(async () => expect(await stateOf(runId)).toBe("COMPLETED"), WAIT_AT_MOST);
  });

  it("wait for the reply of the call that made the objective", async () => {
    const runId = await startAgentRun();
    await service.publish("objectives", completed("obj-early"));
    await settle("objectives");
    expect(await stateOf(runId)).toBe("RUNNING");
    await returnCall(runId, "obj-early");
    await vi.waitFor(async () => expect(await stateOf(runId)).toBe("COMPLETED"), WAIT_AT_MOST);
  });

  it("about objects of other systems are acknowledged and leave nothing", async () => {
    await service.publish("objectives", completed("obj-foreign", "ws-other"));
    await settle("objectives");
    const early = await service.rows("select 1 from early_reports where object_id = 'obj-foreign'");
    const dead = await service.rows("select 1 from dead_letters where subject like 'objectives.%'");
    expect([early, dead]).toEqual([[], []]);
  });
});

describe("poison", () => {
  it("is put aside with its reason and blocks nothing", async () => {
    const definition = await service.define(
      "ws",
      versionOf([pause], [], eventTrigger("crm.after")),
    );
    await service.publish("crm", eventOf({ type: "crm.after", id: "before" }));
    const first = await service.publish("crm", "not json");
    const second = await service.publish("crm", eventOf({ data: { text: "\u0000" } }));
    await service.publish("crm", eventOf({ type: "crm.after", id: "behind" }));
    await settle("crm");
    expect(await runsOf(definition.id)).toHaveLength(2);
    const letters = await service.rows(
      "select stream_seq::int, reason, data from dead_letters where stream = $1 order by 1",
      [service.stream],
    );
    expect(letters).toEqual([
      { stream_seq: first, reason: "not_json", data: Buffer.from("not json") },
      { stream_seq: second, reason: "bad_data", data: expect.any(Buffer) },
    ]);
    const { manager } = service;
    const subject = `workflows.dlq.${service.stream.toLowerCase()}`;
    const copy = await manager.streams.getMessage("WORKFLOWS_DLQ", { last_by_subj: subject });
    expect(copy.header.get("Dead-Letter-Reason")).toBe("bad_data");
  });
});

describe("an event whose handling fails", () => {
  it("is put aside after five deliveries, and those beside it are not", async () => {
    const definition = await service.define("ws", versionOf([pause], [], eventTrigger("crm.bug")));
    await service.rows(`
      create function refuse() returns trigger language plpgsql as
        $$ begin raise exception 'a fault of the test'; end $$;
      create trigger refuse before insert on workflow_runs for each row
        when (new.trigger_event_id = 'breaks') execute function refuse()`);
    await service.publish("crm", eventOf({ type: "crm.bug", id: "works-1" }));
    const seq = await service.publish("crm", eventOf({ type: "crm.bug", id: "breaks" }));
    await service.publish("crm", eventOf({ type: "crm.bug", id: "works-2" }));
    await vi.waitFor(async () => expect(await runsOf(definition.id)).toHaveLength(2), WAIT_AT_MOST);
    await vi.waitFor(async () => {
      const text = "select reason from dead_letters where stream = $1 and stream_seq = $2";
      const letters = await service.rows(text, [service.stream, seq]);
      expect(letters).toEqual([{ reason: "handling_failed" }]);
    }, WAIT_AT_MOST);
    const behind = await service.rows(
      `select 1 from workflow_runs r, dead_letters d where r.trigger_event_id = 'works-2'
        and d.stream = $1 and d.stream_seq = $2 and r.created_at < d.created_at`,
      [service.stream, seq],
    );
    expect(behind).toHaveLength(1);
    await settle("crm");
    const failures = service.logged.filter((line) => line.includes('"eventId":"breaks"'));
    expect(failures).toHaveLength(5);
  });
});

describe("consumers", () => {
  it("have the promised names", async () => {
    const { manager } = service;
    const names: string[] = [];
    for await (const { name } of manager.consumers.list(service.stream)) names.push(name);
    const base = `workflows-${service.stream.toLowerCase()}`;
    expect(names.sort()).toEqual([base, ...[2, 3, 4, 5, 6].map((n) => `${base}-${n}`)]);
  });

  it("come back when they are deleted, and miss nothing", async () => {
    const definition = await service.define("ws", versionOf([pause], [], eventTrigger("crm.gap")));
    const { manager } = service;
    for await (const { name } of manager.consumers.list(service.stream)) {
      await manager.consumers.delete(service.stream, name);
    }
    await service.publish("crm", eventOf({ type: "crm.gap" }));
    await vi.waitFor(async () => expect(await runsOf(definition.id)).toHaveLength(1), WAIT_AT_MOST);
  });

  it("go on where they were after a stop", async () => {
    const definition = await service.define("ws", versionOf([pause], [], eventTrigger("crm.stop")));
    const restarted = service.restartConsumers();
    await service.publish("crm", eventOf({ type: "crm.stop" }));
    await restarted;
    await vi.waitFor(async () => expect(await runsOf(definition.id)).toHaveLength(1), WAIT_AT_MOST);
  });
});
