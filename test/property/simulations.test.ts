/**
 * Simulations of random versions with random mocks: each ends within its bounds, and comes to the states that the same answers give when
 * another hand puts them into a run that loads its rows as the store does.
 */
import { expect, it } from "vitest";
import { compileGraph } from "../../src/engine/graph/compile.ts";
import type { Graph } from "../../src/engine/graph/graph.ts";
import type { Mock, Mocks } from "../../src/engine/simulation/mocks.ts";
import { checkMocks, partyOfStep } from "../../src/engine/simulation/mocks.ts";
import { simulate } from "../../src/engine/simulation/simulate.ts";
import { isFinalRun, stateOfMark } from "../../src/engine/values/run.ts";
import { stepReport } from "../support/builders/step-reports.ts";
import { type BareInput, EngineRun } from "../support/engine/engine-run.ts";
import { type RandomNumbers, randomNumbers } from "../support/random/random-numbers.ts";
import { RUN_INPUT, randomVersion } from "../support/random/random-version.ts";

const SEEDS = 600;
const START_MS = 1_000_000;
const ROUNDS_AT_MOST = 20_000;

/** One mock for each step that asks somebody: it holds for all attempts and requests. */
function randomMocks(graph: Graph, random: RandomNumbers): Map<string, readonly Mock[]> {
  return new Map(
    graph.steps.flatMap((step) => {
      const mock = randomMock(partyOfStep(step), random);
      return mock === undefined ? [] : [[step.def.id, [mock]] as const];
    }),
  );
}

function randomMock(
  party: ReturnType<typeof partyOfStep>,
  random: RandomNumbers,
): Mock | undefined {
  const delayMs = random.below(4) * 500;
  const work: Mock = random.chance(25)
    ? { error: "broken", delayMs }
    : { output: { o: random.below(4) }, delayMs };
  switch (party) {
    case "agent":
    case "worker":
    case "child":
      return { ...work, costUsd: random.below(3) };
    case "person":
      return work;
    case "approver":
      return { outcome: random.chance(70) ? "approved" : "denied", delayMs };
    case "governance":
      return { decision: random.chance(70) ? "allow" : "deny", delayMs };
    case "event":
      return { delayMs };
    case "notifier":
      return { delayMs };
    default:
      return undefined;
  }
}

interface Coming {
  readonly atMs: number;
  readonly isEnd: boolean;
  readonly input: BareInput;
}

/** The same answers by another hand: a list that is sorted, and the calls, reports and timers of a run that is folded as in tests. */
class Hand {
  readonly run: EngineRun;
  readonly #mocks: Mocks;
  readonly #coming: Coming[] = [];
  #calls = 0;
  #moves = 0;

  constructor(graph: Graph, mocks: Mocks) {
    this.#mocks = mocks;
    const facts = { id: "wfr_simulation" };
    this.run = new EngineRun(graph.spec, RUN_INPUT, facts, { now: START_MS, graph });
    this.run.lookups = {
      find: ({ agentId, skillId }) => ({ agentId: agentId || "found", skillId }),
    };
  }

  play(): void {
    this.#put({ kind: "run_begun" });
    for (let round = 0; round < ROUNDS_AT_MOST; round += 1) {
      if (isFinalRun(this.run.run.state)) return;
      if (this.run.run.pending.length > 0) this.#put({ kind: "run_continued" });
      else if (!this.#goOn()) return;
    }
    throw new Error("the run does not end");
  }

  #goOn(): boolean {
    const { run, rows } = this.run;
    const open = [...rows.values()].filter(
      ({ state }) => state === "RUNNING" || state === "WAITING",
    );
    const timers = open.map((row) => ({
      index: row.index,
      atMs: Math.min(row.timeoutAtMs ?? Infinity, row.wakeAtMs ?? Infinity),
    }));
    const timer = timers.reduce((first, each) => (each.atMs < first.atMs ? each : first), {
      index: -1,
      atMs: run.state === "RUNNING" ? (run.deadlineAtMs ?? Infinity) : Infinity,
    });
    const [next] = this.#coming;
    if (next !== undefined && next.atMs <= timer.atMs) {
      this.#coming.shift();
      this.run.now = Math.max(this.run.now, next.atMs);
      this.#put(next.input);
      return true;
    }
    if (timer.atMs === Infinity) return false;
    this.run.now = Math.max(this.run.now, timer.atMs);
    const { index: stepIndex } = timer;
    this.#put(stepIndex < 0 ? { kind: "deadline_passed" } : { kind: "step_due", stepIndex });
    return true;
  }

  #put(input: BareInput): void {
    this.run.put(input);
    if (isFinalRun(this.run.run.state)) return;
    for (const issued of this.run.wanted.slice(this.#calls)) this.#answer(issued);
    this.#calls = this.run.wanted.length;
    const moves = this.run.history.flatMap((row) => row.moves);
    for (const move of moves.slice(this.#moves)) {
      if (move.of === "step" && move.op === "waiting" && move.note !== "held")
        this.#report(move.step);
    }
    this.#moves = moves.length;
  }

  #add(input: BareInput, { delayMs = 0 }: Mock, isEnd: boolean): void {
    this.#coming.push({ atMs: this.run.now + delayMs, isEnd, input });
    // Stable: what was added first stays first.
    this.#coming.sort((a, b) => a.atMs - b.atMs || Number(a.isEnd) - Number(b.isEnd));
  }

  #mockOf(index: number): Mock {
    return this.#mocks.get(this.run.graph.steps[index]?.def.id ?? "")?.[0] ?? {};
  }

