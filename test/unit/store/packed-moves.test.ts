/** The packed form of the history: every row is read as it was written, and the stored form is short and stable. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { Cause } from "../../../src/engine/values/input.ts";
import { type Move, STEP_ID_NAMES } from "../../../src/engine/values/move.ts";
import { RUN_STATES, STEP_STATES } from "../../../src/engine/values/run.ts";
import {
  type HistoryRow,
  type PackedMove,
  packRow,
  unpackRow,
} from "../../../src/store/packed-moves.ts";

const RUN_ID = "wfr_01k9zq3v7x4n8m2b6c5d0f1g2h";
const RUN_OPERATIONS = [
  "started",
  "completed",
  "failed",
  "pause",
  "resume",
  "cancel",
  "compensate",
  "compensated",
] as const;
const STEP_OPERATIONS = [
  "started",
  "waiting",
  "completed",
  "retrying",
  "failed",
  "skipped",
  "cancelled",
  "compensated",
] as const;

function afterStorage(row: HistoryRow): HistoryRow {
  return unpackRow(RUN_ID, JSON.parse(JSON.stringify(packRow(RUN_ID, row))));
}

const text = fc.oneof(
  fc.constantFrom("", "0", "/", "agt_1", "agt_2", `${RUN_ID}/step/1/delegate`, "ALLOW"),
  fc.string(),
);
const usd = fc.oneof(
  fc.constantFrom(0.01, 0.1 + 0.2),
  fc.double({ min: 1e-9, max: 1e9, noNaN: true }),
);
const optional = { requiredKeys: [] };
const ids = fc
  .record(Object.fromEntries(STEP_ID_NAMES.map((name) => [name, text])), optional)
  .filter((fields) => Object.keys(fields).length > 0);
const runMove: fc.Arbitrary<Move> = fc.record(
  {
    of: fc.constant("run" as const),
    from: fc.constantFrom(...RUN_STATES),
    to: fc.constantFrom(...RUN_STATES),
    op: fc.constantFrom(...RUN_OPERATIONS),
    reason: text,
    total: usd,
    marks: fc.base64String(),
  },
  { requiredKeys: ["of", "from", "to"] },
);
const stepMove: fc.Arbitrary<Move> = fc.record(
  {
    of: fc.constant("step" as const),
    step: fc.nat(1000),
    from: fc.constantFrom(...STEP_STATES),
    to: fc.constantFrom(...STEP_STATES),
    op: fc.constantFrom(...STEP_OPERATIONS),
    note: text,
    reason: text,
    retry: fc.integer({ min: 1, max: 99 }),
    cost: usd,
    total: usd,
    error: text,
    ids,
  },
  { requiredKeys: ["of", "step", "from", "to"] },
);
const cause: fc.Arbitrary<Cause> = fc.oneof(
  fc.record(
    { kind: fc.constantFrom("rpc", "event", "timer", "engine"), id: text, by: text },
    { requiredKeys: ["kind", "id"] },
  ),
  fc.record({
    kind: fc.constant("call" as const),
    id: fc.constantFrom(`${RUN_ID}/step/1/delegate`, "wfr_another/step/1/delegate"),
  }),
);

describe("round trips", () => {
  test("any row comes back as it was", () => {
    const row = fc.record({
      cause,
      moves: fc.array(fc.oneof(runMove, stepMove), { maxLength: 6 }),
    });
    fc.assert(
      fc.property(row, (move) => {
        // fast-check's records have no prototype.
        expect(afterStorage(move)).toStrictEqual(structuredClone(move));
      }),
    );
  });

  test.each<[string, PackedMove, object]>([
    ["a change of state", [0, 3, 4, 3, { w: "held" }], { reason: "held" }],
    ["a hold", [0, 2, 3, 2, { w: "held", e: "no" }], { note: "held", error: "no" }],
    ["a failed attempt", [0, 2, 2, 4, { w: "so" }], { reason: "so" }],
    ["a note", [0, 3, 3, 0, { w: "recorded" }], { note: "recorded" }],
  ])("the one text of %s in a row of an earlier release", (_, packed, texts) => {
    const [, ...facts] = unpackRow(RUN_ID, { cause: [1, "x"], moves: [packed] }).moves.flatMap(
      ({ of, from, to, op, ...others }) => [of, others],
    );
    expect(facts).toEqual([{ step: 0, ...texts }]);
  });

  test.each(RUN_OPERATIONS)("a run's move: %s", (op) => {
    for (const from of RUN_STATES) {
      for (const to of RUN_STATES) {
        const row: HistoryRow = {
          cause: { kind: "rpc", id: "CancelRun", by: "agt_1" },
          moves: [{ of: "run", from, to, op, reason: "enough", total: 0.5, marks: "QkFD" }],
        };
        expect(afterStorage(row)).toStrictEqual(row);
      }
    }
  });

  test.each(STEP_OPERATIONS)("a step's move: %s", (op) => {
    for (const from of STEP_STATES) {
      for (const to of STEP_STATES) {
        const row: HistoryRow = {
          cause: { kind: "timer", id: "due" },
          moves: [{ of: "step", step: 3, from, to, op, retry: 1, error: "timed out" }],
        };
        expect(afterStorage(row)).toStrictEqual(row);
      }
    }
  });
});

describe("what is written", () => {
  test("an event that ends a wait and begins the next step", () => {
    const packed = packRow(RUN_ID, {
      cause: { kind: "event", id: "evt-1" },
      moves: [
        {
          of: "step",
          step: 1,
          from: "WAITING",
          to: "COMPLETED",
          op: "completed",
          ids: { event_id: "evt-1" },
        },
        { of: "step", step: 2, from: "PENDING", to: "RUNNING", op: "started" },
        { of: "step", step: 2, from: "RUNNING", to: "WAITING", op: "waiting" },
      ],
    });
    expect(JSON.stringify(packed.cause)).toBe('[2,"evt-1"]');
    expect(JSON.stringify(packed.moves)).toBe('[[1,3,4,3,{"v":0}],[2,1,2,1],[2,2,3,2]]');
  });

  test("a text and a total that were stored are not stored again", () => {
    const agent = { agent_id: "agt_1" };
    const packed = packRow(RUN_ID, {
      cause: { kind: "call", id: `${RUN_ID}/draft/1/create_objective` },
      moves: [
        {
          of: "step",
          step: 0,
          from: "RUNNING",
          to: "WAITING",
          op: "waiting",
          total: 0.5,
          ids: agent,
        },
        {
          of: "step",
          step: 1,
          from: "PENDING",
          to: "RUNNING",
          op: "started",
          total: 0.5,
          ids: agent,
        },
        { of: "run", from: "RUNNING", to: "FAILED", op: "failed", reason: "late", total: 0.5 },
      ],
    });
    expect(JSON.stringify(packed.cause)).toBe('[3,"/draft/1/create_objective"]');
    expect(JSON.stringify(packed.moves)).toBe(
      '[[0,2,3,2,{"t":0.5,"a":"agt_1"}],[1,1,2,1,{"a":2}],[-1,2,6,3,{"w":"late"}]]',
    );
  });
});

describe("what the service never wrote is refused", () => {
  test.each([
    ["a cause", { cause: [9, "x"], moves: [] }],
    ["a state", { cause: [1, "x"], moves: [[-1, 9, 1, 0]] }],
    ["an operation", { cause: [1, "x"], moves: [[0, 1, 2, 99]] }],
    ["a text", { cause: [1, "x"], moves: [[0, 1, 2, 1, { a: 2 }]] }],
  ] as const)("%s that is unknown", (_, row) => {
    expect(() => unpackRow(RUN_ID, row)).toThrow("packed");
  });
});
