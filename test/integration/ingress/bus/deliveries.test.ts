/** Which deliveries count against a message, and where a consumer begins that has to be made anew. */
import type { JsMsg } from "nats";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import {
  emptyMemory,
  noteFloor,
  openConsumer,
} from "../../../../src/ingress/bus/durable-consumer.ts";
import { handleBatch } from "../../../../src/ingress/bus/handle-batch.ts";
import { type BusService, startBusService } from "../../../support/services/bus-service.ts";
import { STREAM_LIMITS } from "../../../support/services/stream-limits.ts";

let service: BusService;

beforeAll(async () => {
  service = await startBusService();
});
afterAll(async () => {
  await service.stop();
});

describe("a message", () => {
  /** One whose handling always fails; `ended` lists how each delivery ended. */
  function brokenMessage(seq: number, deliveryCount: number, ended: string[]): JsMsg {
    const message = {
      seq,
      subject: "crm.contact",
      headers: undefined,
      info: { deliveryCount },
      data: new Proxy(new Uint8Array(), {
        get(target, name) {
          if (name === "byteLength") throw new TypeError("a fault of the test");
          return Reflect.get(target, name);
        },
      }),
      ack: () => ended.push("ack"),
      nak: () => ended.push("nak"),
      term: () => ended.push("term"),
      working: () => {},
    };
    return message as unknown as JsMsg;
  }

  const handle = (message: JsMsg) =>
    handleBatch({ ...service, limits: STREAM_LIMITS, noteTenantless: () => {} }, [message]);

  it("is put aside after five failures at any replica, however often it was delivered before", async () => {
    const ended: string[] = [];
    for (let delivery = 20; delivery < 25; delivery++) {
      await handle(brokenMessage(7_000, delivery, ended));
    }
    expect(ended).toEqual(["nak", "nak", "nak", "nak", "term"]);
  });

  it("of a stream that was made anew begins to count again", async () => {
    const ended: string[] = [];
    for (let delivery = 1; delivery < 5; delivery++) {
      await handle(brokenMessage(8_000, delivery, ended));
    }
    await service.rows("update failed_deliveries set failed_at = now() - interval '61 minutes'");
    await handle(brokenMessage(8_000, 1, ended));
    expect(ended).toEqual(["nak", "nak", "nak", "nak", "nak"]);
    expect(await service.rows("select stream_seq, failures from failed_deliveries")).toEqual([
      { stream_seq: "8000", failures: 1 },
    ]);
  });
});

describe("a consumer that has to be made anew", () => {
  it("begins at the first message that no replica has handled", async () => {
    const { connection, database, stream, log, token } = service;
    const plan = { stream, subject: `crm.${token}.>`, durable: `again-${token}` };
    const memory = emptyMemory(new Date(0));
    const deps = { connection, database, plan, memory, log, limits: STREAM_LIMITS };
    const seqs = [];
    for (let n = 0; n < 4; n++) seqs.push(await service.publish("crm", "{}"));
    const consumer = await openConsumer(deps);
    const pull = await consumer?.fetch({ max_messages: 4, expires: 2_000 });
    for await (const message of pull ?? []) {
      // Another replica's acknowledgements: this process learns of them only from the server.
      if (message.seq !== seqs[2]) await message.ackAck();
    }
    if (consumer !== undefined) await noteFloor(deps, consumer);
    const manager = await connection.jetstreamManager();
    await manager.consumers.delete(stream, plan.durable);
    await openConsumer(deps);
    const { config } = await manager.consumers.info(stream, plan.durable);
    expect(config.opt_start_seq).toBe(seqs[2]);
    await manager.consumers.delete(stream, plan.durable);
  });
});
