/** Starts a run: its input as a form where the version has a schema for one, else as JSON. */
import type { JsonObject } from "@bufbuild/protobuf";
import { useId, useState } from "react";
import { useLocation } from "wouter";
import type { GetVersionResponse } from "../../../../gen/workflows/ops/v1/workflows_pb.ts";
import type { WorkflowDefinition } from "../../../../gen/workflows/v1/workflows_pb.ts";
import { useAct } from "../../api/queries.ts";
import { paths } from "../../paths.ts";
import { CliLine } from "../cli-line.tsx";
import { Dialog, DialogClose } from "../dialog.tsx";
import { ErrorNote } from "../error-note.tsx";
import {
  canHold,
  faultsOf,
  fieldsOf,
  type InputField,
  inputOf,
  parseObject,
  type Typed,
  typedOf,
} from "./input-fields.ts";

export interface StartDialogProps {
  readonly definition: WorkflowDefinition;
  /** Which version runs. */
  readonly version: GetVersionResponse;
  /** Of the run that it is started like. */
  readonly input: JsonObject | undefined;
  readonly isOpen: boolean;
  readonly onOpenChange: (isOpen: boolean) => void;
}

export function StartDialog(props: StartDialogProps) {
  const { definition, version, isOpen, onOpenChange } = props;
  return (
    <Dialog
      title={`Start ${definition.name}`}
      description={`Version ${version.version?.version ?? 0} runs.`}
      isOpen={isOpen}
      onOpenChange={onOpenChange}
    >
      <StartForm {...props} />
    </Dialog>
  );
}

const INDENT = 2;

/** What was typed is gone when the dialog is opened again. */
function StartForm({ definition, version, input = {} }: StartDialogProps) {
  const [, go] = useLocation();
  const fields = fieldsOf(version.inputSchema);
  const [typed, setTyped] = useState<Typed>(() => typedOf(fields ?? [], input));
  const [json, setJson] = useState(() => JSON.stringify(input, undefined, INDENT));
  const [isJson, setIsJson] = useState(fields === undefined || !canHold(fields, input));
  const isForm = fields !== undefined && !isJson;
  const sent = isForm ? inputOf(fields, typed) : parseObject(json);
  const isReady = sent !== undefined && !(isForm && faultsOf(fields, typed).size > 0);
  const start = useAct(
    ({ workflows }, inputPayload: JsonObject) =>
      workflows.startRun({
        definitionId: definition.id,
        workspaceId: definition.workspaceId,
        definitionVersion: version.version?.version ?? 0,
        inputPayload,
      }),
    ({ run }) => go(paths.run(run?.id ?? "")),
  );
  const number = version.version?.version ?? 0;
  const versionArgs = number === definition.latestVersion ? [] : ["--version", String(number)];
  const toggle = () => {
    if (isForm) setJson(JSON.stringify(inputOf(fields, typed), undefined, INDENT));
    else if (fields !== undefined) setTyped(typedOf(fields, parseObject(json) ?? {}));
    setIsJson(isForm);
  };
  return (
    <form
      className="action"
      onSubmit={(event) => {
        event.preventDefault();
        if (isReady && !start.isPending) start.mutate(sent);
      }}
    >
      {isForm ? (
        <Fields fields={fields} typed={typed} onType={setTyped} />
      ) : (
        <JsonField json={json} isFault={sent === undefined} onType={setJson} />
      )}
      {fields !== undefined && (isForm || canHold(fields, sent ?? {})) && (
        <button type="button" className="quiet" onClick={toggle}>
          {isForm ? "Edit as JSON" : "Edit as a form"}
        </button>
      )}
      {start.error && <ErrorNote error={start.error} />}
      <CliLine
        args={["start", definition.name, ...versionArgs, "--input", JSON.stringify(sent ?? {})]}
      />
      <footer className="dialog-foot">
        <DialogClose>Close</DialogClose>
        <button type="submit" className="primary" disabled={!isReady || start.isPending}>
          Start the run
        </button>
      </footer>
    </form>
  );
}

function JsonField({
  json,
  isFault,
  onType,
}: {
  readonly json: string;
  readonly isFault: boolean;
  readonly onType: (json: string) => void;
}) {
  const id = useId();
  return (
    <div className="field">
      <label htmlFor={id}>Input, a JSON object</label>
      <textarea
        id={id}
        className="code"
        rows={8}
        spellCheck={false}
        value={json}
        aria-invalid={isFault}
        onChange={(event) => onType(event.target.value)}
      />
      {isFault && <p className="fault">This is no JSON object</p>}
    </div>
  );
}

function Fields({
  fields,
  typed,
  onType,
}: {
  readonly fields: readonly InputField[];
  readonly typed: Typed;
  readonly onType: (typed: Typed) => void;
}) {
  if (fields.length === 0) return <p className="muted">This workflow takes no input.</p>;
  return (
    <div className="start-fields">
      {fields.map((field) => (
        <Field
          key={field.name}
          field={field}
          text={typed[field.name] ?? ""}
          onType={(text) => onType({ ...typed, [field.name]: text })}
        />
      ))}
    </div>
  );
}

function Field({
  field,
  text,
  onType,
}: {
  readonly field: InputField;
  readonly text: string;
  readonly onType: (text: string) => void;
}) {
  const id = useId();
  const { kind, label, about, isRequired } = field;
  const aboutId = `${id}-about`;
  const shared = { id, "aria-describedby": about === "" ? undefined : aboutId };
  if (kind === "flag") {
    return (
      <div className="field">
        <span className="check-field">
          <input
            type="checkbox"
            {...shared}
            checked={text === "true"}
            onChange={(event) => onType(event.target.checked ? "true" : "")}
          />
          <label htmlFor={id}>{label}</label>
        </span>
        <About id={aboutId} about={about} />
      </div>
    );
  }
  return (
    <div className="field">
      <label htmlFor={id}>
        {label}
        {!isRequired && <span className="muted"> (optional)</span>}
      </label>
      {kind === "choice" ? (
        <select {...shared} value={text} onChange={(event) => onType(event.target.value)}>
          <option value="">–</option>
          {field.options.map((option) => (
            <option key={String(option)}>{String(option)}</option>
          ))}
        </select>
      ) : (
        <input
          {...shared}
          inputMode={kind === "text" ? "text" : kind === "whole" ? "numeric" : "decimal"}
          required={isRequired}
          value={text}
          onChange={(event) => onType(event.target.value)}
        />
      )}
      <About id={aboutId} about={about} />
    </div>
  );
}

function About({ id, about }: { readonly id: string; readonly about: string }) {
  if (about === "") return null;
  return (
    <span className="muted" id={id}>
      {about}
    </span>
  );
}
