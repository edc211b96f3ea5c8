/** A batch of messages: each has its own end, also beside one that cannot even be decoded; what holds up the next batch. */
import type { JsMsg, NatsConnection } from "nats";
import { describe, expect, it } from "vitest";
import { handleBatch } from "../../../../src/ingress/bus/handle-batch.ts";
import { createLog } from "../../../../src/process/log.ts";
import { ReportsInHand } from "../../../../src/runtime/routing/reports-in-hand.ts";
import type { Settled, Submission } from "../../../../src/runtime/submission.ts";
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

describe("a report about an object whose step is remembered", () => {
  /** A replica that remembers the step of each object but `foreign`; `commit` ends the submissions so far. */
  function openSource(listens = false) {
    const taken: string[] = [];
    const asked: string[] = [];
    const ended: string[] = [];
    const commits: (() => void)[] = [];
    const processor = {
      findStep: ({ objectId }: { objectId: string }) =>
        objectId === "foreign" ? undefined : { runId: `run of ${objectId}`, stepIndex: 0 },
      listenedKeys: {
        latest: { mayListen: () => true, isTriggers: () => listens, isPatterns: () => false },
        moment: () => 1,
        areCurrentSince: () => true,
        at: () => ({ mayListen: () => true, isTriggers: () => false, isPatterns: () => false }),
      },
      submit(submission: Submission) {
        const runId = submission.kind === "input" ? submission.runId : "a start";
        taken.push(runId);
        return new Promise<Settled>((resolve) => {
          commits.push(() => resolve({ runId, created: false, reply: { kind: "applied" } }));
        });
      },
    };
    const query = async ({ name }: { name: string }) => {
      asked.push(name);
      return [];
    };
    const reports = new ReportsInHand();
    let seq = 0;
    const message = (id: string, state: string) => {
      seq += 1;
      const [tenantid, source, type] = ["ws", "objectives", "objectives.changed"];
      const head = { specversion: "1.0", id: `e${seq}`, source, type, tenantid };
      const body = new TextEncoder().encode(JSON.stringify({ ...head, data: { id, state } }));
      const made = messageOf(seq, () => body, ended);
      return Object.assign(made, { subject: "objectives.changed" });
    };
    const deps = {
      ...{ processor, database: { read: { query }, write: { query } }, connection: {}, graphs: {} },
      log: createLog({ level: "error", format: "json", write: (line) => expect.fail(line) }),
      ...{ stream: "OBJECTIVES", limits: STREAM_LIMITS, noteTenantless() {}, entities: undefined },
    };
    const handle = async (...messages: JsMsg[]) => {
      let mayNext = false;
      const next = () => {
        mayNext = true;
      };
      const done = handleBatch(deps as never, messages, { reports, next });
      await turn();
      return { done, mayNext: () => mayNext };
    };
    const commit = async () => {
      for (const each of commits.splice(0)) each();
      await turn();
    };
    return { handle, message, commit, taken, asked, ended };
  }

  const turn = () => new Promise((resolve) => setImmediate(resolve));

  it("does not hold up the next batch, and is acknowledged after its commit", async () => {
    const { handle, message, commit, taken, ended } = openSource();
    const first = await handle(message("a", "RUNNING"), message("b", "RUNNING"));
    expect(first.mayNext()).toBe(true);
    const second = await handle(message("c", "COMPLETED"));
    expect(taken).toEqual(["run of a", "run of b", "run of c"]);
    expect(ended).toEqual([]);
    await commit();
    await Promise.all([first.done, second.done]);
    expect(ended).toEqual(["ack 1", "ack 2", "ack 3"]);
  });

  it("waits for an earlier one about the same object, and holds up the next batch meanwhile", async () => {
    const { handle, message, commit, taken, ended } = openSource();
    const first = await handle(message("a", "RUNNING"));
    const second = await handle(message("a", "COMPLETED"), message("b", "RUNNING"));
    expect(taken).toEqual(["run of a", "run of b"]);
    expect(second.mayNext()).toBe(false);
    await commit();
    expect(taken).toEqual(["run of a", "run of b", "run of a"]);
    await commit();
    await Promise.all([first.done, second.done]);
    expect(second.mayNext()).toBe(true);
    expect(ended).toEqual(["ack 1", "ack 3", "ack 2"]);
    // None is left in hand.
    const third = await handle(message("a", "COMPLETED"));
    expect(third.mayNext()).toBe(true);
    await commit();
    await third.done;
  });

  it("holds up the next batch where something listens to it, or beside one that is looked up", async () => {
    const listened = openSource(true);
    const first = await listened.handle(listened.message("a", "RUNNING"));
    expect(first.mayNext()).toBe(false);
    await listened.commit();
    await first.done;
    const { handle, message, commit, taken, asked } = openSource();
    const second = await handle(message("foreign", "RUNNING"), message("a", "RUNNING"));
    expect(taken).toEqual(["run of a"]);
    expect(asked).not.toEqual([]);
    await commit();
    await second.done;
    expect(second.mayNext()).toBe(true);
  });
});
