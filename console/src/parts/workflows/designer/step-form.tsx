/** The form of a step: its keys in the file, its next steps, and its faults. */
import { ArrowRight, CircleX, Copy, Trash2, TriangleAlert, X } from "lucide-react";
import { type FormEvent, type ReactNode, useId, useMemo, useRef, useState } from "react";
import type { Json, JsonObject } from "../../../../../src/engine/values/json.ts";
import { PlainText } from "../../plain-text.tsx";
import { cutText, visibleText } from "../../visible-text.ts";
import type { Chosen } from "./chosen.ts";
import { FieldControl, withCode } from "./controls.tsx";
import { InputList } from "./input-list.tsx";
import { lookOf, portsOf } from "./kinds.ts";
import type { Picture, PictureStep } from "./text/picture.ts";
import { scopeOf } from "./text/scope.ts";
import type { StepField } from "./text/tables.ts";
import type { Designer } from "./use-designer.ts";
import type { Selection } from "./use-selection.ts";

const NOTE_CHARS = 500;

export interface FormProps {
  readonly designer: Designer;
  readonly selection: Selection;
  readonly picture: Picture;
  readonly isReadOnly: boolean;
  readonly onChoose: (chosen: Chosen) => void;
  /** Goes to a step, or to a key of the file, in the text. */
  readonly onText: (path: readonly string[]) => void;
}

/** What the form of one step has besides. */
interface StepProps extends FormProps {
  readonly step: PictureStep;
  /** It goes on with the same step by its new id. */
  readonly onRenamed: (id: string) => void;
}

export function StepForm(props: StepProps) {
  const { step, designer, selection, picture, isReadOnly, onText } = props;
  const { id, values } = step;
  const scope = useMemo(() => scopeOf(picture, id), [picture, id]);
  const fields = fieldsOf(step, designer);
  const [first, more] = [
    fields.filter(({ isMore }) => !isMore),
    fields.filter(({ isMore }) => isMore),
  ];
  const control = (field: StepField) => (
    <FieldControl
      key={field.path.join(".")}
      field={field}
      value={valueAt(values, field.path)}
      scope={scope}
      isReadOnly={isReadOnly}
      onChange={(value) => void designer.edit({ do: "set", id, path: field.path, value })}
      onText={() => onText(["steps", id, ...field.path])}
    />
  );
  const isMoreSet = more.some(({ path }) => valueAt(values, path) !== undefined);
  return (
    <form
      className="design-form"
      aria-label={`Step ${id}`}
      onSubmit={(event) => event.preventDefault()}
    >
      <StepHead {...props} />
      <Notes notes={designer.notes.filter(({ stepId }) => stepId === id)} />
      <IdField {...props} />
      {step.role !== "undo" && (
        <InputList {...props} stepId={id} isReplaced={values.with !== undefined} />
      )}
      {first.map(control)}
      <Paths {...props} />
      <details className="more" open={isMoreSet || undefined}>
        <summary>More settings</summary>
        <div className="design-fields">{more.map(control)}</div>
      </details>
      {!isReadOnly && (
        <div className="design-foot">
          <button type="button" onClick={() => selection.duplicate([id])}>
            <Copy size={15} aria-hidden />
            Duplicate
          </button>
          <button type="button" className="danger" onClick={() => selection.remove([id])}>
            <Trash2 size={15} aria-hidden />
            Remove the step
          </button>
        </div>
      )}
    </form>
  );
}

function StepHead({ step, onChoose, onText }: FormProps & { readonly step: PictureStep }) {
  const look = lookOf(step);
  return (
    <FormHead
      icon={
        <span className="design-icon" data-hue={look.hue}>
          <look.icon aria-hidden />
        </span>
      }
      word={look.word}
      onText={() => onText(["steps", step.id])}
      onClose={() => onChoose(undefined)}
    >
      {step.name || step.id}
    </FormHead>
  );
}

/** The head of a form of the pane. */
export function FormHead({
  icon,
  word,
  children,
  onText,
  onClose,
}: {
  readonly icon?: ReactNode;
  readonly word: string;
  readonly children: string;
  readonly onText?: () => void;
  readonly onClose?: () => void;
}) {
  return (
    <header className="design-form-head">
      {icon}
      <div>
        <h2 tabIndex={-1}>
          <PlainText most={100}>{children}</PlainText>
        </h2>
        <p className="muted">{word}</p>
      </div>
      {onText && (
        <button type="button" className="quiet" onClick={onText}>
          Show in text
        </button>
      )}
      {onClose && (
        <button type="button" className="icon-only" aria-label="Close the form" onClick={onClose}>
          <X aria-hidden />
        </button>
      )}
    </header>
  );
}

export function Notes({ notes }: { readonly notes: Picture["notes"] }) {
  if (notes.length === 0) return null;
  return (
    <ul className="design-notes" aria-label="Faults and warnings">
      {notes.map(({ path, message, isWarning }) => {
        const Icon = isWarning ? TriangleAlert : CircleX;
        return (
          <li key={`${path} ${message}`} data-tone={isWarning ? "warn" : "bad"}>
            <Icon size={15} aria-hidden />
            <span>
              <span className="spoken">{isWarning ? "Warning: " : "Fault: "}</span>
              {withCode(cutText(visibleText(message), NOTE_CHARS))}
            </span>
          </li>
        );
      })}
    </ul>
  );
}

