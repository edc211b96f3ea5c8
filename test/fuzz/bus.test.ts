/**
 * Messages in bulk that no sound service publishes: each is applied, ignored or put aside once, and sound events among
 * them are handled in time.
 * Boundary: needs the servers of TEST_DATABASE_URL and TEST_NATS_URL.
 */
import { randomUUID } from "node:crypto";
import fc from "fast-check";
import { afterAll, beforeAll, expect, it } from "vitest";
import { decodeBusMessage } from "../../src/wire/bus/events.ts";
import { until } from "../support/assertions/until.ts";
import { stepOf, triggerOf, versionOf } from "../support/builders/version-spec.ts";
import { fuzzRuns, fuzzTimeoutMs, IS_REPLAY } from "../support/random/fuzz-runs.ts";
import { messagesAbout, type RandomMessage } from "../support/random/random-messages.ts";
import { type BusService, startBusService } from "../support/services/bus-service.ts";

/** Twenty batches are a thousand messages. */
const BATCH = 50;
const BATCHES = 20;
const HANDLED_WITHIN_MS = 10_000;
const SOUND = "fuzz.sound";
const ROLES = ["objectives", "approvals", "governance", "agents", "siphon", "crm"];

let service: BusService;
let runId = "";

beforeAll(async () => {
  service = await startBusService();
  const work = stepOf("work", { stepType: "HUMAN_TASK", config: { instructions: "x" } });
  const trigger = triggerOf({ triggerType: "EVENT", eventType: SOUND });
  await service.define("ws", versionOf([work], [], { trigger }));
  const check = stepOf("check", { stepType: "GOVERNANCE_CHECK", actionType: "pay" });
  const wait = stepOf("wait", { stepType: "WAIT_FOR_EVENT", eventTypePattern: "never.x" });
  runId = await service.start(await service.define("ws", versionOf([check, wait])));
});
afterAll(() => service.stop());

/** Resolves once the sound event's run is there; rejects when that takes too long. */
async function expectHandled(id: string): Promise<void> {
  await until(async () => {
    const found = "select 1 from workflow_runs where trigger_event_id = $1";
    return (await service.rows(found, [id])).length === 1 ? true : undefined;
  }, HANDLED_WITHIN_MS);
}

async function publishSound(role: string): Promise<string> {
  const id = randomUUID();
  await service.publish(role, { specversion: "1.0", id, source: "x", type: SOUND, tenantid: "ws" });
  return id;
}

/** Whether the message as it is published can be read. */
function isPoison({ role, headers, body }: RandomMessage): boolean {
  const read = new Map(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]));
  return decodeBusMessage({ subject: `${role}.x`, headers: read, data: body }).ok === false;
}

async function asideReasons(): Promise<unknown[]> {
  const rows = await service.rows("select reason from dead_letters where stream = $1", [
    service.stream,
  ]);
  return rows.map(({ reason }) => reason);
}

async function expectNothingOpen(): Promise<void> {
  const manager = await service.connection.jetstreamManager();
  for await (const info of manager.consumers.list(service.stream)) {
    const { num_pending, num_ack_pending, num_redelivered } = info;
    expect({ num_pending, num_ack_pending, num_redelivered }).toEqual({
      ...{ num_pending: 0, num_ack_pending: 0, num_redelivered: 0 },
    });
  }
}

it(
  "every message has its end, and none holds up the sound ones",
  async () => {
    const batches = fc.array(messagesAbout({ runId, stepId: "check" }), {
      ...{ minLength: BATCH, maxLength: BATCH, size: "max" },
    });
    const property = fc.asyncProperty(batches, async (messages) => {
      const asideBefore = (await asideReasons()).length;
      const sound: string[] = [];
      for (const [at, { role, body, headers }] of messages.entries()) {
        await service.publish(role, body, headers);
        if (at % 10 === 9) sound.push(await publishSound(role));
      }
      for (const id of sound) await expectHandled(id);
      for (const role of ROLES) await service.settle(role);
      await expectNothingOpen();
      const reasons = await asideReasons();
      expect(reasons).not.toContain("handling_failed");
      expect(reasons.length - asideBefore).toBe(messages.filter(isPoison).length);
    });
    // A failed batch says which of its messages it was by the log, and not by smaller ones.
    await fc.assert(property, { ...fuzzRuns<[RandomMessage[]]>(BATCHES), endOnFailure: true });
    const errors = service.logged.filter((line) => /"level":"error"/.test(line));
    expect(errors).toEqual([]);
    // Fuzz is worth something only while some of it is put aside.
    if (IS_REPLAY) return;
    const aside = (await asideReasons()).length;
    expect(aside).toBeGreaterThan((BATCH * BATCHES) / 10);
  },
  fuzzTimeoutMs(280_000),
);
