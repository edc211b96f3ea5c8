/** Simulations of workflow files: the path and why, waits, costs, assumptions, undo, and the bounds. */
import { describe, expect, test } from "vitest";
import type { Mock } from "../../../../src/engine/simulation/mocks.ts";
import { simulate } from "../../../../src/engine/simulation/simulate.ts";
import type {
  Simulation,
  SimulationRequest,
} from "../../../../src/engine/simulation/simulation.ts";
import type { JsonObject } from "../../../../src/engine/values/json.ts";
import { readWorkflowFile } from "../../../../src/file/read-file.ts";

const START_MS = Date.UTC(2026, 11, 1, 9);
const HOUR_MS = 3_600_000;
const EXPENSE = `
workflow: expense
input: { amount_usd: number }
retry: { max: 1, backoff: 1m }
steps:
  size:
    branch: input.amount_usd > 500
    then: { true: manager, false: pay }
  manager:
    approve: "{{ input.amount_usd }} USD"
    action: expense.pay
    by: [user_manager]
    escalate: { after: 24h, to: [user_director] }
    on: { denied: refuse, expired: refuse }
    next: pay
  pay: { agent: bank, action: payments.charge, undo: { agent: bank }, next: confirm }
  confirm: { agent: mail, on_error: compensate, next: end }
  refuse: { notify: email, to: ann, body: Not approved. }
`;

function specOf(text: string) {
  const { workflow, faults } = readWorkflowFile(new TextEncoder().encode(text));
  if (workflow === undefined) throw new Error(JSON.stringify(faults));
  return workflow.spec;
}

type MockList = readonly Mock[];

function play(
  text: string,
  input: JsonObject = {},
  mocks: Readonly<Record<string, Mock | MockList>> = {},
  more: Partial<SimulationRequest> = {},
): Simulation {
  const lists = Object.entries(mocks).map(([id, mock]) => {
    const list: MockList = Array.isArray(mock) ? mock : [mock as Mock];
    return [id, list] as const;
  });
  const request = { input, mocks: new Map(lists), startMs: START_MS, ...more };
  const { simulation, faults } = simulate(specOf(text), request);
  if (simulation === undefined) throw new Error(JSON.stringify(faults));
  return simulation;
}

function faultsOf(text: string, mocks: Readonly<Record<string, Mock>>) {
  const lists = Object.entries(mocks).map(([id, mock]) => [id, [mock]] as const);
  return simulate(specOf(text), { input: {}, mocks: new Map(lists), startMs: 0 }).faults;
}

const pathOf = ({ path }: Simulation) => path.map(({ stepId }) => stepId);
const whyOf = ({ edges }: Simulation, from: string, to: string) => {
  const edge = edges.find((each) => each.from === from && each.to === to);
  return edge && `${edge.state}: ${edge.why}`;
};

describe("without mocks", () => {
  test("every step answers as it is assumed, and says so", () => {
    const played = play(EXPENSE, { amount_usd: 900 });
    expect(pathOf(played)).toEqual(["size", "manager", "pay", "confirm"]);
    expect(played).toMatchObject({ end: "ended", state: "COMPLETED", outcome: "SUCCEEDED" });
    expect(played.path.map(({ assumed }) => assumed)).toEqual([
      [],
      ["approved by user_manager"],
      ["an agent answers {}"],
      ["an agent answers {}"],
    ]);
    expect(played.endMs).toBe(START_MS);
  });

  test("a person hands in the emptiest output that fits, or the run waits", () => {
    const text = (schema: string) => `workflow: w\nsteps:\n  a: { task: A, output: ${schema} }\n`;
    expect(play(text("{ ok: boolean, note: string? }")).path).toMatchObject([
      { output: { ok: false }, assumed: ['a person hands in {"ok":false}'] },
    ]);
    const nested = "{ type: object, required: [a], properties: { a: { enum: [x, y] } } }";
    expect(play(text(nested)).path).toMatchObject([{ output: { a: "x" } }]);
    const odd =
      "{ type: object, required: [a], properties: { a: { type: string, minLength: 3 } } }";
    const waiting = play(text(odd));
    expect(waiting).toMatchObject({ end: "waits", state: "RUNNING" });
    expect(waiting.outcome).toBeUndefined();
    expect(waiting.waits).toMatchObject([{ stepId: "a", party: "person" }]);
  });
});

