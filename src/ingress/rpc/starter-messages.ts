/** Starters as messages of lists. Boundary: rows to workflows.ops.v1.Starter. */
import { StarterKind } from "../../../gen/workflows/ops/v1/starters_pb.ts";
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
