/** Where versions of a workflow are deployed: what is active in each environment, and what was before. */
import { Rocket } from "lucide-react";
import {
  type Deployment,
  DeploymentState,
} from "../../../../../gen/workflows/ops/v1/deployments_pb.ts";
import type { VersionHead } from "../../../../../gen/workflows/ops/v1/workflows_pb.ts";
import type { WorkflowDefinition } from "../../../../../gen/workflows/v1/workflows_pb.ts";
import { throughWords } from "../../../api/names.ts";
import { useCall } from "../../../api/queries.ts";
import { useRights } from "../../../api/rights.ts";
import { CliLine } from "../../cli-line.tsx";
import { Empty } from "../../empty.tsx";
import { ErrorNote } from "../../error-note.tsx";
import { Loading } from "../../loading.tsx";
import { PlainText } from "../../plain-text.tsx";
import { RelativeTime } from "../../relative-time.tsx";
import { type Column, Table } from "../../table.tsx";
import { sortEnvironments } from "../environments.ts";
import { VersionLink } from "../version-link.tsx";
import { DeployDialog } from "./deploy-dialog.tsx";
import { DeploymentBadge } from "./deployment-badge.tsx";
import { EnvironmentCard } from "./environment-card.tsx";
import { DeployPolicyCard } from "./policy.tsx";
import "./deployments.css";

const DEPLOY = "workflows.ops.v1.Workflows/Deploy";
const EVERY_MS = 10_000;
const SHOWN = 100;

export function DeploymentsTab({
  definition,
  heads,
}: {
  readonly definition: WorkflowDefinition;
  readonly heads: readonly VersionHead[];
}) {
  const { may } = useRights();
  const { id, name } = definition;
  const found = useCall(
    ["deployments", id],
    ({ sources }, options) =>
      sources.listDeployments({ definitionId: id, pageSize: SHOWN }, options),
    { everyMs: EVERY_MS },
  );
  if (found.data === undefined) {
    return found.isPending ? (
      <Loading rows={6} />
    ) : (
      <ErrorNote error={found.error} onRetry={found.refetch} />
    );
  }
  const { deployments, totalSize } = found.data;
  const open = deployments.filter(isOpen);
  const mayDeploy = may(DEPLOY);
  const shared = { definition, heads, deployments: open };
  return (
    <section aria-label="Deployments" className="deployments">
      <div className="version-row">
        <CliLine args={["deployments", name]} />
        {mayDeploy && heads.length > 0 && (
          <DeployDialog
            {...shared}
            title="Deploy a version"
            trigger={
              <button type="button" className="primary">
                <Rocket size={16} aria-hidden="true" />
                Deploy
              </button>
            }
          />
        )}
      </div>
      {open.length === 0 ? (
        <Empty
          title="No version is deployed"
          hint="Runs start from the version that is deployed:"
          cli={["deploy", name, "--to", "production"]}
        />
      ) : (
        <div className="environments">
          {sortEnvironments(open.map(({ environment }) => environment)).map((environment) => (
            <EnvironmentCard
              key={environment}
              {...shared}
              environment={environment}
              history={deployments.filter((each) => each.environment === environment)}
              mayDeploy={mayDeploy}
            />
          ))}
        </div>
      )}
      <DeployPolicyCard />
      <History deployments={deployments} totalSize={totalSize} definitionId={id} />
    </section>
  );
}

/** What starts runs, or waits to. */
function isOpen({ state }: Deployment): boolean {
  return state === DeploymentState.ACTIVE || state === DeploymentState.PENDING_APPROVAL;
}

function History({
  deployments,
  totalSize,
  definitionId,
}: {
  readonly deployments: readonly Deployment[];
  readonly totalSize: number;
  readonly definitionId: string;
}) {
  // What has no id was never deployed by somebody.
  const made = deployments.filter(({ id }) => id !== "");
  if (made.length === 0) return null;
  const columns: Column<Deployment>[] = [
    { title: "When", cell: ({ at }) => <RelativeTime at={at} /> },
    { title: "Environment", cell: ({ environment }) => environment },
    {
      title: "Version",
      cell: ({ version }) => <VersionLink definitionId={definitionId} version={version} />,
      isNumber: true,
    },
    { title: "State", cell: ({ state }) => <DeploymentBadge state={state} /> },
    {
      title: "By",
      cell: ({ deployedBy, deployedVia }) => (
        <>
          <PlainText most={200}>{nameOf(deployedBy)}</PlainText>
          {throughWords(deployedVia)}
        </>
      ),
    },
    { title: "Why", cell: ({ note }) => <PlainText most={500}>{note}</PlainText> },
    {
      title: "Decided",
      cell: ({ decidedBy, decidedVia, decisionReason }) =>
        decidedBy !== "" && (
          <>
            <PlainText most={200}>{nameOf(decidedBy)}</PlainText>
            {throughWords(decidedVia)}
            {decisionReason !== "" && (
              <>
                {": "}
                <PlainText most={300}>{decisionReason}</PlainText>
              </>
            )}
          </>
        ),
    },
  ];
  return (
    <>
      <h2>History</h2>
      <Table label="All deployments" columns={columns} rows={made} keyOf={({ id }) => id} />
      {totalSize > deployments.length && (
        <p className="muted">
          The newest {deployments.length} of {totalSize}.
        </p>
      )}
    </>
  );
}

function nameOf(recorded: string): string {
  return recorded.replace(/^unverified:/, "");
}
