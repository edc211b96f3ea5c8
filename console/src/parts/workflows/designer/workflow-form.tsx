/** The form of the workflow as a whole: what its runs take, what starts them, and how long they may be open. */
import { Workflow } from "lucide-react";
import { FieldControl } from "./controls.tsx";
import { FormHead, type FormProps, Notes } from "./step-form.tsx";
import type { StepField } from "./text/tables.ts";

function field(
  key: string,
  label: string,
  control: StepField["control"],
  about: string,
): StepField {
  return { path: [key], label, control, about, options: [], isMore: false };
}

const FIELDS: readonly StepField[] = [
  field("description", "Description", "text", "What it is for."),
  field("input", "Input", "schema", "What a run is started with."),
  field("timeout", "Timeout", "duration", "After so long a run that is still open fails."),
  field("on", "Trigger", "text", "What starts runs: manual, workflow, or an event in the text."),
];

const KEYS = [
  ["Arrows", "go from step to step"],
  ["Shift + arrows, click or drag", "choose several steps"],
  ["Ctrl + A", "choose all steps"],
  ["Enter", "open the form of a step"],
  ["Alt + arrows", "move what is chosen"],
  ["Ctrl + C, X, V", "copy, cut and paste, between workflows too"],
  ["Ctrl + D", "duplicate"],
  ["Delete", "remove steps or a path"],
  ["Ctrl + Z, Ctrl + Shift + Z", "undo and redo"],
] as const;

export function WorkflowForm({ name, ...props }: FormProps & { readonly name: string }) {
  const { designer, picture, isReadOnly, onText } = props;
  return (
    <form
      className="design-form"
      aria-label="The workflow"
      onSubmit={(event) => event.preventDefault()}
    >
      <FormHead
        icon={
          <span className="design-icon" data-hue="indigo">
            <Workflow aria-hidden />
          </span>
        }
        word="Settings of the whole workflow. Choose a step or a path to edit it."
      >
        {name}
      </FormHead>
      <Notes notes={designer.notes.filter(({ stepId }) => stepId === "")} />
      {FIELDS.map((each) => {
        const [key = ""] = each.path;
        return (
          <FieldControl
            key={key}
            field={each}
            value={picture.head[key]}
            scope={[]}
            isReadOnly={isReadOnly}
            onChange={(value) => void designer.edit({ do: "set_head", key, value })}
            onText={() => onText([key])}
          />
        );
      })}
      <details className="more">
        <summary>Keys on the canvas</summary>
        <dl className="design-keys">
          {KEYS.map(([keys, does]) => (
            <div key={keys}>
              <dt>{keys}</dt>
              <dd>{does}</dd>
            </div>
          ))}
        </dl>
      </details>
    </form>
  );
}
