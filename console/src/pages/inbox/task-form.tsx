/** A task as a form: its fields come from the schema of its output. */
import type { JsonObject } from "@bufbuild/protobuf";
import { type FormEvent, useId, useMemo, useState } from "react";
import type { InboxItem } from "../../../../gen/workflows/ops/v1/inbox_pb.ts";
import { WorkflowsError } from "../../../../src/client/errors.ts";
import { useAct } from "../../api/queries.ts";
import { CliLine } from "../../parts/cli-line.tsx";
import { Field } from "../../parts/forms/field.tsx";
import {
  type Filled,
  type FormField,
  fieldNamed,
  fieldsOf,
  resultOf,
} from "../../parts/forms/form-model.ts";
import { RefusalNote } from "./refusal-note.tsx";

/** Without a schema any result may be given, and none is needed. */
const FREE: readonly FormField[] = [
  {
    ...{ name: "output", label: "Result (JSON object)", about: "", kind: "json", first: "" },
    ...{ isRequired: false, isWhole: false, options: [] },
  },
];

/** `onRefused`: the item may be another one by now. */
export function TaskForm({
  item,
  onRefused,
}: {
  readonly item: InboxItem;
  readonly onRefused: () => void;
}) {
  const { id, outputSchema } = item;
  const known = useMemo(() => fieldsOf(outputSchema), [outputSchema]);
  const fields = known ?? FREE;
  const [filled, setFilled] = useState<Filled>({});
  const [reason, setReason] = useState("");
  const [isTried, setIsTried] = useState(false);
  const reasonId = useId();
  const result = resultOf(fields, filled);
  const output =
    known === undefined ? (result.output.output as JsonObject | undefined) : result.output;
  const complete = useAct(({ inbox }, given: JsonObject | undefined) =>
    inbox.completeTask({ id, reason, ...(given === undefined ? {} : { output: given }) }),
  );
  const refused = faultsOf(complete.error, fields);
  const submit = (event: FormEvent) => {
    event.preventDefault();
    setIsTried(true);
    if (result.faults.size === 0) complete.mutate(output, { onError: onRefused });
  };
  const args = output === undefined ? [] : ["--output", JSON.stringify(output)];
  return (
    <form
      className="card card-body task-form"
      aria-label="Your result"
      onSubmit={submit}
      noValidate
    >
      {fields.map((field) => (
        <Field
          key={field.name}
          field={field}
          text={filled[field.name] ?? field.first}
          fault={(isTried && result.faults.get(field.name)) || refused.get(field.name) || ""}
          onChange={(text) => setFilled({ ...filled, [field.name]: text })}
        />
      ))}
      <div className="field">
        <label htmlFor={reasonId}>
          Comment <span className="muted">(optional)</span>
        </label>
        <textarea
          id={reasonId}
          rows={2}
          value={reason}
          onChange={({ target }) => setReason(target.value)}
        />
      </div>
      {complete.isError && refused.size === 0 && <RefusalNote error={complete.error} />}
      <div className="decision-buttons">
        <button type="submit" className="primary" disabled={complete.isPending}>
          Complete
        </button>
      </div>
      <details>
        <summary>On the command line</summary>
        <CliLine args={["complete", id, ...args]} />
      </details>
    </form>
  );
}

/** Faults that the service found, by field; those of no field are left out when others can be shown. */
function faultsOf(error: unknown, fields: readonly FormField[]): Map<string, string> {
  const faults = new Map<string, string>();
  if (!(error instanceof WorkflowsError)) return faults;
  for (const { field, description } of error.fields) {
    const name = fieldNamed(fields, field);
    if (name !== undefined) faults.set(name, description);
  }
  return faults;
}
