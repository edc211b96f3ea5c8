/** A payload of a run or a step: asked for when it is opened, and not before. */
import { useId, useState } from "react";
import { PayloadKind } from "../../../../gen/workflows/ops/v1/runs_pb.ts";
import { useCall } from "../../api/queries.ts";
import { ErrorNote } from "../../parts/error-note.tsx";
import { JsonView } from "../../parts/json-view.tsx";
import { Loading } from "../../parts/loading.tsx";

const WORDS = { input: "Input", output: "Output" } as const;
const KINDS = { input: PayloadKind.INPUT, output: PayloadKind.OUTPUT } as const;

/** `version` changes when the payload may have changed. */
export function Payload({
  runId,
  stepId,
  kind,
  version,
}: {
  readonly runId: string;
  /** Empty: of the run. */
  readonly stepId: string;
  readonly kind: keyof typeof KINDS;
  readonly version: number | string;
}) {
  const [isOpen, setIsOpen] = useState(false);
  const id = useId();
  return (
    <div className="payload">
      <button
        type="button"
        className="payload-open"
        aria-expanded={isOpen}
        aria-controls={id}
        onClick={() => setIsOpen(!isOpen)}
      >
        {WORDS[kind]}
      </button>
      {isOpen && (
        <div id={id}>
          <Content runId={runId} stepId={stepId} kind={kind} version={version} />
        </div>
      )}
    </div>
  );
}

function Content({
  runId,
  stepId,
  kind,
  version,
}: {
  readonly runId: string;
  readonly stepId: string;
  readonly kind: keyof typeof KINDS;
  readonly version: number | string;
}) {
  const payload = useCall(
    ["payload", runId, stepId, kind, version],
    ({ runs }, options) => runs.getPayload({ runId, stepId, kind: KINDS[kind] }, options),
    { isKept: true },
  );
  if (payload.data === undefined) {
    if (payload.isPending) return <Loading />;
    return <ErrorNote error={payload.error} onRetry={() => payload.refetch()} />;
  }
  const value = payload.data.payload;
  if (value === undefined) return <p className="run-hint">There is none.</p>;
  return <JsonView value={value} label={WORDS[kind]} />;
}
