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
import { Field } from "../forms/field.tsx";
import {
  canHold,
  type Filled,
  type FormField,
  type FormResult,
  fieldsOf,
  filledFrom,
  parseObject,
  resultOf,
} from "../forms/form-model.ts";

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
  const [typed, setTyped] = useState<Filled>(() => filledFrom(fields ?? [], input));
  const [json, setJson] = useState(() => JSON.stringify(input, undefined, INDENT));
  const [isJson, setIsJson] = useState(fields === undefined || !canHold(fields, input));
  const isForm = fields !== undefined && !isJson;
  const result = resultOf(fields ?? [], typed);
  const sent = isForm ? result.output : parseObject(json);
  const isReady = sent !== undefined && !(isForm && result.faults.size > 0);
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
    if (isForm) setJson(JSON.stringify(result.output, undefined, INDENT));
    else if (fields !== undefined) setTyped(filledFrom(fields, parseObject(json) ?? {}));
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
        <Fields fields={fields} typed={typed} result={result} onType={setTyped} />
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

/** What is wrong with a text is said at once; that one is missing, by the button alone. */
function Fields({
  fields,
  typed,
  result: { faults },
  onType,
}: {
  readonly fields: readonly FormField[];
  readonly typed: Filled;
  readonly result: FormResult;
  readonly onType: (typed: Filled) => void;
}) {
  if (fields.length === 0) return <p className="muted">This workflow takes no input.</p>;
  return (
    <div className="start-fields">
      {fields.map((field) => {
        const text = typed[field.name] ?? field.first;
        return (
          <Field
            key={field.name}
            field={field}
            text={text}
            fault={(text.trim() !== "" && faults.get(field.name)) || ""}
            onChange={(next) => onType({ ...typed, [field.name]: next })}
          />
        );
      })}
    </div>
  );
}
