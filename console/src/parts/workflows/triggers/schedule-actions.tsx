/** What can be done with a schedule: it is run now, paused, resumed, run for times that are over, deleted. */
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import { useId, useState } from "react";
import { useLocation } from "wouter";
import type { Schedule } from "../../../../../gen/workflows/ops/v1/schedules_pb.ts";
import { useAct } from "../../../api/queries.ts";
import { useRights } from "../../../api/rights.ts";
import { paths } from "../../../paths.ts";
import { ActionDialog } from "../../action-dialog.tsx";
import { withReason } from "../../cli-line.tsx";
import { useZone } from "../../zone.tsx";
import { msOfField } from "./time-field.ts";

const SERVICE = "workflows.ops.v1.Schedules";

/** Buttons; those that the caller may not press are not there. */
export function ScheduleActions({ schedule }: { readonly schedule: Schedule }) {
  const { may } = useRights();
  const { id, paused } = schedule;
  return (
    <>
      {may(`${SERVICE}/RunNow`) && <RunNow id={id} />}
      {paused
        ? may(`${SERVICE}/Resume`) && <Resume id={id} />
        : may(`${SERVICE}/Pause`) && <Pause id={id} />}
      {may(`${SERVICE}/Backfill`) && <Backfill id={id} />}
      {may(`${SERVICE}/Delete`) && <Delete schedule={schedule} />}
    </>
  );
}

interface Props {
  readonly id: string;
}

function RunNow({ id }: Props) {
  const [, go] = useLocation();
  const run = useAct(
    ({ schedules }, reason: string) => schedules.runNow({ id, reason }),
    ({ runId }) => go(paths.run(runId)),
  );
  return (
    <ActionDialog
      title="Run it now"
      trigger={<button type="button">Run now</button>}
      reason="optional"
      cli={(reason) => withReason(["schedules", "run", id], reason)}
      act={(reason) => run.mutateAsync(reason)}
    >
      <p>One run starts now, with the input of the schedule. Its times stay as they are.</p>
    </ActionDialog>
  );
}

function Pause({ id }: Props) {
  const pause = useAct(({ schedules }, reason: string) => schedules.pause({ id, reason }));
  return (
    <ActionDialog
      title="Pause the schedule"
      trigger={<button type="button">Pause</button>}
      reason="optional"
      cli={(reason) => withReason(["schedules", "pause", id], reason)}
      act={(reason) => pause.mutateAsync(reason)}
    >
      <p>It starts nothing until it is resumed. Times that pass meanwhile do not run.</p>
    </ActionDialog>
  );
}

function Resume({ id }: Props) {
  const resume = useAct(({ schedules }, reason: string) => schedules.resume({ id, reason }));
  return (
    <ActionDialog
      title="Resume the schedule"
      trigger={<button type="button">Resume</button>}
      reason="optional"
      cli={(reason) => withReason(["schedules", "resume", id], reason)}
      act={(reason) => resume.mutateAsync(reason)}
    >
      <p>It goes on with the next time from now.</p>
    </ActionDialog>
  );
}

function Backfill({ id }: Props) {
  const { zone } = useZone();
  const [typed, setTyped] = useState({ from: "", to: "" });
  const ids = { from: useId(), to: useId() };
  const [from, to] = [msOfField(typed.from, zone), msOfField(typed.to, zone)];
  const isReady = from !== undefined && to !== undefined && from < to && to <= Date.now();
  const backfill = useAct(({ schedules }, reason: string) =>
    schedules.backfill({
      ...{ id, reason },
      ...{ from: timestampFromMs(from ?? 0), to: timestampFromMs(to ?? 0) },
    }),
  );
  const text = (ms: number | undefined) => (ms === undefined ? "" : new Date(ms).toISOString());
  return (
    <ActionDialog
      title="Run times that are over"
      trigger={<button type="button">Backfill</button>}
      reason="required"
      isReady={isReady}
      cli={(reason) =>
        withReason(["schedules", "backfill", id, "--from", text(from), "--to", text(to)], reason)
      }
      act={(reason) => backfill.mutateAsync(reason)}
    >
      <p>Each time of the schedule in between starts one run, unless it has run. 1,000 at most.</p>
      {(["from", "to"] as const).map((end) => (
        <div className="field" key={end}>
          <label htmlFor={ids[end]}>
            {end === "from" ? "From" : "Before"}{" "}
            <span className="muted">({zone === "utc" ? "UTC" : "local time"})</span>
          </label>
          <input
            id={ids[end]}
            type="datetime-local"
            value={typed[end]}
            onChange={({ target }) => setTyped({ ...typed, [end]: target.value })}
          />
        </div>
      ))}
      {typed.from !== "" && typed.to !== "" && !isReady && (
        <p className="fault">The beginning must be before the end, and both be over</p>
      )}
    </ActionDialog>
  );
}

function Delete({ schedule: { id, etag } }: { readonly schedule: Schedule }) {
  const remove = useAct(({ schedules }, reason: string) => schedules.delete({ id, etag, reason }));
  return (
    <ActionDialog
      title="Delete the schedule"
      trigger={
        <button type="button" className="danger">
          Delete
        </button>
      }
      isDestructive
      reason="required"
      cli={(reason) => withReason(["schedules", "delete", id], reason)}
      act={(reason) => remove.mutateAsync(reason)}
    >
      <p>It starts nothing any more. Runs that it started go on.</p>
    </ActionDialog>
  );
}
