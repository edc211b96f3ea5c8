/** Moves of a run in words. Boundary: texts alone. */
import {
  type Cause,
  Cause_Kind,
  type StateChange,
} from "../../../../gen/workflows/ops/v1/runs_pb.ts";
import { StepRunState, WorkflowState } from "../../../../gen/workflows/v1/workflows_pb.ts";
import { actorWords, throughWords } from "../../api/names.ts";
import { stepLook } from "../../parts/graph/step-words.ts";
import { lookOfRun } from "../../parts/state-badge.tsx";

/** From where to where. */
export interface ChangeWords {
  /** Empty: the run itself. */
  readonly stepId: string;
  readonly from: string;
  readonly to: string;
  readonly toState: StepRunState | undefined;
  /** What else there is to say. */
  readonly note: string;
}

const NOTES: Readonly<Record<string, string>> = {
  ignored: "a report that came too late",
  recorded: "an id was recorded",
  escalated: "asked the next one",
  held: "failed, and waits for an order",
  reused: "output of the run before it",
  retrying: "another attempt follows",
};

/** One change. */
export function changeWords(change: StateChange): ChangeWords {
  const { stepId, runFrom, runTo, stepFrom, stepTo, note, operation, reason } = change;
  const said = [NOTES[note] ?? note, operation === "retrying" ? NOTES.retrying : "", reason];
  const isRun = stepId === "";
  return {
    stepId,
    from: isRun ? runWord(runFrom) : stepWord(stepFrom),
    to: isRun ? runWord(runTo) : stepWord(stepTo, note === "held"),
    toState: isRun ? undefined : stepTo,
    note: said.filter((text) => text !== undefined && text !== "").join("; "),
  };
}

/** Who or what made a move, through what. The reason is beside it. */
export function causeWords(cause: Cause | undefined): string {
  if (cause === undefined) return "";
  const { kind, id, actor, via } = cause;
  const through = throughWords(via);
  switch (kind) {
    case Cause_Kind.RPC:
      return `${actor === "" ? "a caller" : actorWords(actor)}: ${id}${through}`;
    case Cause_Kind.EVENT:
      return `event ${id}${actor === "" ? "" : `, by ${actorWords(actor)}${through}`}`;
    case Cause_Kind.CALL:
      return `answer to the call ${id}`;
    case Cause_Kind.TIMER:
      return `timer ${id}`;
    case Cause_Kind.ENGINE:
      return `the service itself${id === "" ? "" : ` (${id})`}`;
    default:
      return id;
  }
}

function stepWord(state: StepRunState, isHeld = false): string {
  return state === StepRunState.UNSPECIFIED ? "" : stepLook(state, isHeld).word.toLowerCase();
}

function runWord(state: WorkflowState): string {
  return state === WorkflowState.UNSPECIFIED ? "" : lookOfRun(state).word.toLowerCase();
}