describe("a path", () => {
  test("is told with the condition and its value", () => {
    const small = play(EXPENSE, { amount_usd: 40 });
    expect(whyOf(small, "size", "pay")).toBe("taken: input.amount_usd > 500 is false");
    expect(whyOf(small, "size", "manager")).toBe("dead: input.amount_usd > 500 is false");
    expect(whyOf(small, "manager", "refuse")).toBe("dead: manager was skipped");
    const denied = play(EXPENSE, { amount_usd: 900 }, { manager: { outcome: "denied" } });
    expect(pathOf(denied)).toEqual(["size", "manager", "refuse"]);
    const manager = denied.edges.filter(({ from }) => from === "manager");
    expect(manager.map(({ label, state, why }) => `${label} ${state}: ${why}`)).toEqual([
      "denied taken: manager ended as denied",
      "expired dead: manager ended as denied, and this path is for expired",
      " dead: manager ended as denied, and this path is for a success",
    ]);
  });

  test("of a list of conditions is the first one that holds", () => {
    const text = `workflow: w
steps:
  kind:
    branch:
      - { when: input.n > 10, go: large }
      - { when: input.n > 1, go: some }
      - { go: none }
  large: { agent: a, next: end }
  some: { agent: a, next: end }
  none: { agent: a }
`;
    const played = play(text, { n: 5 });
    expect(pathOf(played)).toEqual(["kind", "some"]);
    expect(whyOf(played, "kind", "large")).toBe("dead: input.n > 10 is false");
    expect(whyOf(played, "kind", "some")).toBe("taken: input.n > 1 is true");
    expect(whyOf(played, "kind", "none")).toBe("dead: another condition holds");
  });

  test("whose condition has no value says so", () => {
    const text = `workflow: w
steps:
  a: { agent: x, next: [{ when: missing.name == 1, go: b }, { go: c }] }
  b: { agent: x, next: end }
  c: { agent: x }
`;
    const played = play(text);
    expect(whyOf(played, "a", "b")).toBe(
      "dead: missing.name == 1 has no value, so it does not hold",
    );
    expect(played.problems).toEqual([expect.stringContaining("missing")]);
  });
});

describe("virtual time", () => {
  test("passes by answers that take their time, and costs add up", () => {
    const pay = { output: { id: 7 }, delayMs: 2 * HOUR_MS, costUsd: 0.25 };
    const played = play(EXPENSE, { amount_usd: 40 }, { pay, confirm: { costUsd: 0.5 } });
    expect(played.endMs - START_MS).toBe(2 * HOUR_MS);
    expect(played.costUsd).toBe(0.75);
    expect(played.path[1]).toMatchObject({
      stepId: "pay",
      ...{ startMs: START_MS, endMs: START_MS + 2 * HOUR_MS, costUsd: 0.25, output: { id: 7 } },
    });
  });

  test("passes by the timers of gates, each request with a mock of its own", () => {
    const manager = [{ outcome: "expired" }, { outcome: "approved", delayMs: HOUR_MS }] as const;
    const played = play(EXPENSE, { amount_usd: 900 }, { manager });
    expect(pathOf(played)).toEqual(["size", "manager", "pay", "confirm"]);
    expect(played.endMs - START_MS).toBe(25 * HOUR_MS);
    const silent = play(EXPENSE, { amount_usd: 900 }, { manager: { silent: true } });
    expect(pathOf(silent)).toEqual(["size", "manager", "refuse"]);
    expect(silent.endMs - START_MS).toBe(48 * HOUR_MS);
  });

  test("passes between attempts, each with a mock of its own", () => {
    const pay = [{ error: "no money" }, { output: { id: 8 } }];
    const played = play(EXPENSE, { amount_usd: 40 }, { pay });
    const attempts = played.path.filter(({ stepId }) => stepId === "pay");
    expect(attempts).toMatchObject([
      { attempt: 1, state: "FAILED", outcome: "error", errorMessage: "no money" },
      { attempt: 2, state: "COMPLETED", outcome: "", output: { id: 8 } },
    ]);
    const betweenMs = (attempts[1]?.startMs ?? 0) - (attempts[0]?.endMs ?? 0);
    expect(betweenMs).toBeGreaterThanOrEqual(54_000);
    expect(betweenMs).toBeLessThanOrEqual(66_000);
  });

  test("waits for a point in time, and ends at the run's deadline", () => {
    const until = `workflow: w
steps:
  day: { wait: { until: "{{ input.at }}" } }
`;
    const played = play(until, { at: "2026-12-03T09:00:00Z" });
    expect(played.endMs - START_MS).toBe(48 * HOUR_MS);
    const late = play(`${until.replace("w\n", "w\ntimeout: 1d\n")}`, {
      at: "2026-12-03T09:00:00Z",
    });
    expect(late).toMatchObject({ state: "FAILED", outcome: "TIMED_OUT" });
    expect(late.endMs - START_MS).toBe(24 * HOUR_MS);
  });
});

