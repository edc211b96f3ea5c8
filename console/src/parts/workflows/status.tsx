/** The status of a workflow as icon and word, and what its version contains. */
import {
  Archive,
  Bot,
  CircleCheck,
  CircleDashed,
  CirclePause,
  CircleX,
  Hourglass,
  type LucideIcon,
  PencilLine,
  Plug,
  Sparkles,
  Stamp,
} from "lucide-react";
import {
  type Contains,
  WorkflowStatus,
} from "../../../../gen/workflows/ops/v1/workflow_facts_pb.ts";
import { Badge } from "../badge.tsx";
import type { Look } from "../state-badge.tsx";

const UNKNOWN: Look = { word: "Unknown", tone: "idle", icon: CircleDashed };

const LOOKS: Readonly<Record<WorkflowStatus, Look>> = {
  [WorkflowStatus.UNSPECIFIED]: UNKNOWN,
  [WorkflowStatus.DRAFT]: { word: "Draft", tone: "idle", icon: PencilLine },
  [WorkflowStatus.DEPLOYED]: { word: "Deployed", tone: "ok", icon: CircleCheck },
  [WorkflowStatus.PAUSED]: { word: "Paused", tone: "warn", icon: CirclePause },
  [WorkflowStatus.PENDING_APPROVAL]: { word: "Waits for approval", tone: "warn", icon: Hourglass },
  [WorkflowStatus.FAILED]: { word: "Cannot work", tone: "bad", icon: CircleX },
  [WorkflowStatus.ARCHIVED]: { word: "Archived", tone: "idle", icon: Archive },
};

/** The look of a status; one that this page does not know is "Unknown". */
export const lookOfStatus = (status: WorkflowStatus): Look => LOOKS[status] ?? UNKNOWN;

export function StatusBadge({ status }: { readonly status: WorkflowStatus }) {
  const { word, tone, icon } = lookOfStatus(status);
  return (
    <Badge tone={tone} icon={icon}>
      {word}
    </Badge>
  );
}

/** What a version may contain, in the order of the lists. */
export const FLAGS = [
  { name: "agent", word: "Agents", icon: Bot },
  { name: "mcp", word: "MCP tools", icon: Plug },
  { name: "skill", word: "Skills", icon: Sparkles },
  { name: "approval", word: "Approvals", icon: Stamp },
] as const satisfies readonly { name: keyof Contains; word: string; icon: LucideIcon }[];

/** Icons with their words for readers of screens; nothing where there is none. */
export function Flags({ contains }: { readonly contains: Contains | undefined }) {
  const shown = FLAGS.filter(({ name }) => contains?.[name]);
  if (shown.length === 0) return null;
  return (
    <span className="flags">
      {shown.map(({ name, word, icon: Icon }) => (
        <span key={name} title={word}>
          <Icon size={14} aria-hidden="true" />
          <span className="spoken">{word}</span>
        </span>
      ))}
    </span>
  );
}
