/** Which types of events anything listens to, by the keys that were read. */
import { describe, expect, it } from "vitest";
import type { BusEvent } from "../../../../src/engine/values/event.ts";
import { type KeysOfEdition, ListenedKeys } from "../../../../src/runtime/routing/listened-keys.ts";
import type { ListenedKey } from "../../../../src/store/catalogue.ts";

const EVENT: BusEvent = {
  ...{ workspaceId: "ws", id: "e1", source: "crm", type: "deal.won", subject: "deals/7" },
  ...{ time: "", data: {}, actorAgentId: "", hops: 0 },
};
const log = { debug() {}, info() {}, warn() {}, error() {} };

async function keysOf(...rows: readonly ListenedKey[]): Promise<KeysOfEdition> {
  const edition = { what: "edition", workspaceId: "", key: "one" };
  const query = async () => [edition, ...rows];
  const keys = new ListenedKeys({ database: { read: { query } as never }, log } as never);
  keys.at("one");
  await keys.idle();
  const { latest } = keys;
  if (latest === undefined) throw new Error("the keys were not read");
  return latest;
}
const trigger = (key: string, workspaceId = "ws"): ListenedKey => ({
  what: "trigger",
  workspaceId,
  key,
});
const wait = (key: string): ListenedKey => ({ what: "wait", workspaceId: "ws", key });

describe("a type of events may be listened to", () => {
  it.each([
    ["a trigger has it", trigger("e|deal.won|~")],
    ["a trigger has a beginning of it", trigger("e|deal.~|~")],
    ["a trigger asks for subjects alone", trigger("e|~|deals.7")],
    ["a wait has it, with a subject", wait("deal.won|deals.8")],
    ["a wait takes all", wait("~|~")],
  ])("where %s", async (_, row) => {
    const keys = await keysOf(row);
    expect(keys.mayListen(EVENT)).toBe(true);
    // From what is remembered.
    expect(keys.mayListen(EVENT)).toBe(true);
  });

  it("in no other workspace, and as no other type", async () => {
    const keys = await keysOf(trigger("e|deal.won|~", "other"), wait("deal.lost|~"));
    expect(keys.mayListen(EVENT)).toBe(false);
    expect(keys.mayListen({ ...EVENT, type: "deal.lost" })).toBe(true);
    expect(keys.mayListen({ ...EVENT, workspaceId: "other" })).toBe(true);
    expect(keys.mayListen(EVENT)).toBe(false);
  });

  it("where its keys are those of a tap or a schedule", async () => {
    const keys = await keysOf(trigger("w|gmail|~|~"), trigger("s|@daily"));
    const tap = { provider: "gmail", entityType: "", entityId: "", action: "" };
    expect(keys.mayListen(EVENT)).toBe(false);
    expect(keys.mayListen({ ...EVENT, tap })).toBe(true);
    expect(keys.mayListen({ ...EVENT, cronLine: "@daily" })).toBe(true);
  });
});
