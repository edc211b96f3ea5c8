/** A batch of messages: each has its own end, also beside one that cannot even be decoded. */
import type { JsMsg, NatsConnection } from "nats";
import { describe, expect, it } from "vitest";
import { handleBatch } from "../../../../src/ingress/bus/handle-batch.ts";
import { createLog } from "../../../../src/process/log.ts";
import { STREAM_LIMITS } from "../../../support/services/stream-limits.ts";

/** What handling needs of a message; `ended` lists how it ended. */
function messageOf(seq: number, data: () => Uint8Array, ended: string[]): JsMsg {
  const message = {
    seq,
    subject: "crm.contact",
    headers: undefined,
    info: { deliveryCount: 1 },
    get data() {
      return data();
    },
    ack: () => ended.push(`ack ${seq}`),
    nak: () => ended.push(`nak ${seq}`),
    term: () => ended.push(`term ${seq}`),
    working: () => {},
  };
  return message as unknown as JsMsg;
}

describe("a message on which decoding breaks", () => {
  it("is redelivered, and the one beside it is handled", async () => {
    const ended: string[] = [];
    const lines: string[] = [];
    const ignored: string[] = [];
    // Without a tenant an event is ignored, so nothing is asked of the database.
    const plain = { specversion: "1.0", id: "e", source: "crm", type: "crm.contact", data: {} };
    const broken = messageOf(
      1,
      () => {
        throw new TypeError("a fault of the test");
      },
      ended,
    );
    const fine = messageOf(2, () => new TextEncoder().encode(JSON.stringify(plain)), ended);
    const counts = { transaction: async () => new Map([[1, 1]]) };
    const unused = new Proxy({}, { get: () => expect.fail("not needed") });
    await handleBatch(
      {
        connection: unused as NatsConnection,
        database: counts as never,
        processor: unused as never,
        graphs: unused as never,
        entities: unused as never,
        log: createLog({ level: "error", format: "json", write: (line) => lines.push(line) }),
        stream: "CRM",
        limits: STREAM_LIMITS,
        noteTenantless: (subject) => ignored.push(subject),
      },
      [broken, fine],
    );
    // Acknowledgements go out at the end of the turn.
    await new Promise((resolve) => setImmediate(resolve));
    expect(ended).toEqual(["nak 1", "ack 2"]);
    expect(lines).toHaveLength(1);
    expect(ignored).toEqual(["crm.contact"]);
  });
});
