/** One environment of a workflow: the version that starts there, its values, and what can be done with it. */
import { Link } from "wouter";
import {
  type Deployment,
  DeploymentState,
} from "../../../../../gen/workflows/ops/v1/deployments_pb.ts";
import type { VersionHead } from "../../../../../gen/workflows/ops/v1/workflows_pb.ts";
import type { WorkflowDefinition } from "../../../../../gen/workflows/v1/workflows_pb.ts";
import { throughWords } from "../../../api/names.ts";
import { useAct } from "../../../api/queries.ts";
import { paths } from "../../../paths.ts";
import { ActionDialog } from "../../action-dialog.tsx";
import { withReason } from "../../cli-line.tsx";
import { JsonView } from "../../json-view.tsx";
import { PlainText } from "../../plain-text.tsx";
import { RelativeTime } from "../../relative-time.tsx";
import { VersionLink } from "../version-link.tsx";
import { DeployDialog } from "./deploy-dialog.tsx";
import { DeploymentBadge } from "./deployment-badge.tsx";

interface Props {
  readonly definition: WorkflowDefinition;
  readonly heads: readonly VersionHead[];
  readonly environment: string;
  /** Of all environments: what is active, and what waits. */
  readonly deployments: readonly Deployment[];
  /** Of this environment, newest first. */
  readonly history: readonly Deployment[];
  readonly mayDeploy: boolean;
}

/** Where a version goes from an environment. */
const NEXT: Readonly<Record<string, string>> = {
  development: "staging",
  staging: "production",
};

export function EnvironmentCard(props: Props) {
  const { definition, environment, deployments, mayDeploy } = props;
  const here = deployments.filter((each) => each.environment === environment);
  const active = here.find(({ state }) => state === DeploymentState.ACTIVE);
  const waiting = here.filter(({ state }) => state === DeploymentState.PENDING_APPROVAL);
  return (
    <article className="card environment" aria-label={environment}>
      <div className="card-head">
        <h2>{environment}</h2>
        {active === undefined ? (
          <span className="muted">nothing starts here yet</span>
        ) : (
          <DeploymentBadge state={active.state} />
        )}
      </div>
      <div className="card-body">
        {active !== undefined && <Active deployment={active} definitionId={definition.id} />}
        {waiting.map((deployment) => (
          <p key={deployment.id} className="environment-waiting">
            <DeploymentBadge state={deployment.state} /> version {deployment.version}, asked{" "}
            <RelativeTime at={deployment.at} />{" "}
            <Link href={paths.item(deployment.id)}>Open the request</Link>
          </p>
        ))}
        {mayDeploy && active !== undefined && <Actions {...props} active={active} />}
        <p>
          <Link href={paths.runsWith({ workflow: definition.id, environment })}>Its runs here</Link>
        </p>
      </div>
    </article>
  );
}

function Active({
  deployment: { version, activeAt, at, deployedBy, deployedVia, note, vars },
  definitionId,
}: {
  readonly deployment: Deployment;
  readonly definitionId: string;
}) {
  const hasVars = vars !== undefined && Object.keys(vars).length > 0;
  return (
    <>
      <p>
        Version{" "}
        <strong>
          <VersionLink definitionId={definitionId} version={version} />
        </strong>{" "}
        <span className="muted">
          since <RelativeTime at={activeAt ?? at} />
          {deployedBy !== "" && (
            <>
              {" by "}
              <PlainText most={200}>{deployedBy.replace(/^unverified:/, "")}</PlainText>
              {throughWords(deployedVia)}
            </>
          )}
        </span>
      </p>
      {note !== "" && (
        <q>
          <PlainText most={500}>{note}</PlainText>
        </q>
      )}
      {hasVars && (
        <details>
          <summary>Values that runs read as run.vars</summary>
          <JsonView value={vars} label="Values" />
        </details>
      )}
    </>
  );
}

function Actions(props: Props & { readonly active: Deployment }) {
  const { definition, heads, deployments, environment, history, active } = props;
  const shared = { definition, heads, deployments };
  const next = NEXT[environment];
  const before = history.find(
    ({ id, version, state }) =>
      id !== "" && state === DeploymentState.SUPERSEDED && version !== active.version,
  );
  return (
    <div className="action-buttons">
      {next !== undefined && (
        <DeployDialog
          {...shared}
          title={`Promote to ${next}`}
          first={{ environment: next, from: environment }}
          trigger={
            <button type="button" className="primary">
              Promote to {next}
            </button>
          }
        />
      )}
      <DeployDialog
        {...shared}
        title={`Deploy to ${environment}`}
        first={{ environment }}
        trigger={<button type="button">Deploy another version</button>}
      />
      {before !== undefined && (
        <DeployDialog
          {...shared}
          title="Roll back"
          first={{ environment, version: before.version }}
          trigger={<button type="button">Roll back to version {before.version}</button>}
        />
      )}
      {environment !== "production" && <Retire {...props} />}
    </div>
  );
}

function Retire({ definition: { id, name }, environment, active }: Props & { active: Deployment }) {
  const retire = useAct(({ sources }, reason: string) =>
    sources.deploy({
      ...{ definitionId: id, environment, retire: true, reason },
      expectedVersion: active.version,
    }),
  );
  return (
    <ActionDialog
      title={`Retire ${environment}`}
      trigger={
        <button type="button" className="danger">
          Retire
        </button>
      }
      isDestructive
      reason="required"
      cli={(reason) => withReason(["deploy", name, "--to", environment, "--retire"], reason)}
      act={(reason) => retire.mutateAsync(reason)}
    >
      <p>Nothing starts in {environment} any more. Runs under way go on.</p>
    </ActionDialog>
  );
}
