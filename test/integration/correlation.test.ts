/** Which of the waits that are open an event ends: all that it fits, by pattern, by `{{ }}` and by filter, and no other. */
import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { StepDefinition } from "../../src/engine/definition.ts";
import type { JsonObject } from "../../src/engine/json.ts";
import { type BusService, startBusService } from "../support/bus-service.ts";
import { until } from "../support/until.ts";
import { stepOf, versionOf } from "../support/version-spec.ts";

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

describe("a wait is told from others of its kind", () => {
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
