/** Deploys a version, promotes one or rolls back: says what changes in the environment, and asks why. */
import type { JsonObject } from "@bufbuild/protobuf";
import { useId, useState } from "react";
import {
  type Deployment,
  DeploymentState,
} from "../../../../../gen/workflows/ops/v1/deployments_pb.ts";
import type { VersionHead } from "../../../../../gen/workflows/ops/v1/workflows_pb.ts";
import type { WorkflowDefinition } from "../../../../../gen/workflows/v1/workflows_pb.ts";
import { useAct, useCall } from "../../../api/queries.ts";
import { ActionDialog } from "../../action-dialog.tsx";
import { withReason } from "../../cli-line.tsx";
import type { Trigger } from "../../dialog.tsx";
import { ErrorNote } from "../../error-note.tsx";
import { parseObject } from "../../forms/form-model.ts";
import { Loading } from "../../loading.tsx";
import { cutText, visibleText } from "../../visible-text.ts";
import { EnvironmentField } from "../environment-field.tsx";
import { ENVIRONMENT_NAME } from "../environments.ts";
import { VersionChanges } from "../version-changes.tsx";

const NOTE_CHARS = 60;

interface Props {
  readonly definition: WorkflowDefinition;
  readonly heads: readonly VersionHead[];
  /** What is active in each environment, and what waits. */
  readonly deployments: readonly Deployment[];
  readonly title: string;
  readonly trigger: Trigger;
  /** What is chosen at first. */
  readonly first?: {
    readonly environment: string;
    readonly version?: number;
    /** The version that is active there. */
    readonly from?: string;
  };
}

export function DeployDialog(props: Props) {
  const { definition, deployments, heads, title, trigger, first } = props;
  const { id: definitionId, name } = definition;
  const activeIn = (environment: string) =>
    deployments.find(
      (each) => each.environment === environment && each.state === DeploymentState.ACTIVE,
    );
  const newest = heads[0]?.version ?? 0;
  const from = first?.from ?? "";
  const [isOpen, setOpen] = useState(false);
  const [environment, setEnvironment] = useState(first?.environment ?? "staging");
  const [chosen, setChosen] = useState(first?.version ?? newest);
  const [vars, setVars] = useState<string>();
  const version = from === "" ? chosen : (activeIn(from)?.version ?? 0);
  const here = activeIn(environment);
  const read = vars === undefined ? undefined : parseObject(vars);
  const deploy = useAct(({ sources }, reason: string) =>
    sources.deploy({
      ...{ definitionId, environment, reason, expectedVersion: here?.version ?? 0 },
      ...(from === "" ? { version } : { fromEnvironment: from }),
      ...(read === undefined ? {} : { vars: read }),
    }),
  );
  const which = from === "" ? ["--version", String(version)] : ["--from", from];
  const isReady =
    ENVIRONMENT_NAME.test(environment) && version > 0 && (vars === undefined || read !== undefined);
  return (
    <ActionDialog
      title={title}
      trigger={trigger}
      reason="required"
      isReady={isReady}
      cli={(reason) =>
        withReason(
          [...["deploy", name, "--to", environment, ...which], ...varArgs(here?.vars, read)],
          reason,
        )
      }
      act={(reason) => deploy.mutateAsync(reason)}
      onOpenChange={(next) => {
        setOpen(next);
        if (next) setVars(undefined);
      }}
    >
      {first === undefined && <EnvironmentField value={environment} onChange={setEnvironment} />}
      {from === "" ? (
        <VersionField value={chosen} heads={heads} onChange={setChosen} />
      ) : (
        <p>
          Version {version} of {from} goes to {environment}.
        </p>
      )}
      {isOpen && <WhatChanges definitionId={definitionId} here={here} version={version} />}
      <VarsField vars={vars} now={here?.vars} onChange={setVars} />
      <p className="muted">
        Runs that start in {environment} from now on take version {version}. Runs under way go on
        with theirs.
      </p>
    </ActionDialog>
  );
}

function VersionField({
  value,
  heads,
  onChange,
}: {
  readonly value: number;
  readonly heads: readonly VersionHead[];
  readonly onChange: (version: number) => void;
}) {
  const id = useId();
  const known = heads.map(({ version, note }) => ({ version, note }));
  const all = known.some(({ version }) => version === value)
    ? known
    : [...known, { version: value, note: "" }];
  return (
    <div className="field">
      <label htmlFor={id}>Version</label>
      <select id={id} value={value} onChange={({ target }) => onChange(Number(target.value))}>
        {all.map(({ version, note }, at) => (
          <option key={version} value={version}>
            {version}
            {at === 0 ? " (newest)" : ""}
            {note === "" ? "" : `: ${visibleText(cutText(note, NOTE_CHARS))}`}
          </option>
        ))}
      </select>
    </div>
  );
}

function WhatChanges({
  definitionId,
  here,
  version,
}: {
  readonly definitionId: string;
  readonly here: Deployment | undefined;
  readonly version: number;
}) {
  const from = here?.version ?? 0;
  const isOther = from > 0 && version > 0 && from !== version;
  const { data, error } = useCall(
    ["diff", definitionId, from, version],
    ({ sources }, options) => sources.diffVersions({ definitionId, from, to: version }, options),
    { isEnabled: isOther, staleMs: Number.POSITIVE_INFINITY },
  );
  if (from === 0) return <p>Nothing is deployed there yet.</p>;
  if (!isOther) return <p>Version {version} is deployed there already.</p>;
  if (error) return <ErrorNote error={error} />;
  return (
    <>
      <h3>
        {version < from ? "Back from" : "What changes from"} version {from} to {version}
      </h3>
      {data === undefined ? <Loading rows={3} /> : <VersionChanges diff={data} />}
    </>
  );
}

/** The values that differ; null removes one. */
function varArgs(now: JsonObject = {}, next: JsonObject | undefined): string[] {
  if (next === undefined) return [];
  const names = new Set([...Object.keys(now), ...Object.keys(next)]);
  return [...names].flatMap((name) => {
    const [before, after] = [now[name], next[name]].map((value) => JSON.stringify(value ?? null));
    return before === after ? [] : ["--var", `${name}=${after}`];
  });
}

const INDENT = 2;

/** Undefined: the values stay as they are. */
function VarsField({
  vars,
  now,
  onChange,
}: {
  readonly vars: string | undefined;
  readonly now: JsonObject | undefined;
  readonly onChange: (vars: string | undefined) => void;
}) {
  const id = useId();
  if (vars === undefined) {
    const count = Object.keys(now ?? {}).length;
    return (
      <p>
        {count === 0 ? "Runs get no values." : `The ${count} values for runs stay as they are.`}{" "}
        <button
          type="button"
          className="link"
          onClick={() => onChange(JSON.stringify(now ?? {}, undefined, INDENT))}
        >
          Change them
        </button>
      </p>
    );
  }
  const isFault = parseObject(vars) === undefined;
  return (
    <div className="field">
      <label htmlFor={id}>Values that runs read as run.vars, a JSON object</label>
      <textarea
        id={id}
        className="code"
        rows={5}
        spellCheck={false}
        value={vars}
        aria-invalid={isFault}
        onChange={({ target }) => onChange(target.value)}
      />
      {isFault && <p className="fault">This is no JSON object</p>}
      <p className="muted">Not for secrets: everybody who reads the workflow reads them.</p>
    </div>
  );
}
