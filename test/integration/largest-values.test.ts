/**
 * The largest times and numbers that are taken really work, down to the rows; the next one is refused with a message.
 * Boundary: needs the Postgres of TEST_DATABASE_URL.
 */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { checkVersion } from "../../src/engine/graph/check.ts";
import type { StepDefinition, TriggerDefinition } from "../../src/engine/values/definition.ts";
import type { Json, JsonObject } from "../../src/engine/values/json.ts";
import { stepOf, triggerOf, versionOf } from "../support/builders/version-spec.ts";
import { findRunRows } from "../support/histories/stored-run.ts";
import {
  publish,
  startOf,
  startProcessor,
  type TestProcessor,
} from "../support/services/processor.ts";

const MAX = 2_147_483_647;
const LAST = "9999-12-31T23:59:59.999Z";
const TASK = { stepType: "HUMAN_TASK", name: "task" } as const;
const GATE = { stepType: "APPROVAL_GATE", actionType: "x" } as const;
const WAIT = { stepType: "WAIT_FOR_EVENT" } as const;
const RPC = { kind: "rpc", id: "StartRun" } as const;

let at: TestProcessor;
beforeAll(async () => {
  at = await startProcessor();
});
afterAll(async () => {
  await at.stop();
});

interface Case {
  readonly what: string;
  step(value: never): Partial<StepDefinition>;
  readonly largest: Json;
  readonly over: Json;
  readonly words: string;
}

const config = (fields: Partial<StepDefinition>, key: string) => (value: Json) => ({
  ...fields,
  config: { [key]: value, ...(key.startsWith("escalate") ? { escalate_to: ["u2"] } : {}) },
});
const SECONDS = `${MAX}`;
const cases: readonly Case[] = [
  {
    what: "until",
    step: config(WAIT, "until"),
    largest: LAST,
    over: "9999-12-31T23:59:59-01:00",
    words: "years 1 to 9999",
  },
  {
    what: "delay_seconds",
    step: config(WAIT, "delay_seconds"),
    largest: MAX,
    over: MAX + 1,
    words: SECONDS,
  },
  {
    what: "lookback_seconds",
    step: config({ ...WAIT, eventTypePattern: "x" }, "lookback_seconds"),
    largest: MAX,
    over: MAX + 1,
    words: SECONDS,
  },
  {
    what: "config.timeout_seconds",
    step: config(TASK, "timeout_seconds"),
    largest: MAX,
    over: MAX + 1,
    words: SECONDS,
  },
  {
    what: "escalate_after_seconds",
    step: config(GATE, "escalate_after_seconds"),
    largest: MAX,
    over: MAX + 1,
    words: SECONDS,
  },
  {
    what: "timeout_seconds",
    step: (timeoutSeconds: number) => ({ ...TASK, timeoutSeconds }),
    largest: MAX,
    over: MAX + 1,
    words: SECONDS,
  },
  {
    what: "backoff_seconds",
    step: (backoffSeconds: number) => ({
      ...TASK,
      retryPolicy: { maxRetries: 1_000, backoffSeconds, backoffMultiplier: 1e300 },
    }),
    largest: MAX,
    over: MAX + 1,
    words: SECONDS,
  },
];

async function start(name: string, step: Partial<StepDefinition>, input: JsonObject = {}) {
  const version = await publish(at.database, name, versionOf([stepOf("s", step)]));
  const begun = { kind: "start", start: startOf(version, { input }), cause: RPC } as const;
  return findRunRows(at.database.read, (await at.processor.submit(begun)).runId);
}

describe("a step's times", () => {
  it.each(cases)("$what: the largest is stored", async ({ what, step, largest }) => {
    const found = await start(what, step(largest as never));
    expect(found?.run.state).toBe("RUNNING");
    const { wakeAtMs, timeoutAtMs } = found?.steps.get(0) ?? {};
    for (const dueMs of [wakeAtMs, timeoutAtMs]) expect(Number.isNaN(dueMs)).toBe(false);
  });

  it.each(cases)("$what: the next is refused when it is published", ({ step, over, words }) => {
    const faults = checkVersion(versionOf([stepOf("s", step(over as never))]));
    expect(faults.map(({ description }) => description)).toEqual([expect.stringContaining(words)]);
  });

  it.each([
    { what: "until", step: WAIT, over: "9999-12-31T23:59:59-01:00" },
    { what: "until", step: WAIT, over: "0001-01-01T00:00:00+00:01" },
    { what: "delay_seconds", step: WAIT, over: MAX + 1 },
    { what: "escalate_after_seconds", step: GATE, over: 1e300 },
  ])(
    "$what: $over from a template fails the attempt and is named",
    async ({ what, step, over }) => {
      const fields = config(step, what)("{{ input.value }}");
      const found = await start(`${what} ${over} by template`, fields, { value: over });
      expect(found?.run.state).toBe("FAILED");
      expect(found?.steps.get(0)?.errorMessage).toContain(`config.${what}`);
    },
  );
});

describe("a version's times", () => {
  const schedule = (cronExpr: string): TriggerDefinition =>
    triggerOf({ triggerType: "SCHEDULE", cronExpr });
  it("the longest run and the longest period are stored", async () => {
    const spec = versionOf([stepOf("s", TASK)], [], {
      timeoutSeconds: MAX,
      trigger: schedule("@every 8784h"),
    });
    const version = await publish(at.database, "longest", spec);
    const begun = { kind: "start", start: startOf(version), cause: RPC } as const;
    const { runId } = await at.processor.submit(begun);
    const found = await findRunRows(at.database.read, runId);
    expect(found?.run.deadlineAtMs).toBeGreaterThan(MAX * 1_000);
  });

  it("the next ones are refused when they are published", () => {
    const spec = versionOf([stepOf("s", TASK)], [], {
      timeoutSeconds: MAX + 1,
      trigger: schedule("@every 8785h"),
    });
    const faults = checkVersion(spec).map(({ description }) => description);
    expect(faults.join("\n")).toContain(SECONDS);
    expect(faults.join("\n")).toContain("every 1s to 8784h");
  });
});
