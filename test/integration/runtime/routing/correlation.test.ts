/** Which of the waits that are open an event ends: all that it fits, by pattern, by `{{ }}` and by filter, and no other. */
import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { StepDefinition } from "../../../../src/engine/values/definition.ts";
import type { JsonObject } from "../../../../src/engine/values/json.ts";
import { routeEvents } from "../../../../src/runtime/routing/route-event.ts";
import { until } from "../../../support/assertions/until.ts";
import { transitioned } from "../../../support/builders/step-reports.ts";
import { stepOf, triggerOf, versionOf } from "../../../support/builders/version-spec.ts";
import { type BusService, startBusService } from "../../../support/services/bus-service.ts";

let service: BusService;

beforeAll(async () => {
  service = await startBusService();
});
afterAll(() => service.stop());

function waitFor(id: string, fields: Partial<StepDefinition>) {
  return stepOf(id, { stepType: "WAIT_FOR_EVENT", ...fields });
}

async function start(
  steps: readonly StepDefinition[],
  edges: readonly string[],
  input: JsonObject,
) {
  return service.start(await service.define("ws", versionOf(steps, edges)), { input });
}

/** Publishes an event and waits until it is handled; gives its id. */
async function happen(type: string, subject: string, data: object = {}): Promise<string> {
  const event = { specversion: "1.0", id: randomUUID(), source: "crm", type, subject };
  await service.publish("crm", { ...event, tenantid: "ws", data });
  await service.settle("crm");
  return event.id;
}

/** The events that ended waits of a run, by the index of the step. */
async function takenBy(runId: string): Promise<unknown[]> {
  const rows = await service.rows(
    "select event_id from step_runs where run_id = $1 and state = 'COMPLETED' order by step_index",
    [runId],
  );
  return rows.map((row) => row.event_id);
}

function ended(runId: string): Promise<unknown[]> {
  return until(async () => {
    const text = "select state from workflow_runs where id = $1";
    const [run] = await service.rows(text, [runId]);
    return run?.state === "COMPLETED" ? takenBy(runId) : undefined;
  });
}

describe("one event", () => {
  it("ends every wait that it fits, in one run and in others, however their patterns are written", async () => {
    const waits = [
      waitFor("exact", { eventTypePattern: "ship.order.sent", eventSubjectPattern: "ship/7" }),
      waitFor("type", { eventTypePattern: "ship.*.sent" }),
      waitFor("subject", { eventSubjectPattern: "ship/>" }),
      waitFor("any", { eventTypePattern: ">", config: { filter_expr: "parcel == 7" } }),
    ];
    const together = await start(waits, [], {});
    const alone = await Promise.all(waits.map((wait) => start([wait], [], {})));
    const other = await start(
      [waitFor("other", { eventTypePattern: "ship.order.*", eventSubjectPattern: "ship/8" })],
      [],
      {},
    );
    const id = await happen("ship.order.sent", "ship/7", { parcel: 7 });
    expect(await ended(together)).toEqual([id, id, id, id]);
    for (const runId of alone) expect(await ended(runId)).toEqual([id]);
    expect(await takenBy(other)).toEqual([]);
  });
});

