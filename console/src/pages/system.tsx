/** System: what is wrong, who works, and what was put aside. */
import { useApi } from "../api/api.tsx";
import { useCall } from "../api/queries.ts";
import { CliLine } from "../parts/cli-line.tsx";
import { LiveNote } from "../parts/live-note.tsx";
import { PageHead } from "../parts/page-head.tsx";
import { CheckState } from "../parts/state-badge.tsx";
import { Checks } from "../parts/system/checks.tsx";
import { Collaborators } from "../parts/system/collaborators.tsx";
import { Letters, useLetters } from "../parts/system/letters.tsx";
import { Workers } from "../parts/system/workers.tsx";
import { Tabs } from "../parts/tabs.tsx";
import "../styles/system.css";

const EVERY_MS = 10_000;

export default function SystemPage() {
  const { workspaceId } = useApi();
  const doctor = useCall(
    ["doctor", workspaceId],
    ({ system }, options) => system.doctor({ workspaceId }, options),
    { everyMs: EVERY_MS },
  );
  const letters = useLetters();
  const isAsked = doctor.dataUpdatedAt > 0;
  return (
    <>
      <PageHead title="System" aside={<CliLine args={["doctor"]} />}>
        {doctor.data && <CheckState status={doctor.data.status} />}
        {isAsked && <LiveNote isLive={false} asOf={new Date(doctor.dataUpdatedAt)} />}
      </PageHead>
      <Tabs
        label="About the service"
        tabs={[
          {
            id: "doctor",
            label: "Doctor",
            content: <Checks {...doctor} checks={doctor.data?.checks} />,
          },
          { id: "workers", label: "Queues and workers", content: <Workers /> },
          {
            id: "dead-letters",
            label: "Dead letters",
            count: letters.data?.totalSize,
            content: <Letters />,
          },
          { id: "collaborators", label: "Collaborators", content: <Collaborators /> },
        ]}
      />
    </>
  );
}
