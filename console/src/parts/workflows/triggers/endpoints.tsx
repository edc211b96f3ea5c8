/** The endpoints of a workflow: URLs to which others post what starts runs. */
import type { JsonObject } from "@bufbuild/protobuf";
import { useState } from "react";
import type { Endpoint } from "../../../../../gen/workflows/ops/v1/endpoints_pb.ts";
import type { WorkflowDefinition } from "../../../../../gen/workflows/v1/workflows_pb.ts";
import { useApi } from "../../../api/api.tsx";
import { useAct, useCall } from "../../../api/queries.ts";
import { useRights } from "../../../api/rights.ts";
import { ActionDialog } from "../../action-dialog.tsx";
import { withReason } from "../../cli-line.tsx";
import { CopyId } from "../../copy.tsx";
import { Empty } from "../../empty.tsx";
import { ErrorNote } from "../../error-note.tsx";
import { Loading } from "../../loading.tsx";
import { PlainText } from "../../plain-text.tsx";
import { RelativeTime } from "../../relative-time.tsx";
import { type Column, Table } from "../../table.tsx";
import { type MadeUrl, VERIFICATIONS } from "./endpoint-words.ts";
import { NewEndpoint } from "./new-endpoint.tsx";
import { RotateEndpoint } from "./rotate-endpoint.tsx";
import { UrlOnce } from "./url-once.tsx";

const SERVICE = "workflows.ops.v1.Endpoints";
const SHOWN = 50;
const EVERY_MS = 15_000;

export function Endpoints({
  definition,
  inputSchema,
}: {
  readonly definition: WorkflowDefinition;
  readonly inputSchema: JsonObject | undefined;
}) {
  const { may } = useRights();
  const { workspaceId } = useApi();
  const { id: definitionId, name } = definition;
  const [made, setMade] = useState<MadeUrl>();
  const found = useCall(
    ["endpoints", workspaceId, definitionId],
    ({ endpoints }, options) =>
      endpoints.list({ workspaceId, definitionId, pageSize: SHOWN }, options),
    { everyMs: EVERY_MS },
  );
  const endpoints = found.data?.endpoints ?? [];
  return (
    <section className="card" aria-label="Endpoints">
      <div className="card-head">
        <h2>Endpoints</h2>
        {may(`${SERVICE}/Create`) && <NewEndpoint definition={definition} onMade={setMade} />}
      </div>
      {made !== undefined && (
        <UrlOnce made={made} inputSchema={inputSchema} onSeen={() => setMade(undefined)} />
      )}
      {found.data === undefined ? (
        found.isPending ? (
          <Loading rows={2} />
        ) : (
          <ErrorNote error={found.error} onRetry={found.refetch} />
        )
      ) : endpoints.length === 0 ? (
        <Empty
          title="It has no endpoint"
          hint="An endpoint is a URL. What is posted to it starts a run with the body as its input."
          cli={["endpoints", "create", name, "--verify", "none"]}
        />
      ) : (
        <Rows endpoints={endpoints} onMade={setMade} />
      )}
    </section>
  );
}

function Rows({
  endpoints,
  onMade,
}: {
  readonly endpoints: readonly Endpoint[];
  readonly onMade: (made: MadeUrl) => void;
}) {
  const { may } = useRights();
  const columns: Column<Endpoint>[] = [
    {
      title: "Name",
      cell: ({ id, name }) => (
        <span className="workflow-name">
          <strong>
            <PlainText most={200}>{name || "without a name"}</PlainText>
          </strong>
          <CopyId id={id} isShort />
        </span>
      ),
    },
    { title: "Environment", cell: ({ environment }) => environment || "production" },
    { title: "Deliveries are checked", cell: ({ verification }) => VERIFICATIONS[verification] },
    {
      title: "URL",
      cell: ({ createdAt, rotatedAt, oldUrlUntil }) => (
        <span className="workflow-name">
          <span>
            since <RelativeTime at={rotatedAt ?? createdAt} />
          </span>
          {oldUrlUntil !== undefined && (
            <span className="muted">
              the one before ends <RelativeTime at={oldUrlUntil} />
            </span>
          )}
        </span>
      ),
    },
    {
      title: "Changed by",
      cell: ({ changedBy, changeReason }) => (
        <span title={changeReason}>
          <PlainText most={200}>{changedBy.replace(/^unverified:/, "")}</PlainText>
        </span>
      ),
    },
    {
      title: "Actions",
      cell: (endpoint) => (
        <span className="row-actions">
          {may(`${SERVICE}/Rotate`) && <RotateEndpoint endpoint={endpoint} onMade={onMade} />}
          {may(`${SERVICE}/Delete`) && <Delete endpoint={endpoint} />}
        </span>
      ),
    },
  ];
  return <Table label="All endpoints" columns={columns} rows={endpoints} keyOf={({ id }) => id} />;
}

function Delete({ endpoint: { id, name } }: { readonly endpoint: Endpoint }) {
  const remove = useAct(({ endpoints }, reason: string) => endpoints.delete({ id, reason }));
  return (
    <ActionDialog
      title="Delete the endpoint"
      trigger={
        <button type="button" className="danger" aria-label={`Delete the endpoint ${name}`}>
          Delete
        </button>
      }
      isDestructive
      reason="required"
      cli={(reason) => withReason(["endpoints", "delete", id], reason)}
      act={(reason) => remove.mutateAsync(reason)}
    >
      <p>Its URLs stop to work at once. Runs that it started go on.</p>
    </ActionDialog>
  );
}
