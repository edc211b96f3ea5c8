/** What starts runs of a workflow beside people: the trigger of its version, schedules and endpoints; and what was missed. */
import type {
  GetVersionResponse,
  Workflow,
} from "../../../../../gen/workflows/ops/v1/workflows_pb.ts";
import { PlainText } from "../../plain-text.tsx";
import { Trigger, triggerDetail } from "../trigger.tsx";
import { Endpoints } from "./endpoints.tsx";
import { MissedTriggers } from "./missed.tsx";
import { Schedules } from "./schedules.tsx";
import "./triggers.css";

export function TriggersTab({
  workflow: { definition, pause },
  version,
}: {
  readonly workflow: Workflow;
  readonly version: GetVersionResponse | undefined;
}) {
  if (definition === undefined) return null;
  const trigger = version?.version?.trigger;
  return (
    <div className="triggers">
      {trigger !== undefined && (
        <section className="card" aria-label="Trigger of the version">
          <div className="card-head">
            <h2>Trigger of version {version?.version?.version}</h2>
          </div>
          <p className="card-body with-icon trigger-line">
            <Trigger type={trigger.triggerType} />
            <code>
              <PlainText most={500}>{triggerDetail(trigger)}</PlainText>
            </code>
            <span className="muted">It changes when another version is published.</span>
          </p>
        </section>
      )}
      <Schedules definition={definition} inputSchema={version?.inputSchema} />
      <Endpoints definition={definition} inputSchema={version?.inputSchema} />
      <MissedTriggers definition={definition} isPaused={pause !== undefined} />
    </div>
  );
}
