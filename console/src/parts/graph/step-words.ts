/** Types and states of steps in words and icons. */
import {
  Bot,
  Boxes,
  GitBranch,
  Hourglass,
  Layers,
  type LucideIcon,
  MessageSquare,
  OctagonPause,
  RadioTower,
  Scale,
  Split,
  Stamp,
  UserRound,
  Wrench,
} from "lucide-react";
import {
  type StepDefinition,
  StepRunState,
  StepType,
} from "../../../../gen/workflows/v1/workflows_pb.ts";
import { type Look, lookOfStep } from "../state-badge.tsx";
import { childrenOf } from "./graph-model.ts";

/** An icon and the words beside it. */
interface Shown {
  readonly icon: LucideIcon;
  readonly word: string;
}

const TYPES: Readonly<Record<StepType, Shown>> = {
  [StepType.UNSPECIFIED]: { icon: Boxes, word: "Step" },
  [StepType.AGENT_ACTION]: { icon: Bot, word: "Agent" },
  [StepType.APPROVAL_GATE]: { icon: Stamp, word: "Approval" },
  [StepType.GOVERNANCE_CHECK]: { icon: Scale, word: "Governance check" },
  [StepType.WAIT_FOR_EVENT]: { icon: RadioTower, word: "Wait" },
  [StepType.BRANCH]: { icon: GitBranch, word: "Branch" },
  [StepType.PARALLEL]: { icon: Split, word: "Parallel" },
  [StepType.NOTIFICATION]: { icon: MessageSquare, word: "Notification" },
  [StepType.HUMAN_TASK]: { icon: UserRound, word: "Task" },
};

/** What kind of work a step is. */
export function typeShown(step: StepDefinition): Shown {
  const children = childrenOf(step);
  if (children === "each") return { icon: Layers, word: "Runs for each" };
  if (children === "one") return { icon: Boxes, word: "Run" };
  if (typeof step.config?.queue === "string") return { icon: Wrench, word: "Worker" };
  if (step.stepType === StepType.WAIT_FOR_EVENT && step.eventTypePattern === "") {
    return { icon: Hourglass, word: "Delay" };
  }
  return TYPES[step.stepType] ?? TYPES[StepType.UNSPECIFIED];
}

/** A held step has failed, and waits for an order. */
const HELD: Look = { word: "Held", tone: "bad", icon: OctagonPause };

/** How a step stands. */
export function stepLook(state: StepRunState | undefined, isHeld = false): Look {
  return isHeld ? HELD : lookOfStep(state ?? StepRunState.PENDING);
}
