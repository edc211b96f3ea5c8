/**
 * A run begins: RUNNING, its roots started; of a rerun what is reused is COMPLETED, and what follows started.
 * Or it is accepted and waits: PENDING, until a run of its key has ended (runtime/run-limits.ts).
 */

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

/** Accepts a run that does not begin yet. The history has who started it. */
export function queueRun(draft: Draft): Reply {
  if (draft.run.state !== "PENDING" || draft.run.seq > 0) return { kind: "unchanged" };
  draft.noteRun("it waits: the workflow has as many open runs as it may");
  return { kind: "applied" };
}