describe("what comes from outside", () => {
  const REPLY = `workflow: w
steps:
  reply: { wait: { event: mail.received, when: data.from == input.who }, timeout: 3d, on: { timeout: remind }, next: end }
  remind: { notify: slack, body: No reply }
`;
  test("an event passes its filter, or the step waits on and says so", () => {
    const data = { from: "jo", body: "yes" };
    const played = play(REPLY, { who: "jo" }, { reply: { data, delayMs: HOUR_MS } });
    expect(played.path).toMatchObject([{ stepId: "reply", output: data }]);
    const wrong = play(REPLY, { who: "jo" }, { reply: { data: { from: "al" } } });
    expect(pathOf(wrong)).toEqual(["reply", "remind"]);
    expect(wrong.problems).toEqual(['the event for step "reply" does not fit: the step waits on']);
    expect(wrong.endMs - START_MS).toBe(72 * HOUR_MS);
  });

  test("rounds of a repetition are answered in their order, and end with the condition", () => {
    const text = "workflow: w\nsteps:\n  pages: { run: load, repeat_while: more, next: end }\n";
    const pages = [true, true, false].map((more, n) => ({ output: { more, n } }));
    const played = play(text, {}, { pages });
    expect(played.output).toMatchObject({ more: false, n: 2, rounds: 3 });
  });

  test("governance, workers and child runs answer", () => {
    const text = `workflow: w
steps:
  policy: { check: mail.send, by: [user_a], on: { denied: no }, next: work }
  work: { queue: q, next: teams }
  teams: { run: other, for_each: input.teams, next: end }
  no: { notify: slack, body: no }
`;
    const played = play(text, { teams: [1, 2, 3] }, { teams: { output: { n: 1 } } });
    expect(pathOf(played)).toEqual(["policy", "work", "teams"]);
    expect(played.path.map(({ assumed }) => assumed)).toEqual([
      ["governance allows it"],
      ["a worker answers {}"],
      [],
    ]);
    expect(played.output).toMatchObject({ items: [{ n: 1 }, { n: 1 }, { n: 1 }] });
    const denied = play(text, { teams: [] }, { policy: { decision: "deny" } });
    expect(pathOf(denied)).toEqual(["policy", "no"]);
    const asked = play(
      text,
      { teams: [] },
      { policy: { decision: "require_approval", outcome: "denied" } },
    );
    expect(pathOf(asked)).toEqual(["policy", "no"]);
  });
});

test("a failure that compensates undoes what was done", () => {
  const played = play(EXPENSE, { amount_usd: 40 }, { confirm: { error: "away" } });
  expect(pathOf(played)).toEqual(["size", "pay", "confirm", "confirm", "undo-pay"]);
  expect(played).toMatchObject({
    ...{ end: "ended", state: "FAILED", outcome: "COMPENSATED" },
    sentence: "the run failed and is undone: confirm: away",
  });
  expect(played.path.at(-1)).toMatchObject({ stepId: "undo-pay", isUndo: true });
  expect(played.steps).toContainEqual({ stepId: "pay", state: "COMPENSATED" });
  const stuck = play(
    EXPENSE,
    { amount_usd: 40 },
    { confirm: { error: "away" }, "undo-pay": { error: "gone" } },
  );
  expect(stuck.outcome).toBe("COMPENSATION_FAILED");
});

test("a step that is held waits for an order", () => {
  const played = play(
    "workflow: w\nsteps:\n  a: { agent: x, on_error: hold }\n",
    {},
    {
      a: { error: "broken" },
    },
  );
  expect(played).toMatchObject({
    end: "waits",
    path: [{ state: "FAILED", errorMessage: "broken" }],
  });
  expect(played.waits).toMatchObject([{ stepId: "a", sentence: expect.stringContaining("held") }]);
});

