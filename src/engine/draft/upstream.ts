/** Finds the agent that acts behind a step: approvals and governance need the actor. Pure. */

import { STEP_FACTS } from "../steps/registry.ts";
import { EDGE_TAKEN } from "../values/run.ts";
import type { Draft } from "./draft.ts";

/** The step's own agent, else the nearest agent upstream along taken edges, else the run's initiator; "" when none. */
export function actingAgent(draft: Draft, index: number): string {
  const own = draft.step(index).def.agentId;
  if (own !== "") return own;
  const seen = new Set([index]);
  let level = [index];
  while (level.length > 0) {
    level = level.flatMap((at) => takenSources(draft, at)).filter((at) => !seen.has(at));
    for (const at of level) seen.add(at);
    const agents = level.filter(
      (at) => STEP_FACTS[draft.step(at).type].hasAgent && draft.marks.hasRow(at),
    );
    draft.rows.require(agents);
    const latest = agents
      .map((at) => draft.rows.peek(at))
      .filter((row) => row.agentId !== "")
      .sort((a, b) => (b.completedAtMs ?? 0) - (a.completedAtMs ?? 0))[0];
    if (latest !== undefined) return latest.agentId;
  }
  return draft.run.initiatorAgentId;
}

function takenSources(draft: Draft, index: number): number[] {
  return draft
    .step(index)
    .incoming.filter((edge) => draft.run.edgeMarks[edge] === EDGE_TAKEN)
    .flatMap((edge) => draft.graph.edges[edge]?.from ?? []);
}
