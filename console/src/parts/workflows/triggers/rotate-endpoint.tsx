/** Gives an endpoint another URL; the one before works on for a while. */
import { useId, useState } from "react";
import type { Endpoint } from "../../../../../gen/workflows/ops/v1/endpoints_pb.ts";
import { useAct } from "../../../api/queries.ts";
import { ActionDialog } from "../../action-dialog.tsx";
import { withReason } from "../../cli-line.tsx";
import type { MadeUrl } from "./endpoint-words.ts";

const SECONDS_AN_HOUR = 3_600;
const MOST_HOURS = 720;

export function RotateEndpoint({
  endpoint: { id, name },
  onMade,
}: {
  readonly endpoint: Endpoint;
  readonly onMade: (made: MadeUrl) => void;
}) {
  const [hours, setHours] = useState("24");
  const field = useId();
  const count = /^\d{1,3}$/.test(hours) ? Number(hours) : MOST_HOURS + 1;
  const isReady = count <= MOST_HOURS;
  const rotate = useAct(
    ({ endpoints }, reason: string) =>
      endpoints.rotate({ id, graceSeconds: count * SECONDS_AN_HOUR, reason }),
    (made) => onMade({ ...made, secret: "" }),
  );
  return (
    <ActionDialog
      title="Give it another URL"
      trigger={
        <button type="button" aria-label={`Rotate the endpoint ${name}`}>
          Rotate
        </button>
      }
      reason="required"
      isReady={isReady}
      cli={(reason) => withReason(["endpoints", "rotate", id, "--grace", `${count}h`], reason)}
      act={(reason) => rotate.mutateAsync(reason)}
    >
      <p>The new URL is shown once. Its secret stays the same.</p>
      <div className="field">
        <label htmlFor={field}>How many hours the present URL works on</label>
        <input
          id={field}
          inputMode="numeric"
          value={hours}
          aria-invalid={!isReady}
          onChange={({ target }) => setHours(target.value)}
        />
        {isReady ? (
          count === 0 && <p className="muted">It stops to work at once.</p>
        ) : (
          <p className="fault">0 to {MOST_HOURS} hours</p>
        )}
      </div>
    </ActionDialog>
  );
}
