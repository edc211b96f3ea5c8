/** What a deployment that waits for a decision would do: which version goes where, what it changes there, and its values. */
import { Link } from "wouter";
import {
  type Deployment,
  DeploymentState,
} from "../../../../gen/workflows/ops/v1/deployments_pb.ts";
import type { InboxItem } from "../../../../gen/workflows/ops/v1/inbox_pb.ts";
import { useCall } from "../../api/queries.ts";
import { ErrorNote } from "../../parts/error-note.tsx";
import { JsonView } from "../../parts/json-view.tsx";
import { Loading } from "../../parts/loading.tsx";
import { PlainText } from "../../parts/plain-text.tsx";
import { VersionChanges } from "../../parts/workflows/version-changes.tsx";
import { paths } from "../../paths.ts";
import { isOpen } from "./item-words.ts";
import "../../styles/workflows.css";

/** Of the payload of an item of the kind DEPLOY. */
interface Asked {
  readonly environment: string;
  readonly version: number;
  readonly vars: Readonly<Record<string, unknown>>;
}

export function DeployFacts({ item }: { readonly item: InboxItem }) {
  const asked = readAsked(item);
  const { definitionId } = item;
  const found = useCall(["workflow", definitionId], ({ sources }, options) =>
    sources.get({ id: definitionId }, options),
  );
  if (asked === undefined) return null;
  const { environment, version, vars } = asked;
  const workflow = found.data?.workflow;
  const active = workflow?.deployments.find(
    (each) => each.environment === environment && each.state === DeploymentState.ACTIVE,
  );
  return (
    <section className="card" aria-label="What would be deployed">
      <div className="card-head">
        <h2>
          <PlainText most={200}>{workflow?.definition?.name ?? "A workflow"}</PlainText>: version{" "}
          {version} to {environment}
        </h2>
        <Link href={paths.version(definitionId, version)}>See the version</Link>
      </div>
      <div className="card-body deploy-facts">
        {found.error !== null ? (
          <ErrorNote error={found.error} />
        ) : workflow === undefined ? (
          <Loading rows={3} />
        ) : (
          isOpen(item) && <Changes item={item} active={active} version={version} />
        )}
        {Object.keys(vars).length > 0 && (
          <>
            <h3>Values that runs read as run.vars</h3>
            <JsonView value={vars} label="Values" />
          </>
        )}
      </div>
    </section>
  );
}

function readAsked({ payload }: InboxItem): Asked | undefined {
  const { environment, version, vars } = payload ?? {};
  if (typeof environment !== "string" || typeof version !== "number") return undefined;
  const isObject = typeof vars === "object" && vars !== null && !Array.isArray(vars);
  return { environment, version, vars: isObject ? vars : {} };
}

/** Against what starts runs there now. */
function Changes({
  item: { definitionId },
  active,
  version,
}: {
  readonly item: InboxItem;
  readonly active: Deployment | undefined;
  readonly version: number;
}) {
  const from = active?.version ?? 0;
  const isOther = from > 0 && from !== version;
  const { data, error } = useCall(
    ["diff", definitionId, from, version],
    ({ sources }, options) => sources.diffVersions({ definitionId, from, to: version }, options),
    { isEnabled: isOther, staleMs: Number.POSITIVE_INFINITY },
  );
  if (from === 0) return <p>Nothing starts runs there yet.</p>;
  if (!isOther) return <p>The same version starts runs there already; its values change.</p>;
  if (error !== null) return <ErrorNote error={error} />;
  if (data === undefined) return <Loading rows={3} />;
  return (
    <>
      <h3>
        {version < from ? "Back from" : "What changes from"} version {from}
      </h3>
      <VersionChanges diff={data} />
    </>
  );
}
