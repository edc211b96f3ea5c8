/** Questions among replicas on a real bus: who is asked, and what becomes of a question that nobody answers. */
import type { NatsConnection } from "nats";
import { afterAll, beforeAll, expect, it } from "vitest";
import { connectBus } from "../../../../src/ingress/bus/connection.ts";
import {
  openReplicaMessages,
  type ReplicaMessages,
} from "../../../../src/ingress/bus/replica-messages.ts";
import { createLog } from "../../../../src/process/log.ts";
import { type OwnNats, startOwnNats } from "../../../support/servers/own-nats.ts";

const log = createLog({ level: "error", format: "json", write: () => {} });

let nats: OwnNats;
let connection: NatsConnection;
const opened: ReplicaMessages[] = [];

beforeAll(async () => {
  nats = await startOwnNats();
  connection = await connectBus({ servers: [nats.url] }, log);
});
afterAll(async () => {
  for (const each of opened) each.stop();
  await connection?.close();
  await nats?.stop();
});

function open(replicaId: string, others: readonly string[]): ReplicaMessages {
  const messages = openReplicaMessages({ connection, replicaId, log, others: () => others });
  opened.push(messages);
  return messages;
}

it("a question goes to each other replica, and their answers come back", async () => {
  open("b", []).listen(async (text) => `b heard ${text}`);
  open("c", []).listen(async (text) => `c heard ${text}`);
  await connection.flush();
  const a = open("a", ["b", "c"]);
  expect(a.areThere).toBe(true);
  expect((await a.ask("this")).sort()).toEqual(["b heard this", "c heard this"]);
});

it("a replica that is gone, or stands still, is left alone after one question, and holds up no other", async () => {
  open("still", []).listen(() => new Promise(() => {}));
  open("well", []).listen(async () => "well");
  await connection.flush();
  const a = open("a", ["gone", "still", "well"]);
  const beganAtMs = performance.now();
  expect(await a.ask("first")).toEqual(["well"]);
  const firstMs = performance.now() - beganAtMs;
  expect(await a.ask("second")).toEqual(["well"]);
  // The one that stands still was waited for once.
  expect(performance.now() - beganAtMs - firstMs).toBeLessThan(firstMs);
});

it("a replica without others asks nobody", async () => {
  const alone = open("alone", []);
  expect(alone.areThere).toBe(false);
  expect(await alone.ask("anyone?")).toEqual([]);
  const left = open("left", ["gone for good"]);
  expect(await left.ask("first")).toEqual([]);
  expect(left.areThere).toBe(false);
});
