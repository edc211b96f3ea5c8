/** The states of runs, steps and checks as icon and word. */
import {
  Ban,
  CircleCheck,
  CircleDashed,
  CirclePause,
  CirclePlay,
  CircleX,
  Hourglass,
  type LucideIcon,
  SkipForward,
  TriangleAlert,
  Undo2,
} from "lucide-react";
import { CheckStatus } from "../../../gen/workflows/ops/v1/system_pb.ts";
import { StepRunState, WorkflowState } from "../../../gen/workflows/v1/workflows_pb.ts";
import { Badge, type Tone } from "./badge.tsx";

/** How a state looks. */
export interface Look {
  readonly word: string;
  readonly tone: Tone;
  readonly icon: LucideIcon;
}

const UNKNOWN: Look = { word: "Unknown", tone: "idle", icon: CircleDashed };

const RUNS: Readonly<Record<WorkflowState, Look>> = {
  [WorkflowState.UNSPECIFIED]: UNKNOWN,
  [WorkflowState.PENDING]: { word: "Pending", tone: "idle", icon: CircleDashed },
  [WorkflowState.RUNNING]: { word: "Running", tone: "info", icon: CirclePlay },
  [WorkflowState.PAUSED]: { word: "Paused", tone: "warn", icon: CirclePause },
  [WorkflowState.COMPENSATING]: { word: "Compensating", tone: "warn", icon: Undo2 },
  [WorkflowState.COMPLETED]: { word: "Completed", tone: "ok", icon: CircleCheck },
  [WorkflowState.FAILED]: { word: "Failed", tone: "bad", icon: CircleX },
  [WorkflowState.CANCELLED]: { word: "Cancelled", tone: "idle", icon: Ban },
};

const STEPS: Readonly<Record<StepRunState, Look>> = {
  [StepRunState.UNSPECIFIED]: UNKNOWN,
  [StepRunState.PENDING]: { word: "Pending", tone: "idle", icon: CircleDashed },
  [StepRunState.RUNNING]: { word: "Running", tone: "info", icon: CirclePlay },
  [StepRunState.WAITING]: { word: "Waiting", tone: "warn", icon: Hourglass },
  [StepRunState.COMPLETED]: { word: "Completed", tone: "ok", icon: CircleCheck },
  [StepRunState.FAILED]: { word: "Failed", tone: "bad", icon: CircleX },
  [StepRunState.SKIPPED]: { word: "Skipped", tone: "idle", icon: SkipForward },
  [StepRunState.COMPENSATED]: { word: "Compensated", tone: "warn", icon: Undo2 },
  [StepRunState.CANCELLED]: { word: "Cancelled", tone: "idle", icon: Ban },
};

const CHECKS: Readonly<Record<CheckStatus, Look>> = {
  [CheckStatus.UNSPECIFIED]: UNKNOWN,
  [CheckStatus.OK]: { word: "OK", tone: "ok", icon: CircleCheck },
  [CheckStatus.WARN]: { word: "Warning", tone: "warn", icon: TriangleAlert },
  [CheckStatus.FAIL]: { word: "Failing", tone: "bad", icon: CircleX },
};

/** The look of a run's state; one that this page does not know is "Unknown". */
export const lookOfRun = (state: WorkflowState): Look => RUNS[state] ?? UNKNOWN;
/** The look of a step's state. */
export const lookOfStep = (state: StepRunState): Look => STEPS[state] ?? UNKNOWN;
/** The look of a check of Doctor. */
const lookOfCheck = (status: CheckStatus): Look => CHECKS[status] ?? UNKNOWN;

function LookBadge({ word, tone, icon }: Look) {
  return (
    <Badge tone={tone} icon={icon}>
      {word}
    </Badge>
  );
}

export function RunState({ state }: { readonly state: WorkflowState }) {
  return <LookBadge {...lookOfRun(state)} />;
}

export function StepState({ state }: { readonly state: StepRunState }) {
  return <LookBadge {...lookOfStep(state)} />;
}

export function CheckState({ status }: { readonly status: CheckStatus }) {
  return <LookBadge {...lookOfCheck(status)} />;
}
