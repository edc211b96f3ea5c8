/** The schedules of a workflow: when each starts runs, in words and times, and what its last slots did. */
import type { JsonObject } from "@bufbuild/protobuf";
import { CirclePause, History } from "lucide-react";
import { Link } from "wouter";
import type { Schedule, ScheduleSlot } from "../../../../../gen/workflows/ops/v1/schedules_pb.ts";
import type { WorkflowDefinition } from "../../../../../gen/workflows/v1/workflows_pb.ts";
import { useApi } from "../../../api/api.tsx";
import { useCall } from "../../../api/queries.ts";
import { useRights } from "../../../api/rights.ts";
import { paths } from "../../../paths.ts";
import { Badge } from "../../badge.tsx";
import { shortId } from "../../copy.tsx";
import { Empty } from "../../empty.tsx";
import { ErrorNote } from "../../error-note.tsx";
import { Loading } from "../../loading.tsx";
import { PlainText } from "../../plain-text.tsx";
import { RelativeTime } from "../../relative-time.tsx";
import { runAsText } from "./run-as.ts";
import { ScheduleActions } from "./schedule-actions.tsx";
import { EditSchedule } from "./schedule-form.tsx";

const SERVICE = "workflows.ops.v1.Schedules";
const SHOWN = 100;
const NEXT_SHOWN = 3;
const EVERY_MS = 10_000;

export function Schedules({
  definition,
  inputSchema,
}: {
  readonly definition: WorkflowDefinition;
  readonly inputSchema: JsonObject | undefined;
}) {
  const { may } = useRights();
  const { workspaceId } = useApi();
  const { id: definitionId, name } = definition;
  const found = useCall(
    ["schedules", workspaceId, definitionId],
    ({ schedules }, options) =>
      schedules.list({ workspaceId, definitionId, pageSize: SHOWN }, options),
    { everyMs: EVERY_MS },
  );
  const schedules = found.data?.schedules ?? [];
  return (
    <section className="card" aria-label="Schedules">
      <div className="card-head">
        <h2>Schedules</h2>
        {may(`${SERVICE}/Create`) && (
          <EditSchedule definition={definition} inputSchema={inputSchema} />
        )}
      </div>
      {found.data === undefined ? (
        found.isPending ? (
          <Loading rows={2} />
        ) : (
          <ErrorNote error={found.error} onRetry={found.refetch} />
        )
      ) : schedules.length === 0 ? (
        <Empty
          title="It has no schedule"
          hint="A schedule starts runs at times, beside the trigger of the version."
          cli={["schedules", "create", name, "--cron", "weekdays"]}
        />
      ) : (
        <ul className="schedules">
          {schedules.map((schedule) => (
            <Row
              key={schedule.id}
              schedule={schedule}
              definition={definition}
              inputSchema={inputSchema}
            />
          ))}
        </ul>
      )}
    </section>
  );
}

function Row({
  schedule,
  definition,
  inputSchema,
}: {
  readonly schedule: Schedule;
  readonly definition: WorkflowDefinition;
  readonly inputSchema: JsonObject | undefined;
}) {
  const { may } = useRights();
  const { spec, words, paused, readOnly, next, last, environment, changeReason } = schedule;
  const whom = runAsText(spec?.runAs);
  const isElsewhere = environment !== "" && environment !== "production";
  return (
    <li>
      <div className="schedule-words">
        <strong>
          <PlainText most={200}>{words || spec?.line || "At no time"}</PlainText>
        </strong>
        {spec !== undefined && spec.name !== "" && (
          <span className="muted">
            <PlainText most={200}>{spec.name}</PlainText>
          </span>
        )}
        <code className="muted">
          <PlainText most={200}>{spec?.line ?? ""}</PlainText>
        </code>
        {whom !== "" && (
          <span className="muted">
            for <PlainText most={200}>{whom}</PlainText>
          </span>
        )}
        {isElsewhere && <Badge tone="info">{environment}</Badge>}
        {readOnly && <Badge tone="idle">Trigger of the version</Badge>}
        {paused && (
          <Badge tone="warn" icon={CirclePause}>
            Paused
          </Badge>
        )}
      </div>
      <div className="schedule-times">
        {next.length > 0 ? (
          <span>
            Next{" "}
            {next.slice(0, NEXT_SHOWN).map((at, place) => (
              // biome-ignore lint/suspicious/noArrayIndexKey: times of one list have no other name.
              <span key={place}>
                {place > 0 && ", "}
                <RelativeTime at={at} />
              </span>
            ))}
          </span>
        ) : (
          <span className="muted">
            {paused ? "Nothing until it is resumed" : "No further time"}
            {paused && changeReason !== "" && (
              <>
                : <PlainText most={300}>{changeReason}</PlainText>
              </>
            )}
          </span>
        )}
        <LastSlots slots={last} />
      </div>
      {!readOnly && (
        <div className="row-actions">
          <ScheduleActions schedule={schedule} />
          {may(`${SERVICE}/Update`) && (
            <EditSchedule definition={definition} inputSchema={inputSchema} schedule={schedule} />
          )}
        </div>
      )}
    </li>
  );
}

/** What the last slots started, newest first. */
function LastSlots({ slots }: { readonly slots: readonly ScheduleSlot[] }) {
  const [newest, ...earlier] = slots;
  if (newest === undefined) return null;
  return (
    <details className="schedule-slots">
      <summary>
        <History size={13} aria-hidden="true" /> Last <RelativeTime at={newest.at} />
      </summary>
      <ul>
        {[newest, ...earlier].map((slot, place) => (
          // biome-ignore lint/suspicious/noArrayIndexKey: slots of one list have no other name.
          <li key={place}>
            <RelativeTime at={slot.at} />{" "}
            {slot.runId === "" ? (
              <span className="muted">
                started none: <PlainText most={200}>{slot.skipped}</PlainText>
              </span>
            ) : (
              <Link href={paths.run(slot.runId)}>{shortId(slot.runId)}</Link>
            )}
          </li>
        ))}
      </ul>
    </details>
  );
}