  #answer(issued: EngineRun["wanted"][number]): void {
    const { id: callId, call, stepIndex, attempt } = issued;
    const mock = this.#mockOf(stepIndex);
    const { output = {}, error, costUsd = 0 } = mock;
    const returned = (value: object, delayed = false, isEnd = false) =>
      this.#add(
        {
          ...{ kind: "call_returned", callId, call: call.kind, stepIndex, attempt },
          result: { ok: true, value: { kind: call.kind, ...value } },
        } as BareInput,
        delayed ? mock : {},
        isEnd,
      );
    const ended = error === undefined ? { state: "COMPLETED", output } : { state: "FAILED" };
    switch (call.kind) {
      case "create_objective": {
        returned({ objectiveId: callId });
        const report = {
          owner: "objective",
          id: callId,
          errorMessage: error ?? "",
          costUsd,
          agentId: "",
        };
        this.#add(
          { kind: "owner_reported", stepIndex, report: { ...report, ...ended } } as BareInput,
          mock,
          true,
        );
        return;
      }
      case "delegate":
        returned({ delegationId: callId, agentId: "" });
        return;
      case "request_approval": {
        returned({ requestId: callId, autoApproved: false });
        const decision = (mock.outcome ?? "approved").toUpperCase();
        const report = { requestId: callId, decision, reason: "", digest: "" };
        const decidedBy = call.approver || "an approver";
        this.#add(
          { kind: "approval_decided", stepIndex, report: { ...report, decidedBy } },
          mock,
          true,
        );
        return;
      }
      case "evaluate_action": {
        const decision = (mock.decision ?? "allow").toUpperCase();
        returned({ decision, riskLevel: "", reasons: [] }, true, true);
        return;
      }
      case "send_notification":
        returned({ notificationId: callId }, true);
        return;
      case "compensate_run":
        returned({ compensated: true });
        return;
      case "start_run": {
        const runId = `run of ${callId}`;
        returned({ runId });
        const { index, child } = call.parentStep;
        const facts = { stepIndex: index, attempt, child, runId, seq: 1, costUsd, undoing: "no" };
        const report = { ...facts, errorMessage: error ?? "", ...ended };
        this.#add({ kind: "child_ended", report } as BareInput, mock, true);
        return;
      }
      default:
        returned({});
    }
  }

  #report(index: number): void {
    const step = this.run.graph.steps[index];
    const row = this.run.rows.get(index);
    if (step === undefined || row?.state !== "WAITING") return;
    const party = partyOfStep(step);
    if (party !== "person" && party !== "event") return;
    const mock = this.#mockOf(index);
    const { output = {}, error } = mock;
    const attempt = row.retryCount + 1;
    const report =
      error === undefined
        ? stepReport(step.def.id, "COMPLETED", { attempt, output: party === "event" ? {} : output })
        : stepReport(step.def.id, "FAILED", { attempt, errorMessage: error });
    this.#add({ kind: "step_reported", report }, mock, true);
  }
}

it("a simulation ends, and comes to the states that the same answers give by another hand", () => {
  const ends = new Map<string, number>();
  for (let seed = 1; seed <= SEEDS; seed += 1) {
    const random = randomNumbers(seed);
    const spec = randomVersion(random);
    const graph = compileGraph(spec);
    const mocks = randomMocks(graph, random);
    expect(checkMocks(graph, mocks), `seed ${seed}`).toEqual([]);
    const { simulation } = simulate(spec, { input: RUN_INPUT, mocks, startMs: START_MS });
    if (simulation === undefined) throw new Error(`seed ${seed} was not played`);
    const name = simulation.outcome ?? simulation.end;
    ends.set(name, (ends.get(name) ?? 0) + 1);
    // Limits are for versions that are larger than these.
    expect(simulation.end, `seed ${seed}`).not.toBe("limit");
    for (const edge of simulation.edges)
      expect(edge.why === "", `seed ${seed}`).toBe(edge.state === "open");
    const hand = new Hand(graph, mocks);
    hand.play();
    const { run } = hand.run;
    const states = new Map(simulation.steps.map(({ stepId, state }) => [stepId, state]));
    const other = graph.steps.flatMap(({ def, index }) =>
      states.has(def.id) ? [[def.id, stateOfMark(run.stepMarks[index] ?? 0)] as const] : [],
    );
    expect([...states], `seed ${seed}`).toEqual(other);
    expect(simulation, `seed ${seed}`).toMatchObject({
      ...{ state: run.state, costUsd: run.totalCostUsd, endMs: hand.run.now },
    });
  }
  for (const outcome of ["SUCCEEDED", "FAILED", "COMPENSATED"]) {
    expect(ends.get(outcome) ?? 0, outcome).toBeGreaterThan(SEEDS / 100);
  }
});
