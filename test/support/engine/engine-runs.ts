/**
 * Runs in memory that start, end and compensate one another, as src/runtime/own-submissions.ts has them do.
 * Boundary: each run is an EngineRun of its own; what one asks of another goes by way of carryOut alone.
 */
import type { CallResult, StartRun } from "../../../src/engine/values/call.ts";
import type { Move } from "../../../src/engine/values/move.ts";
import type { Reply } from "../../../src/engine/values/reply.ts";
import type { OwnCall } from "../scenarios/scenario-cast.ts";
import type { OtherVersions } from "../scenarios/scenario-file.ts";
import type { MadeCall } from "../scenarios/scenario-happening.ts";
import { type BareInput, EngineRun } from "./engine-run.ts";

/** The first run and its children; all have the first one's clock. */
export class EngineRuns {
  readonly #others: OtherVersions;
  readonly #runs = new Map<string, EngineRun>();
  /** The child that a start began: done twice it is done once. */
  readonly #started = new Map<string, string>();
  readonly #movesTaken = new Map<string, number>();
  readonly #callsTaken = new Set<string>();

  constructor(others: OtherVersions) {
    this.#others = others;
  }

  /** Puts a run on the stage and begins it. */
  begin(run: EngineRun): Reply {
    this.#runs.set(run.run.id, run);
    return run.put({ kind: "run_begun" });
  }

  get(runId: string): EngineRun {
    const run = this.#runs.get(runId);
    if (run === undefined) throw new Error(`there is no run ${runId}`);
    return run;
  }

  advance(ms: number): void {
    for (const run of this.#runs.values()) run.now += ms;
  }

  takeMoves(runId: string): Move[] {
    const { history } = this.get(runId);
    const rows = history.slice(this.#movesTaken.get(runId) ?? 0);
    this.#movesTaken.set(runId, history.length);
    return rows.flatMap((row) => row.moves);
  }

  takeCalls(): MadeCall[] {
    const made = [...this.#runs.values()].flatMap(({ openCalls }) => [...openCalls.values()]);
    const news = made.filter(({ id }) => !this.#callsTaken.has(id));
    for (const { id } of news) this.#callsTaken.add(id);
    return news;
  }

  carryOut({ callId, call }: OwnCall): CallResult {
    const { kind } = call;
    switch (kind) {
      case "start_run":
        return this.#startChild(callId, call);
      case "cancel_run":
        this.#putTo(call.runId, { kind: "cancel_requested", reason: call.reason });
        return { ok: true, value: { kind } };
      case "compensate_run": {
        const { runId, reason } = call;
        const reply = this.#putTo(runId, { kind: "compensate_requested", reason, byParent: true });
        const left = reply?.kind === "unchanged" ? reply.nothingLeft : undefined;
        const compensated = reply === undefined || left !== undefined;
        return { ok: true, value: { kind, compensated, ...left } };
      }
      case "tell_parent":
        this.#putTo(call.parentRunId, { kind: "child_ended", report: call.report });
        return { ok: true, value: { kind } };
    }
  }

  #putTo(runId: string, input: BareInput): Reply | undefined {
    return this.#runs.get(runId)?.put(input);
  }

  #startChild(callId: string, call: StartRun): CallResult {
    const known = this.#started.get(callId);
    if (known !== undefined) return { ok: true, value: { kind: "start_run", runId: known } };
    const spec = this.#others.get(call.name);
    if (spec === undefined) {
      return { ok: false, message: `there is no workflow named ${call.name}` };
    }
    const { triggerType } = spec.trigger;
    if (triggerType !== "WORKFLOW") {
      const how = `is started by a ${triggerType} trigger, not by another workflow`;
      return { ok: false, message: `the workflow named ${call.name} ${how}` };
    }
    const { parentRunId, parentStep, entityId, entityType, hops, initiatorAgentId } = call;
    // No id of a run begins another one's: a transcript has names in their places.
    const id = `wfr_child_${this.#started.size}_`;
    const facts = { parentRunId, parentStep, entityId, entityType, hops, initiatorAgentId };
    const now = this.get(parentRunId).now;
    const more = { id, triggerType, triggerEventId: callId } as const;
    this.begin(new EngineRun(spec, call.input, { ...facts, ...more }, { now }));
    this.#started.set(callId, id);
    return { ok: true, value: { kind: "start_run", runId: id } };
  }
}
