/** What deployments of the workspace need, by environment: an approval, a simulation, a run elsewhere before. */
import { useId, useState } from "react";
import type {
  DeployPolicy,
  DeployRule,
} from "../../../../../gen/workflows/ops/v1/deployments_pb.ts";
import { useApi } from "../../../api/api.tsx";
import { useAct, useCall } from "../../../api/queries.ts";
import { useRights } from "../../../api/rights.ts";
import { ActionDialog } from "../../action-dialog.tsx";
import { withReason } from "../../cli-line.tsx";
import { PlainText } from "../../plain-text.tsx";
import { ENVIRONMENT_NAME, sortEnvironments, USUAL_ENVIRONMENTS } from "../environments.ts";

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
    <section className="card" aria-label="What deployments need">
      <div className="card-head">
        <h2>What deployments need, in the whole workspace</h2>
        {may(PUT) && <Edit key={data.policy?.etag ?? ""} policy={data.policy} />}
      </div>
      <ul className="card-body">
        {rules.length === 0 && <li className="muted">No deployment needs anything.</li>}
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

/** A rule as it is typed. */
interface Typed {
  readonly isApproved: boolean;
  /** Names with commas between. */
  readonly approvers: string;
  readonly isSimulated: boolean;
  readonly ranIn: string;
}

const NOTHING: Typed = { isApproved: false, approvers: "", isSimulated: false, ranIn: "" };

function Edit({ policy }: { readonly policy: DeployPolicy | undefined }) {
  const { workspaceId } = useApi();
  const id = useId();
  const now = typedOf(policy?.rules ?? []);
  const [typed, setTyped] = useState(now);
  const [more, setMore] = useState("");
  const put = useAct(({ sources }, reason: string) => {
    const rules = Object.entries(typed).flatMap(([environment, rule]) => ruleOf(environment, rule));
    return sources.putDeployPolicy({ workspaceId, rules, reason, etag: policy?.etag ?? "" });
  });
  const environments = sortEnvironments([...USUAL_ENVIRONMENTS, ...Object.keys(typed)]);
  const canAdd = ENVIRONMENT_NAME.test(more) && !environments.includes(more);
  const add = () => {
    setTyped({ ...typed, [more]: { ...NOTHING, isApproved: true } });
    setMore("");
  };
  return (
    <ActionDialog
      title="Save the policy"
      trigger={<button type="button">Edit</button>}
      reason="required"
      cliLines={(reason) =>
        environments
          .filter((each) => isOther(typed[each] ?? NOTHING, now[each] ?? NOTHING))
          .map((each) => withReason(argumentsOf(each, typed[each] ?? NOTHING), reason))
      }
      act={(reason) => put.mutateAsync(reason)}
      // What is typed and not added would be left out.
      isReady={more === ""}
      onOpenChange={(isOpen) => {
        if (!isOpen) return;
        setTyped(now);
        setMore("");
      }}
    >
      <p>Who asks for a deployment does not approve it.</p>
      {environments.map((environment) => (
        <Rule
          key={environment}
          environment={environment}
          rule={typed[environment] ?? NOTHING}
          onChange={(rule) => setTyped({ ...typed, [environment]: rule })}
        />
      ))}
      <div className="field">
        <label htmlFor={id}>Another environment</label>
        <div className="action-buttons">
          <input
            id={id}
            value={more}
            autoComplete="off"
            onChange={({ target }) => setMore(target.value.trim())}
            onKeyDown={(event) => {
              if (event.key !== "Enter") return;
              // It is about this field, not about the whole policy.
              event.preventDefault();
              if (canAdd) add();
            }}
          />
          <button type="button" disabled={!canAdd} onClick={add}>
            Add
          </button>
        </div>
        {more !== "" && (
          <p className="muted" role="status">
            {canAdd
              ? `${more} is not added yet: add it, or leave the field empty.`
              : environments.includes(more)
                ? `${more} is listed above: leave the field empty.`
                : "A name is of a-z, 0-9 and -, with a letter first, 32 characters at most."}
          </p>
        )}
      </div>
    </ActionDialog>
  );
}

function Rule({
  environment,
  rule,
  onChange,
}: {
  readonly environment: string;
  readonly rule: Typed;
  readonly onChange: (rule: Typed) => void;
}) {
  const id = useId();
  const text = (field: "approvers" | "ranIn", label: string, hint: string, example: string) => (
    <>
      <label htmlFor={`${id}-${field}`}>
        {label} <span className="muted">{hint}</span>
      </label>
      <input
        id={`${id}-${field}`}
        value={rule[field]}
        autoComplete="off"
        placeholder={example}
        onChange={({ target }) => onChange({ ...rule, [field]: target.value })}
      />
    </>
  );
  return (
    <fieldset className="field">
      <legend>{environment} needs</legend>
      <div className="choices-column">
        <label>
          <input
            type="checkbox"
            checked={rule.isApproved}
            onChange={({ target }) => onChange({ ...rule, isApproved: target.checked })}
          />
          an approval
        </label>
        <label>
          <input
            type="checkbox"
            checked={rule.isSimulated}
            onChange={({ target }) => onChange({ ...rule, isSimulated: target.checked })}
          />
          a simulation of the version
        </label>
      </div>
      {rule.isApproved &&
        text("approvers", "By any one of", "(with commas; empty: everybody)", "ann@example.com")}
      {text("ranIn", "A run of the version in", "(empty: none)", "staging")}
    </fieldset>
  );
}

function typedOf(rules: readonly DeployRule[]): Readonly<Record<string, Typed>> {
  return Object.fromEntries(
    rules.map(({ environment, approvers, noApproval, requiresSimulation, ranIn }) => [
      environment,
      {
        ...{ isApproved: !noApproval, approvers: approvers.join(", ") },
        ...{ isSimulated: requiresSimulation, ranIn },
      },
    ]),
  );
}

/** None where the environment needs nothing. */
function ruleOf(environment: string, { isApproved, approvers, isSimulated, ranIn }: Typed) {
  const where = ranIn.trim();
  if (!isApproved && !isSimulated && where === "") return [];
  return [
    {
      ...{ environment, approvers: isApproved ? namesOf(approvers) : [], noApproval: !isApproved },
      ...{ requiresSimulation: isSimulated, ranIn: where },
    },
  ];
}

function isOther(rule: Typed, before: Typed): boolean {
  return JSON.stringify(ruleOf("", rule)) !== JSON.stringify(ruleOf("", before));
}

/** Of the command that gives an environment this rule. */
function argumentsOf(environment: string, typed: Typed): string[] {
  const [rule] = ruleOf(environment, typed);
  const command = ["environments", "policy", environment];
  if (rule === undefined) return [...command, "--remove"];
  return [
    ...command,
    ...(rule.noApproval ? ["--without-approval"] : ["--approvers", rule.approvers.join(",")]),
    rule.requiresSimulation ? "--simulated" : "--not-simulated",
    ...["--ran-in", rule.ranIn],
  ];
}

function namesOf(text: string): string[] {
  const names = text.split(",").map((name) => name.trim());
  return [...new Set(names.filter((name) => name !== ""))];
}
