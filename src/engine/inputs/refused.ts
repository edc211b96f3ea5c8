/** The answer to a lifecycle request that the run's state refuses. */
import type { Reply } from "../values/reply.ts";
import type { RunState } from "../values/run.ts";

/** A refusal. */
export type Refused = Extract<Reply, { kind: "refused" }>;

/** The message names both states and the request. */
export function refuseMove(what: string, from: RunState, to: RunState): Refused {
  const message = `cannot ${what} a run that is ${from}`;
  return { kind: "refused", reason: "illegal_move", from, to, message };
}
