/** Rooms for calls in flight: each collaborator has its own, and workspaces share it. */
import { describe, expect, it } from "vitest";
import { createRooms, type Rooms } from "../../../../src/egress/dispatch/rooms.ts";
import type { CallKind } from "../../../../src/engine/values/call.ts";
import type { LeasedCall } from "../../../../src/runtime/submission.ts";

const KINDS: readonly CallKind[] = [
  "look_up",
  "create_objective",
  "cancel_objective",
  "delegate",
  "read_output",
  "query_usage",
  "request_approval",
  "escalate_approval",
  "evaluate_action",
  "send_notification",
  "start_run",
  "cancel_run",
  "compensate_run",
  "tell_parent",
  "start_rerun",
];

function callOf(kind: CallKind, workspaceId: string, bytes = 100): LeasedCall {
  const fixed = { callId: "e", runId: "r", stepIndex: 0, attempt: 1, createdAtMs: 0 };
  return { ...fixed, kind, workspaceId, request: new Uint8Array(bytes) };
}

/** Takes calls until one finds no place. */
function fill(rooms: Rooms, call: LeasedCall): number {
  let taken = 0;
  while (taken < 100_000 && rooms.admit(call)) taken += 1;
  return taken;
}

describe("rooms", () => {
  it("that are full of one collaborator's calls have places for all others", () => {
    const rooms = createRooms();
    for (const kind of ["create_objective", "request_approval", "evaluate_action"] as const) {
      for (let n = 0; n < 20; n++) fill(rooms, callOf(kind, `ws${n}`, 140_000));
    }
    const others = KINDS.filter((kind) => !/objective|approval|evaluate_action/.test(kind));
    for (const kind of others)
      expect([kind, rooms.admit(callOf(kind, "ws0"))]).toEqual([kind, true]);
    const asked = new Set(rooms.free().places.map(({ kind }) => kind));
    expect([...asked].sort()).toEqual([...others].sort());
  });

  it("are bounded in calls and bytes, whatever the mix of workspaces", () => {
    for (const bytes of [0, 140_000]) {
      const rooms = createRooms();
      let calls = 0;
      for (let n = 0; n < 3_000; n++) calls += fill(rooms, callOf("start_run", `ws${n}`, bytes));
      expect(calls).toBeLessThanOrEqual(2_048);
      expect(calls * bytes).toBeLessThanOrEqual(32 * 1024 * 1024);
      expect(calls).toBeGreaterThan(200);
    }
  });

  it("have a place for a workspace that comes last, and claim none for one with its full share", () => {
    const rooms = createRooms();
    expect(fill(rooms, callOf("create_objective", "a"))).toBe(1_024);
    expect(fill(rooms, callOf("create_objective", "b"))).toBe(512);
    expect(rooms.admit(callOf("create_objective", "c"))).toBe(true);
    const { places, without } = rooms.free();
    expect(places.filter(({ kind }) => kind === "create_objective")).toMatchObject([
      { places: 127 },
    ]);
    const full = without.filter(({ kind }) => kind === "create_objective");
    expect(full.map(({ workspaceId }) => workspaceId)).toEqual(["a", "b"]);
  });

  it("say when to claim calls that wait in the table", () => {
    const rooms = createRooms();
    const call = callOf("create_objective", "a");
    fill(rooms, call);
    for (let n = 0; n < 10; n++) expect(rooms.leave(call)).toBe(false);
    // What found no place is free from here on.
    expect(rooms.noteFree([call])).toBe(false);
    const resumed = Array.from({ length: 54 }, () => rooms.leave(call));
    expect(resumed.indexOf(true)).toBe(53);
    rooms.free();
    // A claim was just made; none is known to wait.
    for (let n = 0; n < 100; n++) expect(rooms.leave(call)).toBe(false);
    const next = new Map([["create_objective", "m"]] as const);
    expect(rooms.note({ next, full: new Set(["create_objective"]) })).toBe(true);
    expect(rooms.free().places.find(({ kind }) => kind === "create_objective")?.after).toBe("m");
  });

  it("say so after 64 calls, or at once with few in flight, when a claim left some in the table", () => {
    const rooms = createRooms();
    const call = callOf("create_objective", "a");
    for (let n = 0; n < 200; n++) rooms.enter(call);
    expect(rooms.leave(call)).toBe(false);
    rooms.note({ next: new Map(), full: new Set(["create_objective"]) });
    const resumed = Array.from({ length: 62 }, () => rooms.leave(call));
    expect(resumed).not.toContain(true);
    expect(rooms.leave(call)).toBe(true);
    const few = createRooms();
    for (let n = 0; n < 50; n++) few.enter(call);
    few.note({ next: new Map(), full: new Set(["create_objective"]) });
    expect(few.leave(call)).toBe(true);
  });

  it("say so when what found no place becomes free, where enough have left meanwhile", () => {
    const rooms = createRooms();
    const call = callOf("create_objective", "a");
    fill(rooms, call);
    for (let n = 0; n < 500; n++) rooms.leave(call);
    expect(rooms.noteFree([call])).toBe(true);
  });

  it("stay short while a workspace has its share", () => {
    const rooms = createRooms();
    const call = callOf("create_objective", "a");
    fill(rooms, call);
    rooms.noteFree([call]);
    rooms.free();
    const resumed = Array.from({ length: 64 }, () => rooms.leave(call));
    expect(resumed.indexOf(true)).toBe(63);
  });

  it("take one call of any size when they are empty, and claim a bounded part of what is free", () => {
    const rooms = createRooms();
    const heavy = callOf("start_run", "a", 33 * 1024 * 1024);
    expect([rooms.admit(heavy), rooms.admit(callOf("start_run", "b"))]).toEqual([true, false]);
    const { places } = createRooms().free();
    expect(places.map((each) => each.places).filter((count) => count > 200)).toEqual([]);
    expect(places.find(({ kind }) => kind === "query_usage")?.places).toBe(200);
  });

  it("get the places and bytes of finished calls back", () => {
    const rooms = createRooms();
    const call = callOf("create_objective", "a", 140_000);
    const taken = fill(rooms, call);
    for (let round = 0; round < 3; round++) {
      for (let n = 0; n < taken; n++) rooms.leave(call);
      expect(fill(rooms, call)).toBe(taken);
    }
  });
});
