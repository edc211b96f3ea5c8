/** What deployments of the workspace need: by whom they are approved is changed here, the rest is shown. */
import { useId, useState } from "react";
import type {
  DeployPolicy,
  DeployRule,
} from "../../../../../gen/workflows/ops/v1/deployments_pb.ts";
import { useApi } from "../../../api/api.tsx";
import { useAct, useCall } from "../../../api/queries.ts";
import { useRights } from "../../../api/rights.ts";
import { ActionDialog } from "../../action-dialog.tsx";
import { PlainText } from "../../plain-text.tsx";
import { sortEnvironments, USUAL_ENVIRONMENTS } from "../environments.ts";

const PUT = "workflows.ops.v1.Workflows/PutDeployPolicy";

export function DeployPolicyCard() {
  const { workspaceId } = useApi();
  const { may } = useRights();
  const { data } = useCall(["deploy-policy", workspaceId], ({ sources }, options) =>
    sources.getDeployPolicy({ workspaceId }, options),
  );
  if (data === undefined) return null;
  const rules = data.policy?.rules ?? [];
  return (
    <section className="card" aria-label="Approvals of deployments">
      <div className="card-head">
        <h2>Approvals of deployments, in the whole workspace</h2>
        {may(PUT) && <Edit key={data.policy?.etag ?? ""} policy={data.policy} />}
      </div>
      <ul className="card-body">
        {rules.length === 0 && <li className="muted">No deployment needs an approval.</li>}
        {rules.map((rule) => (
          <li key={rule.environment}>
            <strong>{rule.environment}</strong> needs{" "}
            <PlainText most={500}>{needsOf(rule).join(", and ")}</PlainText>
          </li>
        ))}
      </ul>
    </section>
  );
}

function needsOf({ approvers, noApproval, requiresSimulation, ranIn }: DeployRule): string[] {
  const by = approvers.length === 0 ? "anybody who decides in the inbox" : approvers.join(" or ");
  return [
    ...(noApproval ? [] : [`one by ${by}`]),
    ...(requiresSimulation ? ["a simulation of the version"] : []),
    ...(ranIn === "" ? [] : [`a run of the version in ${ranIn}`]),
  ];
}

/** Names with commas between, by environment; undefined: none is needed. */
type Typed = Readonly<Record<string, string | undefined>>;

function Edit({ policy }: { readonly policy: DeployPolicy | undefined }) {
  const { workspaceId } = useApi();
  const id = useId();
  const stored = policy?.rules ?? [];
  const now: Typed = Object.fromEntries(
    stored.flatMap(({ environment, approvers, noApproval }) =>
      noApproval ? [] : [[environment, approvers.join(", ")]],
    ),
  );
  const [typed, setTyped] = useState(now);
  const put = useAct(({ sources }, reason: string) => {
    const rules = rulesOf(stored, typed);
    return sources.putDeployPolicy({ workspaceId, rules, reason, etag: policy?.etag ?? "" });
  });
  return (
    <ActionDialog
      title="Save the policy"
      trigger={<button type="button">Edit</button>}
      reason="required"
      act={(reason) => put.mutateAsync(reason)}
      onOpenChange={(isOpen) => isOpen && setTyped(now)}
    >
      <p>Who asks for a deployment does not approve it.</p>
      {sortEnvironments([...USUAL_ENVIRONMENTS, ...Object.keys(now)]).map((environment) => {
        const text = typed[environment];
        return (
          <div className="field" key={environment}>
            <div className="choices-column">
              <label>
                <input
                  type="checkbox"
                  checked={text !== undefined}
                  onChange={({ target }) =>
                    setTyped({ ...typed, [environment]: target.checked ? "" : undefined })
                  }
                />
                {environment} needs an approval
              </label>
            </div>
            {text !== undefined && (
              <>
                <label htmlFor={`${id}-${environment}`}>
                  By any one of <span className="muted">(with commas; empty: everybody)</span>
                </label>
                <input
                  id={`${id}-${environment}`}
                  value={text}
                  autoComplete="off"
                  placeholder="ann@example.com"
                  onChange={({ target }) => setTyped({ ...typed, [environment]: target.value })}
                />
              </>
            )}
          </div>
        );
      })}
    </ActionDialog>
  );
}

/** The rules with the approvals that are typed; what else they ask for stays. */
function rulesOf(stored: readonly DeployRule[], typed: Typed) {
  const environments = new Set([
    ...stored.map(({ environment }) => environment),
    ...Object.keys(typed),
  ]);
  return [...environments].flatMap((environment) => {
    const { requiresSimulation = false, ranIn = "" } =
      stored.find((rule) => rule.environment === environment) ?? {};
    const text = typed[environment];
    const more = { environment, requiresSimulation, ranIn };
    if (text !== undefined) return [{ ...more, approvers: namesOf(text), noApproval: false }];
    const isLeft = requiresSimulation || ranIn !== "";
    return isLeft ? [{ ...more, approvers: [], noApproval: true }] : [];
  });
}

function namesOf(text: string): string[] {
  const names = text.split(",").map((name) => name.trim());
  return [...new Set(names.filter((name) => name !== ""))];
}