describe("mocks", () => {
  test.each<{ what: string; mocks: Readonly<Record<string, Mock>>; fault: string }>([
    {
      what: "of a step that there is not",
      mocks: { payy: { output: {} } },
      fault: 'mocks.payy: the version has no step "payy"; did you mean "pay"?',
    },
    {
      what: "with a word that the step has no use for",
      mocks: { pay: { outcome: "denied" } },
      fault:
        'mocks.pay.outcome: a mock of step "pay" has no outcome: it may have output, error, delay, cost, silent',
    },
    {
      what: "of a step that asks nobody",
      mocks: { size: { output: {} } },
      fault: 'mocks.size.output: step "size" asks nobody: it needs no mock',
    },
    {
      what: "with an output and an error",
      mocks: { pay: { output: {}, error: "x" } },
      fault: "mocks.pay: has an error and an output: give one of them",
    },
    {
      what: "with a negative delay",
      mocks: { pay: { delayMs: -1 } },
      fault: "mocks.pay.delay: is no time from 0 to 2147483647 seconds",
    },
    {
      what: "with an output that no step may have",
      mocks: { pay: { output: { text: "x".repeat(300_000) } } },
      fault: "mocks.pay.output: the output has 300011 bytes, over the limit of 262144",
    },
  ])("$what are refused in words", ({ mocks, fault }) => {
    const faults = faultsOf(EXPENSE, mocks);
    expect(faults.map(({ field, description }) => `${field}: ${description}`)).toEqual([fault]);
  });

  test("that nobody asked for are named, and found ones keep what fits", () => {
    const mocks = { manager: { outcome: "denied" } } as const;
    expect(play(EXPENSE, { amount_usd: 1 }, mocks).unusedMocks).toEqual(["manager"]);
    const found = new Map([
      ["manager", [{ outcome: "denied", output: { a: 1 } } as const]],
      ["pay", [{ output: { b: 2 }, outcome: "approved" } as const]],
      ["size", [{ output: { c: 3 } }]],
    ]);
    const played = play(
      EXPENSE,
      { amount_usd: 900 },
      { manager: { outcome: "approved" } },
      { found },
    );
    expect(pathOf(played)).toEqual(["size", "manager", "pay", "confirm"]);
    expect(played.path[2]).toMatchObject({ stepId: "pay", output: { b: 2 } });
  });
});

describe("bounds", () => {
  const RETRIES = "workflow: w\nretry: { max: 900, backoff: 1s }\nsteps:\n  a: { agent: x }\n";

  test.each([
    { limits: { attempts: 5 }, sentence: "stopped after 5 attempts" },
    { limits: { inputs: 7 }, sentence: "stopped after 7 inputs" },
    { limits: { units: 5_000 }, sentence: "stopped: it takes too much work to simulate" },
    { limits: { timeMs: 10_000 }, sentence: "stopped after 0 years of virtual time" },
  ])("$limits end it with what was found", ({ limits, sentence }) => {
    const played = play(RETRIES, {}, { a: { error: "no" } }, { limits });
    expect(played).toMatchObject({ end: "limit", state: "RUNNING", sentence });
    expect(played.path.length).toBeGreaterThan(0);
    expect(played.path.length).toBeLessThan(20);
  });

  test("payloads that the result has no room for are left out", () => {
    const text = "x".repeat(1_000);
    const played = play(EXPENSE, { amount_usd: 1, text }, {}, { limits: { payloadBytes: 2_500 } });
    expect(played.payloadsLeftOut).toBeGreaterThan(0);
    expect(played.outcome).toBe("SUCCEEDED");
  });

  test("a list of 500 child runs ends", () => {
    const each =
      "workflow: w\nsteps:\n  a: { run: other, for_each: input.items, max_parallel: 50 }\n";
    const items = Array.from({ length: 500 }, (_, n) => n);
    const played = play(each, { items }, {}, { limits: { payloadBytes: 1_000 } });
    expect(played).toMatchObject({ end: "ended", outcome: "SUCCEEDED" });
  });
});

test("the same request gives the same simulation", () => {
  const mocks = { pay: [{ error: "no" }, { output: { id: 1 } }] };
  const once = play(EXPENSE, { amount_usd: 900 }, mocks);
  expect(play(EXPENSE, { amount_usd: 900 }, mocks)).toEqual(once);
  // It can be cloned, as between a thread and the service.
  expect(structuredClone(once)).toEqual(once);
});