function IdField({ step: { id }, designer, isReadOnly, onRenamed }: StepProps) {
  const field = useId();
  const [text, setText] = useState(id);
  /** Enter asks, and then leaving the field would ask again. */
  const isAsked = useRef(false);
  const rename = () => {
    if (isAsked.current) return;
    if (text === id || text.trim() === "") return setText(id);
    isAsked.current = true;
    void designer.edit({ do: "rename", id, to: text.trim() }).then((renamed) => {
      isAsked.current = false;
      const [to] = renamed ?? [];
      if (to === undefined) setText(id);
      else onRenamed(to);
    });
  };
  return (
    <div className="field">
      <label htmlFor={field}>Id</label>
      <input
        id={field}
        value={text}
        readOnly={isReadOnly}
        autoComplete="off"
        spellCheck={false}
        onChange={({ target }) => setText(target.value)}
        onBlur={rename}
        onKeyDown={(event) => event.key === "Enter" && rename()}
      />
    </div>
  );
}

/** Of its kind, without those that go with another form of its value. */
function fieldsOf({ kind, values, role }: PictureStep, { tables }: Designer): StepField[] {
  const all = tables?.[kind]?.fields ?? [];
  const { wait } = values;
  const isObject = typeof wait === "object" && wait !== null && !Array.isArray(wait);
  return all.filter(({ path: [first, second] }) => {
    if (role === "undo" && first === "undo") return false;
    if (kind !== "wait" || first !== "wait") return true;
    if (!isObject) return second === undefined;
    return "until" in wait ? second === "until" : second !== undefined && second !== "until";
  });
}

function valueAt(values: JsonObject, [first = "", ...rest]: readonly string[]): Json | undefined {
  const value = values[first];
  if (rest.length === 0) return value;
  if (typeof value !== "object" || value === null || Array.isArray(value)) return undefined;
  return valueAt(value, rest);
}

/** The paths that leave it: the same as the lines on the canvas, for the keyboard. */
function Paths({
  step,
  designer,
  picture,
  isReadOnly,
  onChoose,
}: FormProps & { readonly step: PictureStep }) {
  const { id } = step;
  const leaving = picture.edges.filter(({ from }) => from === id);
  const labels = labelsOf(
    step,
    designer,
    leaving.map(({ label }) => label),
  );
  const targets = picture.steps.filter((other) => other.id !== id && other.role !== "undo");
  const [label, setLabel] = useState<string>();
  const [to, setTo] = useState("");
  const free = labels.find(({ label: each }) => !leaving.some((edge) => edge.label === each));
  const by = label ?? free?.label ?? labels[0]?.label ?? "";
  const connect = (event: FormEvent | undefined) => {
    event?.preventDefault();
    if (to === "") return;
    void designer.edit({ do: "connect", wire: { from: id, to, label: by } });
    setTo("");
    setLabel(undefined);
  };
  if (step.role === "undo") return null;
  return (
    <fieldset className="field paths">
      <legend>Next steps</legend>
      <ul>
        {leaving.map(({ from, to: target, label: each, condition }) => (
          <li key={`${target} ${each}`}>
            <span className="path-label">{wordOf(labels, each)}</span>
            <ArrowRight size={13} aria-hidden />
            <button
              type="button"
              className="link"
              onClick={() => onChoose({ kind: "wire", wire: { from, to: target, label: each } })}
            >
              <PlainText most={80}>{target}</PlainText>
            </button>
            {condition !== "" && (
              <code>
                if <PlainText most={80}>{condition}</PlainText>
              </code>
            )}
            {!isReadOnly && (
              <button
                type="button"
                className="icon-only"
                aria-label={`Remove the path ${wordOf(labels, each)} to ${target}`}
                onClick={() =>
                  void designer.edit({ do: "disconnect", wire: { from, to: target, label: each } })
                }
              >
                <X aria-hidden />
              </button>
            )}
          </li>
        ))}
      </ul>
      {!isReadOnly && targets.length > 0 && (
        <div className="row">
          <select aria-label="Outcome" value={by} onChange={({ target }) => setLabel(target.value)}>
            {labels.map(({ label: each, word }) => (
              <option key={each} value={each}>
                {word}
              </option>
            ))}
          </select>
          <select aria-label="Next step" value={to} onChange={({ target }) => setTo(target.value)}>
            <option value="">Choose a step</option>
            {targets.map((target) => (
              <option key={target.id}>{target.id}</option>
            ))}
          </select>
          <button type="button" disabled={to === ""} onClick={() => connect(undefined)}>
            Add path
          </button>
        </div>
      )}
    </fieldset>
  );
}

/** The ends of a step: those on the canvas first. */
export function labelsOf(step: PictureStep, { tables }: Designer, used: readonly string[]) {
  const ports = portsOf(step, used);
  const known = new Set(ports.map(({ label }) => label));
  const others = (tables?.[step.kind]?.outcomes ?? []).filter(
    (label) => !known.has(label) && label !== "approved",
  );
  return [...ports, ...others.map((label) => ({ label, word: label }))];
}

function wordOf(labels: readonly { label: string; word: string }[], label: string): string {
  return labels.find((each) => each.label === label)?.word ?? label;
}
