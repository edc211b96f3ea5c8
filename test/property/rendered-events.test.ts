/**
 * Events are byte for byte what the protobuf library and the package cloudevents write of the same move, in every format.
 * Payloads are any that can be stored; every other value is any at all.
 */
import fc from "fast-check";
import { expect, it } from "vitest";
import { type PayloadSource, PayloadTooLarge } from "../../src/engine/draft/payloads.ts";
import { compileGraph } from "../../src/engine/graph/compile.ts";
import type { Graph } from "../../src/engine/graph/graph.ts";
import { STEP_TYPES } from "../../src/engine/steps/types.ts";
import { TRIGGER_TYPES } from "../../src/engine/values/definition.ts";
import type { Json, JsonObject } from "../../src/engine/values/json.ts";
import {
  type Move,
  RUN_OPERATIONS,
  STEP_ID_NAMES,
  STEP_OPERATIONS,
} from "../../src/engine/values/move.ts";
import { newRun } from "../../src/engine/values/new-run.ts";
import {
  HAS_ROW,
  RUN_STATES,
  type Run,
  STEP_STATES,
  type StepRun,
} from "../../src/engine/values/run.ts";
import { type EventFormat, MAX_EVENT_BYTES } from "../../src/wire/events/cloud-events.ts";
import {
  type MoveToPublish,
  renderChange,
  renderMove,
} from "../../src/wire/events/lifecycle-events.ts";
import { libraryChange, libraryMove } from "../support/builders/library-events.ts";
import { bytesOfBody } from "../support/builders/rendered-events.ts";
import { stepOf, versionOf } from "../support/builders/version-spec.ts";
import { type RandomNumbers, randomNumbers } from "../support/random/random-numbers.ts";

const FORMATS: readonly EventFormat[] = ["cloudevents", "ensemble-json", "ensemble-protobuf"];
const EDGES = [
  [0, 1],
  [0, 2],
  [1, 2],
] as const;

/** Texts that JSON has to escape among them, and some that only look as if it had to. */
const TEXTS = [
  ...[
    "",
    "",
    "",
    "wfr_1",
    "allow",
    "ACTION_DECISION_DENY",
    "two words",
    '"',
    "\\",
    "\n\t\u0001\u001f",
  ],
  ...["\u007f\u0085", "\u2028\u2029", "é", "€", "😀", "\ud800", "</a>", "{{ x }}"],
];
/** The default among them, and values that JSON has no number for. A negative zero is not stored. */
const DOUBLES = [0, 0, 0, 1, 0.1, 1e21, 1e-7, -2.5, Number.NaN, 1 / 0, -1 / 0];
const KEYS = ["a", "b", "", "__proto__", "constructor", "7", "07", '"', "é"];
/** As a column of type jsonb gives them back. */
const VALUES: Json[] = [
  null,
  true,
  0,
  -1.5,
  1e300,
  "",
  '"\\\n',
  "é😀",
  [],
  {},
  [{}, [0]],
  { x: { y: [""] } },
];

/** Draws the values of one event. */
class Draw {
  readonly #random: RandomNumbers;
  constructor(seed: number) {
    this.#random = randomNumbers(seed);
  }
  below(limit: number): number {
    return this.#random.below(limit);
  }
  from<T>(values: readonly T[]): T {
    const value = values[this.below(values.length)];
    if (value === undefined) throw new Error("nothing to draw from");
    return value;
  }
  text(): string {
    return this.from(TEXTS) + (this.below(3) === 0 ? this.from(TEXTS) : "");
  }
  id(place = ""): string {
    return `${this.text()}i${place}`.toWellFormed();
  }
  double(): number {
    return this.below(3) === 0 ? this.below(1_000_000) / 999 : this.from(DOUBLES);
  }
  count(): number {
    return this.below(4);
  }
  /** Half of them full seconds, before 1970 and after. */
  ms(): number {
    return (this.below(4_000_000_000) - 1_000_000_000) * 1_000 + this.from([0, 0, 7, 120]);
  }
  payload(): JsonObject {
    if (this.below(12) === 0) return this.bulk();
    const fields = Array.from({ length: this.below(4) }, () => [
      this.from(KEYS),
      this.from(VALUES),
    ]);
    // Also a key `__proto__` becomes an own one.
    return Object.fromEntries(fields);
  }
  /** Together with the rest of the event on both sides of the limit, in characters of one byte and of more. */
  bulk(): JsonObject {
    const unit = this.from(["x", "é", '"', "€"]);
    const unitBytes = Buffer.byteLength(JSON.stringify(unit)) - 2;
    return { text: unit.repeat((MAX_EVENT_BYTES - this.below(1_800)) / unitBytes) };
  }
  /** Nothing, or a field with a drawn value. */
  maybe<Field extends object>(make: () => Field): Partial<Field> {
    return this.below(2) === 0 ? {} : make();
  }
}

function drawGraph(draw: Draw): Graph {
  const names = STEP_TYPES.map((type) => draw.id(type));
  const steps = STEP_TYPES.map((stepType, at) =>
    stepOf(names[at] ?? "", { stepType, name: draw.text() }),
  );
  const edges = EDGES.map(([from, to]) => ({
    ...{ fromStepId: names[from] ?? "", toStepId: names[to] ?? "", label: "", conditionExpr: "" },
  }));
  return compileGraph(versionOf(steps, edges));
}

function drawMarks(draw: Draw): Uint8Array {
  return Uint8Array.from(
    STEP_TYPES,
    () => draw.below(STEP_STATES.length) | draw.from([0, HAS_ROW]),
  );
}

