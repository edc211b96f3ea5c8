/**
 * Runs.Explain of workflows.ops.v1: why a run stands where it stands.
 * Boundary: reads. The facts are run-facts.ts, the reasons reasons.ts and run-reasons.ts.
 */
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import {
  EdgeState,
  type ExplainRequest,
  ExplainRequestSchema,
  ReasonCode,
  RunVerdict,
  type WaitReason,
} from "../../../../gen/workflows/ops/v1/runs_pb.ts";
import { PRODUCTION } from "../../../engine/values/environment.ts";
import {
  EDGE_DEAD,
  EDGE_OPEN,
  EDGE_TAKEN,
  isFinalRun,
  type Run,
} from "../../../engine/values/run.ts";
import type { ReplicaView } from "../../../runtime/replica-view.ts";
import { checkFields } from "../fields.ts";
import type { ReadDeps } from "../service-deps.ts";
import { starterKindOf } from "../starter-messages.ts";
import { at } from "./reason.ts";
import { stepReasons } from "./reasons.ts";
import { readRunFacts } from "./run-facts.ts";
import { endedWords, runReasons } from "./run-reasons.ts";

const WAITS_AT_MOST = 200;

/** Explain, with what this replica knows by its memory. */
export function explainWith(replica: ReplicaView | undefined) {
  return async (deps: ReadDeps, request: ExplainRequest) => {
    const faults = checkFields(ExplainRequestSchema, request);
    faults.require("run_id", request.runId);
    faults.refuseIfAny();
    const facts = await readRunFacts(deps, replica, request.runId);
    const { run, graph, nowMs } = facts;
    const ofSteps = stepReasons(facts);
    const waits = [
      ...(isFinalRun(run.state) ? [] : runReasons(facts)),
      ...mostUrgentFirst(ofSteps.waits),
    ];
    const verdict = verdictOf(run, waits);
    const explanation = {
      verdict,
      sentence: sentenceOf(run, verdict, waits, endedWords(facts)),
      waits: waits.slice(0, WAITS_AT_MOST),
      moreWaits: Math.max(0, waits.length - WAITS_AT_MOST) + ofSteps.more,
      computedAt: timestampFromMs(nowMs),
      environment: run.environment ?? PRODUCTION,
      starterKind: starterKindOf(run),
      edges: graph.edges.map(({ index }) => edgeStateOf(run.edgeMarks[index] ?? EDGE_OPEN)),
    };
    return { explanation };
  };
}

/** What somebody has to mend. */
const TO_MEND: ReadonlySet<ReasonCode> = new Set([
  ...[ReasonCode.HELD, ReasonCode.DEAD_LETTER, ReasonCode.NOT_CONFIGURED, ReasonCode.NO_AGENT],
  ...[ReasonCode.BREAKER_OPEN, ReasonCode.COLLABORATOR_AWAY],
  ...[ReasonCode.WORKER_LOST, ReasonCode.QUEUE_UNSERVED],
]);

/** A step that waits for its own steps says nothing that those do not. The sort is stable. */
function mostUrgentFirst(waits: readonly WaitReason[]): WaitReason[] {
  const rank = ({ code }: WaitReason) => {
    if (TO_MEND.has(code)) return 0;
    return code === ReasonCode.STEPS ? 2 : 1;
  };
  return [...waits].sort((a, b) => rank(a) - rank(b));
}

function edgeStateOf(mark: number): EdgeState {
  if (mark === EDGE_TAKEN) return EdgeState.TAKEN;
  return mark === EDGE_DEAD ? EdgeState.DEAD : EdgeState.OPEN;
}

function verdictOf({ state, pending }: Run, waits: readonly WaitReason[]): RunVerdict {
  if (isFinalRun(state)) return RunVerdict.ENDED;
  if (state === "PAUSED") return RunVerdict.HELD;
  const isMoving = waits.length === 0 || waits.some(({ code }) => code === ReasonCode.CALL);
  return isMoving || pending.length > 0 ? RunVerdict.MOVING : RunVerdict.WAITING;
}

function sentenceOf(
  run: Run,
  verdict: RunVerdict,
  waits: readonly WaitReason[],
  ended: string,
): string {
  const [first] = waits;
  const others = waits.length - 1;
  const reasons = others === 1 ? "reason" : "reasons";
  const more = others > 0 ? ` (and ${others} more ${reasons})` : "";
  const said = first === undefined ? ended : `${first.sentence}${more}`;
  const why = said === "" ? "" : `: ${said}`;
  if (verdict === RunVerdict.ENDED) {
    const since = run.completedAtMs === undefined ? "" : ` since ${at(run.completedAtMs)}`;
    return `The run is ${run.state}${since}${why}.`;
  }
  const goes = verdict === RunVerdict.MOVING ? " and moves" : "";
  return `The run is ${run.state}${goes}${why}.`;
}
