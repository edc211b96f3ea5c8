/** A run begins: RUNNING, its roots started; of a rerun what is reused is COMPLETED, and what follows started. */

import type { Draft } from "../draft/draft.ts";
import { beginReused } from "../flow/begin-reused.ts";
import { startStep } from "../flow/decide-edge.ts";
import type { Reply } from "../values/reply.ts";
import type { ReusedRows } from "../values/rerun.ts";

/** The first move of a run; a run that has begun stays as it is. */
export function beginRun(draft: Draft, reuse?: ReusedRows): Reply {
  if (draft.run.state !== "PENDING") return { kind: "unchanged" };
  draft.run.startedAtMs = draft.nowMs;
  if (draft.graph.timeoutMs > 0) draft.run.deadlineAtMs = draft.nowMs + draft.graph.timeoutMs;
  draft.moveRun("RUNNING", "started");
  if (reuse !== undefined) beginReused(draft, reuse);
  else for (const root of draft.graph.roots) startStep(draft, root);
  return { kind: "applied" };
}