function drawRun(draw: Draw, graph: Graph): Run {
  const facts = {
    ...{ id: draw.id(), workspaceId: draw.text(), definitionId: draw.text(), versionId: "v" },
    ...{ definitionVersion: draw.count(), triggerType: draw.from(TRIGGER_TYPES) },
    ...{ triggerEventId: draw.text(), triggerSource: "", initiatorAgentId: draw.text() },
    ...{ initiatorUserId: draw.text(), parentRunId: draw.text(), entityId: draw.text() },
    ...{ entityType: draw.text(), hops: draw.below(17) },
  };
  return {
    ...newRun(graph, facts, 0),
    ...draw.maybe(() => ({ inputUnset: true as const })),
    ...draw.maybe(() => ({ startedAtMs: draw.ms() })),
    ...draw.maybe(() => ({ completedAtMs: draw.ms() })),
    stepMarks: drawMarks(draw),
    edgeMarks: Uint8Array.from(EDGES, () => draw.below(3)),
  };
}

function drawRow(draw: Draw, run: Run, index: number): StepRun {
  return {
    ...{ runId: run.id, index, state: draw.from(STEP_STATES) },
    // What the event has of these comes with the move.
    ...{ retryCount: 3, objectiveId: "later", agentId: "later", delegationId: "later" },
    ...{ approvalRequestId: "later", governanceDecision: "later", eventId: "later" },
    ...{ notificationId: "later", errorMessage: "later", costUsd: 3, detail: {} },
    ...{ outputExtendsInput: draw.below(2) === 0, startedAtMs: draw.ms() },
    ...draw.maybe(() => ({ completedAtMs: draw.ms() })),
    ...draw.maybe(() => ({ input: draw.payload() })),
    ...draw.maybe(() => ({ output: draw.payload() })),
  };
}

function drawMove(draw: Draw): Move {
  const total = draw.maybe(() => ({ total: draw.double() }));
  if (draw.below(3) === 0) {
    return {
      ...{ of: "run", from: "RUNNING", to: draw.from(RUN_STATES), ...total },
      ...draw.maybe(() => ({ op: draw.from(RUN_OPERATIONS) })),
      ...draw.maybe(() => ({ reason: draw.text() })),
      ...(draw.below(2) === 0 ? { marks: Buffer.from(drawMarks(draw)).toString("base64") } : {}),
    };
  }
  return {
    ...{ of: "step", step: draw.below(STEP_TYPES.length), from: "RUNNING", ...total },
    to: draw.from(STEP_STATES),
    ...draw.maybe(() => ({ op: draw.from(STEP_OPERATIONS) })),
    ...draw.maybe(() => ({ retry: draw.count() })),
    ...draw.maybe(() => ({ cost: draw.double() })),
    ...draw.maybe(() => ({ error: draw.text() })),
    ids: Object.assign(
      {},
      ...STEP_ID_NAMES.map((name) => draw.maybe(() => ({ [name]: draw.text() }))),
    ),
  };
}

function drawSource(draw: Draw): PayloadSource {
  const graph = drawGraph(draw);
  const run = drawRun(draw, graph);
  const rows = STEP_TYPES.map((_, index) => drawRow(draw, run, index));
  const input = draw.payload();
  const tooLarge = draw.below(21);
  return {
    ...{ graph, run, payloadMemo: new Map() },
    isTooLarge: (index) => index === tooLarge,
    peek(index) {
      const row = rows[index];
      if (row === undefined) throw new Error(`no row ${index}`);
      return row;
    },
    runInput() {
      if (tooLarge === STEP_TYPES.length) throw new PayloadTooLarge("its input");
      return input;
    },
  };
}

function drawItem(draw: Draw): MoveToPublish {
  return {
    ...{ source: drawSource(draw), move: drawMove(draw), seq: draw.below(1_000), place: 1 },
    ...{ recordedAt: new Date(draw.ms()), runState: draw.from(RUN_STATES) },
  };
}

const seeds = fc.noBias(fc.nat(0x7fff_ffff));
// Neighbouring seeds are unrelated, so shrinking is useless.
const RUNS = { numRuns: 1_000, endOnFailure: true };

it("moves of runs and steps", () => {
  const drawn = { run: 0, step: 0, unpublished: 0, cut: 0 };
  const property = fc.property(seeds, (seed) => {
    const item = drawItem(new Draw(seed));
    for (const format of FORMATS) {
      const expected = libraryMove(format, item);
      expect(renderMove(format, item)).toEqual(expected);
      drawn[expected === undefined ? "unpublished" : item.move.of] += 1;
      if (expected && Buffer.from(bytesOfBody(expected)).includes("dataref")) drawn.cut += 1;
    }
  });
  fc.assert(property, RUNS);
  for (const [kind, times] of Object.entries(drawn)) expect(times, kind).toBeGreaterThan(50);
});

it("changes of definitions and versions", () => {
  const property = fc.property(seeds, (seed) => {
    const draw = new Draw(seed);
    const change = {
      ...{ id: draw.id(), type: draw.id(), workspaceId: draw.text(), aggregateId: draw.text() },
      ...{ aggregateType: draw.text(), operation: draw.text() },
      recordedAt: new Date(draw.ms()).toISOString(),
      payload: { id: draw.id(), name: draw.text(), tags: [draw.text()], version: draw.count() },
    };
    for (const format of FORMATS) {
      expect(renderChange(format, change)).toEqual(libraryChange(format, change));
    }
  });
  fc.assert(property, { ...RUNS, numRuns: 200 });
});
