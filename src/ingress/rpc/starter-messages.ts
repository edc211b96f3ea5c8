/** Starters as messages of lists, and what started a run. Boundary: pure. */
import { StarterKind } from "../../../gen/workflows/ops/v1/starters_pb.ts";
import type { Run } from "../../engine/values/run.ts";
import type { StarterHead } from "../../store/reads/starter-heads.ts";
import { triggerIdOf } from "./schedule-messages.ts";

const KINDS = {
  trigger: StarterKind.TRIGGER,
  schedule: StarterKind.SCHEDULE,
  endpoint: StarterKind.ENDPOINT,
} as const;

/** workflows.ops.v1.Starter */
export function starterMessage({ kind, id, line, isPaused: paused }: StarterHead) {
  return { kind: KINDS[kind], id: kind === "trigger" ? triggerIdOf(id) : id, line, paused };
}

/** Ids of starts by schedules: of a slot, and of a run at a caller's wish (runtime/schedule-starts.ts). */
const OWN_SCHEDULE = /^(schedule:wsc_|run-now:)/;

/** What started a run. A rerun tells of the run that it reruns, but for who called. */
export function starterKindOf(run: Run): StarterKind {
  const { parentStep, startedBy, triggerType, triggerEventId, triggerSource } = run;
  if (parentStep !== undefined) return StarterKind.WORKFLOW;
  if (startedBy !== undefined) return StarterKind.API;
  if (triggerSource.startsWith("endpoint:")) return StarterKind.ENDPOINT;
  if (triggerType === "MANUAL" || triggerType === "WORKFLOW") return StarterKind.MANUAL;
  const isOwn = triggerSource === "workflows" && OWN_SCHEDULE.test(triggerEventId);
  return isOwn ? StarterKind.SCHEDULE : StarterKind.TRIGGER;
}
