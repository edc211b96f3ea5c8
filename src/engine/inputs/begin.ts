/** A run begins: RUNNING, its roots started. */

import type { Draft } from "../draft/draft.ts";
import { startStep } from "../flow/decide-edge.ts";
import type { Reply } from "../values/reply.ts";

/** The first move of a run; a run that has begun stays as it is. */
export function beginRun(draft: Draft): Reply {
  if (draft.run.state !== "PENDING") return { kind: "unchanged" };
  draft.run.startedAtMs = draft.nowMs;
  if (draft.graph.timeoutMs > 0) draft.run.deadlineAtMs = draft.nowMs + draft.graph.timeoutMs;
  draft.moveRun("RUNNING", "started");
  for (const root of draft.graph.roots) startStep(draft, root);
  return { kind: "applied" };
}