describe("a wait is distinguished from others of its kind", () => {
  it("by the run's input in its subject pattern", async () => {
    const wait = waitFor("paid", {
      eventTypePattern: "bill.paid",
      eventSubjectPattern: "bills/{{ input.customer.id }}/{{ input.bill }}",
    });
    const [first = "", second = ""] = await Promise.all(
      [7, 8].map((bill) => start([wait], [], { customer: { id: "c1" }, bill })),
    );
    const id = await happen("bill.paid", "bills/c1/8");
    expect(await ended(second)).toEqual([id]);
    expect(await takenBy(first)).toEqual([]);
    const later = await happen("bill.paid", "bills/c1/7");
    expect(await ended(first)).toEqual([later]);
  });

  it("by an earlier step's output, also when its event comes before it waits", async () => {
    const steps = [
      waitFor("made", {
        eventTypePattern: "pack.made",
        eventSubjectPattern: "packs/{{ input.n }}",
      }),
      waitFor("sent", { eventSubjectPattern: "packs/sent-{{ made.output.code }}" }),
    ];
    const run = await start(steps, ["made -> sent"], { n: 1 });
    await happen("pack.sent", "packs/sent-y");
    const sent = await happen("pack.sent", "packs/sent-x");
    const made = await happen("pack.made", "packs/1", { code: "x" });
    expect(await ended(run)).toEqual([made, sent]);
  });

  it("by a filter that compares the event with the run", async () => {
    const wait = waitFor("answered", {
      eventTypePattern: "mail.answered",
      config: { filter_expr: "thread == input.thread && event.subject != 'spam'" },
    });
    const [first = "", second = ""] = await Promise.all(
      ["a", "b"].map((thread) => start([wait], [], { thread })),
    );
    await happen("mail.answered", "spam", { thread: "b" });
    const id = await happen("mail.answered", "inbox", { thread: "b" });
    expect(await ended(second)).toEqual([id]);
    expect(await takenBy(first)).toEqual([]);
  });
});

const CANCELLED = {
  kind: "cancel_requested",
  reason: "",
  cause: { kind: "rpc", id: "CancelRun" },
} as const;

describe("events of two sources that chose the same id", () => {
  const same = (source: string, type: string, id: string, data: object = {}) =>
    service.publish("crm", { specversion: "1.0", id, source, type, tenantid: "ws", data });

  it("are two: one that started a run, or that an earlier wait took, hides no other", async () => {
    const id = randomUUID();
    const steps = [
      waitFor("paid", { eventTypePattern: "twin.paid" }),
      waitFor("sent", { eventTypePattern: "twin.sent" }),
    ];
    const trigger = { triggerType: "EVENT", eventType: "twin.ordered" } as const;
    const spec = { ...versionOf(steps, ["paid -> sent"]), trigger: triggerOf(trigger) };
    const { id: definitionId } = await service.define("ws", spec);
    await same("shop", "twin.ordered", id);
    await service.settle("crm");
    await same("bank", "twin.paid", id, { n: 1 });
    await service.settle("crm");
    await same("post", "twin.sent", id, { n: 2 });
    const [run] = await service.rows("select id from workflow_runs where definition_id = $1", [
      definitionId,
    ]);
    expect(await ended(String(run?.id))).toEqual([id, id]);
  });

  it("are one where one of them comes by RPC, which names no source", async () => {
    const steps = [
      waitFor("first", { eventTypePattern: "one.came" }),
      waitFor("again", { eventTypePattern: "one.came" }),
    ];
    const runId = await start(steps, ["first -> again"], {});
    const byRpc = async (id: string) => {
      const event = { workspaceId: "ws", id, source: "", type: "one.came", subject: "", time: "" };
      const [routed] = await routeEvents(service, [
        { ...event, data: {}, actorAgentId: "", hops: 0 },
      ]);
      expect(routed).toMatchObject({ ok: true, updatedRunIds: [] });
    };
    const id = await happen("one.came", "");
    await byRpc(id);
    expect(await takenBy(runId)).toEqual([id]);
    await service.processor.submit({ kind: "input", runId, workspaceId: "ws", input: CANCELLED });
    // Nor is it a new one for a run that begins between the two and waits after both.
    const before = await happen("one.came", "");
    const later = await start(
      [stepOf("task", { stepType: "HUMAN_TASK", name: "task" }), ...steps.slice(1)],
      ["task -> again"],
      {},
    );
    await byRpc(before);
    const input = transitioned("task", "COMPLETED");
    await service.processor.submit({ kind: "input", runId: later, workspaceId: "ws", input });
    const real = await happen("one.came", "");
    expect(await ended(later)).toEqual([null, real]);
  });
});
