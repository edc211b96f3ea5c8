/** Reruns of runs in memory: planned, handed over and begun as the service does. */
import { planRerun, type RerunPlan, type RerunWish } from "../../../src/engine/flow/plan-rerun.ts";
import type { Graph } from "../../../src/engine/graph/graph.ts";
import type { Reply } from "../../../src/engine/values/reply.ts";
import type { BareInput } from "./engine-run.ts";
import { EngineRun } from "./engine-run.ts";

/** The plan of a run as it is now. */
export function planOf(
  { graph, run, rows }: EngineRun,
  wish: Partial<RerunWish> = {},
  by: Graph = graph,
): RerunPlan {
  const detailOf = (index: number) => rows.get(index)?.detail ?? {};
  return planRerun({ graph, run, detailOf }, by, { hasNewInput: false, ...wish });
}

/** The request that a plan makes of a run. */
export function orderOf({ run }: EngineRun, { seed }: RerunPlan): BareInput {
  const order = { seq: run.seq, versionId: "wfv_test", version: 1, seed, reason: "again" };
  return { kind: "rerun_requested", order };
}

/** Hands over what is reused, and begins the new run. */
export function rerun(
  old: EngineRun,
  plan: RerunPlan,
  by: Graph = old.graph,
): { reply: Reply; run: EngineRun } {
  const reply = old.put(orderOf(old, plan));
  const run = new EngineRun(
    by.spec,
    old.input,
    { id: "wfr_again", rerun: { of: old.run.id } },
    { now: old.now, graph: by },
  );
  run.lookups = old.lookups;
  run.put({ kind: "run_begun", reuse: { seed: plan.seed, rows: old.rows } });
  return { reply, run };
}
