/** Where a deployment stands, as icon and word. */
import { Archive, CircleCheck, CircleDashed, CircleX, History, Hourglass } from "lucide-react";
import { DeploymentState } from "../../../../../gen/workflows/ops/v1/deployments_pb.ts";
import { Badge } from "../../badge.tsx";
import type { Look } from "../../state-badge.tsx";

const UNKNOWN: Look = { word: "Unknown", tone: "idle", icon: CircleDashed };
const LOOKS: Readonly<Record<DeploymentState, Look>> = {
  [DeploymentState.UNSPECIFIED]: UNKNOWN,
  [DeploymentState.PENDING_APPROVAL]: { word: "Waits for approval", tone: "warn", icon: Hourglass },
  [DeploymentState.ACTIVE]: { word: "Active", tone: "ok", icon: CircleCheck },
  [DeploymentState.REJECTED]: { word: "Rejected", tone: "bad", icon: CircleX },
  [DeploymentState.SUPERSEDED]: { word: "Superseded", tone: "idle", icon: History },
  [DeploymentState.RETIRED]: { word: "Retired", tone: "idle", icon: Archive },
};

export function DeploymentBadge({ state }: { readonly state: DeploymentState }) {
  const { word, tone, icon } = LOOKS[state] ?? UNKNOWN;
  return (
    <Badge tone={tone} icon={icon}>
      {word}
    </Badge>
  );
}
