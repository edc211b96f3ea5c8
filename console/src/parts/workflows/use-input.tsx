/** The input of a run while it is typed: as a form where there is a schema for one, else as JSON. */
import type { JsonObject } from "@bufbuild/protobuf";
import { type ReactNode, useId, useState } from "react";
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

const INDENT = 2;

/** What was typed, and its fields. */
export interface TypedInput {
  /** Undefined: what was typed is no object. */
  readonly input: JsonObject | undefined;
  /** Whether it may be sent: nothing that is needed is missing. */
  readonly isReady: boolean;
  readonly editor: ReactNode;
}

/** `first`: what stands there before anything is typed. */
export function useInput(schema: JsonObject | undefined, first: JsonObject): TypedInput {
  const fields = fieldsOf(schema);
  const [typed, setTyped] = useState<Filled>(() => filledFrom(fields ?? [], first));
  const [json, setJson] = useState(() => JSON.stringify(first, undefined, INDENT));
  const [isJson, setIsJson] = useState(fields === undefined || !canHold(fields, first));
  const isForm = fields !== undefined && !isJson;
  const result = resultOf(fields ?? [], typed);
  const input = isForm ? result.output : parseObject(json);
  const toggle = () => {
    if (isForm) setJson(JSON.stringify(result.output, undefined, INDENT));
    else if (fields !== undefined) setTyped(filledFrom(fields, parseObject(json) ?? {}));
    setIsJson(isForm);
  };
  const editor = (
    <>
      {isForm ? (
        <Fields fields={fields} typed={typed} result={result} onType={setTyped} />
      ) : (
        <JsonField json={json} isFault={input === undefined} onType={setJson} />
      )}
      {fields !== undefined && (isForm || canHold(fields, input ?? {})) && (
        <button type="button" className="quiet" onClick={toggle}>
          {isForm ? "Edit as JSON" : "Edit as a form"}
        </button>
      )}
    </>
  );
  return { input, isReady: input !== undefined && !(isForm && result.faults.size > 0), editor };
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
