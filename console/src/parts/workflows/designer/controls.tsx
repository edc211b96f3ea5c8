/** The controls of the designer's forms. What is typed is given on after a pause, and when the control is left. */
import { Plus, X } from "lucide-react";
import { lazy, type ReactNode, Suspense, useEffect, useId, useRef, useState } from "react";
import type { Json } from "../../../../../src/engine/values/json.ts";
import { areTypes, type Row, rowsOf, TYPES, valueOfRows } from "./rows.ts";
import type { ScopeName } from "./text/scope.ts";
import type { StepField } from "./text/tables.ts";

const ExpressionField = lazy(async () => ({
  default: (await import("./expression-field.tsx")).ExpressionField,
}));

const PAUSE_MS = 350;
const DURATION = /^(?:\d{1,10}[smhdw])+$|^\d+$/;

interface Props {
  readonly field: StepField;
  readonly value: Json | undefined;
  readonly scope: readonly ScopeName[];
  readonly isReadOnly: boolean;
  readonly onChange: (value: Json | undefined) => void;
  /** Goes to the value in the text. */
  readonly onText: () => void;
}

/** A field with its label and what it is about. */
export function FieldControl(props: Props) {
  const { field, value } = props;
  const id = useId();
  const ids = { id, "aria-describedby": `${id}-about` };
  if (field.control === "rows" || field.control === "schema") {
    return (
      <fieldset className="field rows" aria-describedby={ids["aria-describedby"]}>
        <legend>{field.label}</legend>
        <About id={id}>{field.about}</About>
        <Rows {...props} />
      </fieldset>
    );
  }
  const isCode = field.control === "expression" || field.control === "long";
  return (
    <div className="field">
      <label htmlFor={id} id={`${id}-label`}>
        {field.label}
      </label>
      {isNested(value) ? (
        <InText onText={props.onText} />
      ) : isCode ? (
        <Suspense fallback={<textarea rows={2} disabled aria-label={field.label} />}>
          <Code {...props} labelId={`${id}-label`} />
        </Suspense>
      ) : (
        <Simple {...props} ids={ids} />
      )}
      <About id={id}>{field.about}</About>
    </div>
  );
}

function About({ id, children }: { readonly id: string; readonly children: string }) {
  return (
    <p className="muted field-about" id={`${id}-about`}>
      {withCode(children)}
    </p>
  );
}

/** What stands in back quotes is code. */
export function withCode(text: string): ReactNode[] {
  return text.split("`").map((part, at) => (at % 2 === 1 ? <code key={part}>{part}</code> : part));
}

function isNested(value: Json | undefined): boolean {
  return typeof value === "object" && value !== null && !isTexts(value);
}

/** Texts that can be typed with commas between them. */
function isTexts(value: Json | undefined): value is string[] {
  return (
    Array.isArray(value) && value.every((each) => typeof each === "string" && !/[,\n]/.test(each))
  );
}

function InText({ onText }: { readonly onText: () => void }) {
  return (
    <button type="button" className="link" onClick={onText}>
      It has parts: change it in the text
    </button>
  );
}

function Simple({
  field,
  value,
  isReadOnly,
  onChange,
  ids,
}: Props & { readonly ids: { readonly id: string; readonly "aria-describedby": string } }) {
  const { control, options } = field;
  const given = isTexts(value)
    ? value.join(", ")
    : value === undefined || value === null
      ? ""
      : String(value);
  const [text, type, leave] = useTyped(given, (next) => onChange(typedValue(control, next)));
  if (control === "choice" || control === "flag") {
    const choices = control === "flag" ? ["true", "false"] : options;
    const all = given === "" || choices.includes(given) ? choices : [...choices, given];
    return (
      <select
        {...ids}
        value={given}
        disabled={isReadOnly}
        onChange={({ target }) => onChange(typedValue(control, target.value))}
      >
        <option value="">–</option>
        {all.map((option) => (
          <option key={option} value={option}>
            {control === "flag" ? (option === "true" ? "Yes" : "No") : option}
          </option>
        ))}
      </select>
    );
  }
  const isWrong =
    control === "duration" && text !== "" && !text.includes("{{") && !DURATION.test(text);
  return (
    <>
      <input
        {...ids}
        value={text}
        readOnly={isReadOnly}
        autoComplete="off"
        spellCheck={false}
        aria-invalid={isWrong}
        inputMode={control === "count" ? "numeric" : undefined}
        placeholder={PLACEHOLDERS[control]}
        list={options.length > 0 ? `${ids.id}-list` : undefined}
        onChange={({ target }) => type(target.value)}
        onBlur={leave}
      />
      {options.length > 0 && (
        <datalist id={`${ids.id}-list`}>
          {options.map((option) => (
            <option key={option} value={option} />
          ))}
        </datalist>
      )}
    </>
  );
}

const PLACEHOLDERS: Readonly<Record<string, string>> = {
  duration: "15m, 24h, 7d",
  lines: "one, or several with commas",
};

/** As the file has it; undefined: nothing was typed. */
function typedValue(control: StepField["control"], text: string): Json | undefined {
  const typed = text.trim();
  if (typed === "") return undefined;
  if (control === "flag") return typed === "true";
  const isNumber = control === "count" || control === "duration";
  if (isNumber && /^\d{1,10}$/.test(typed)) return Number(typed);
  if (control !== "lines") return text;
  const texts = typed
    .split(/[,\n]/)
    .map((each) => each.trim())
    .filter((each) => each !== "");
  return texts.length === 0 ? undefined : texts;
}

function Code({
  field,
  value,
  scope,
  isReadOnly,
  onChange,
  labelId,
}: Props & { readonly labelId: string }) {
  const given = value === undefined || value === null ? "" : String(value);
  const [text, type, leave] = useTyped(given, (next) =>
    onChange(next.trim() === "" ? undefined : next),
  );
  return (
    <ExpressionField
      labelId={labelId}
      text={text}
      scope={scope}
      isTemplate={field.control === "long"}
      isReadOnly={isReadOnly}
      onType={type}
      onLeave={leave}
    />
  );
}

function Rows({ field, value, isReadOnly, onChange, onText }: Props) {
  const given = rowsOf(value);
  const isSchema = field.control === "schema";
  const key = JSON.stringify(given);
  const [rows, setRows] = useState<readonly Row[]>(given ?? []);
  const known = useRef(key);
  useEffect(() => {
    if (known.current === key) return;
    known.current = key;
    setRows(JSON.parse(key ?? "[]"));
  }, [key]);
  if (given === undefined || (isSchema && !areTypes(given))) return <InText onText={onText} />;
  const change = (next: readonly Row[]) => {
    setRows(next);
    const made = valueOfRows(next, isSchema);
    known.current = JSON.stringify(rowsOf(made));
    onChange(made);
  };
  const set = (at: number, row: Partial<Row>) =>
    change(rows.map((each, index) => (index === at ? { ...each, ...row } : each)));
  return (
    <>
      {rows.map((row, at) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: rows have no other name while they are typed.
        <div className="row" key={at}>
          <Typed
            label={`Name ${at + 1}`}
            text={row.name}
            isReadOnly={isReadOnly}
            onChange={(name) => set(at, { name })}
          />
          {isSchema ? (
            <TypeChoice
              at={at}
              text={row.text}
              isReadOnly={isReadOnly}
              onChange={(text) => set(at, { text })}
            />
          ) : (
            <Typed
              label={`Value ${at + 1}`}
              text={row.text}
              isReadOnly={isReadOnly}
              onChange={(text) => set(at, { text })}
            />
          )}
          {!isReadOnly && (
            <button
              type="button"
              className="icon-only"
              aria-label={`Remove ${row.name || `row ${at + 1}`}`}
              onClick={() => change(rows.filter((_, index) => index !== at))}
            >
              <X aria-hidden />
            </button>
          )}
        </div>
      ))}
      {!isReadOnly && (
        <button
          type="button"
          className="quiet"
          onClick={() => setRows([...rows, { name: "", text: isSchema ? "string" : "" }])}
        >
          <Plus size={14} aria-hidden />
          Add a field
        </button>
      )}
    </>
  );
}

function TypeChoice({
  at,
  text,
  isReadOnly,
  onChange,
}: {
  readonly at: number;
  readonly text: string;
  readonly isReadOnly: boolean;
  readonly onChange: (text: string) => void;
}) {
  const isOptional = text.endsWith("?");
  const type = isOptional ? text.slice(0, -1) : text;
  return (
    <>
      <select
        aria-label={`Type ${at + 1}`}
        value={type}
        disabled={isReadOnly}
        onChange={({ target }) => onChange(isOptional ? `${target.value}?` : target.value)}
      >
        {TYPES.map((each) => (
          <option key={each}>{each}</option>
        ))}
      </select>
      <label className="row-optional" title="It may be missing">
        <input
          type="checkbox"
          checked={isOptional}
          disabled={isReadOnly}
          onChange={({ target }) => onChange(target.checked ? `${type}?` : type)}
        />
        optional
      </label>
    </>
  );
}

function Typed({
  label,
  text: given,
  isReadOnly,
  onChange,
}: {
  readonly label: string;
  readonly text: string;
  readonly isReadOnly: boolean;
  readonly onChange: (text: string) => void;
}) {
  const [text, type, leave] = useTyped(given, onChange);
  return (
    <input
      aria-label={label}
      value={text}
      readOnly={isReadOnly}
      autoComplete="off"
      spellCheck={false}
      placeholder={label.replace(/ \d+$/, "").toLowerCase()}
      onChange={({ target }) => type(target.value)}
      onBlur={leave}
    />
  );
}

/** What is typed, and the same given on after a pause. What comes from outside takes its place, unless somebody types. */
function useTyped(given: string, onChange: (text: string) => void) {
  const [text, setText] = useState(given);
  const open = useRef<{ timer: ReturnType<typeof setTimeout>; text: string }>(undefined);
  const latest = useRef(onChange);
  latest.current = onChange;
  const leave = useRef(() => {
    if (open.current === undefined) return;
    clearTimeout(open.current.timer);
    const { text: typed } = open.current;
    open.current = undefined;
    latest.current(typed);
  });
  useEffect(() => {
    if (open.current === undefined) setText(given);
  }, [given]);
  // What was typed when the form is closed is kept.
  useEffect(() => leave.current, []);
  const type = (next: string) => {
    setText(next);
    if (open.current !== undefined) clearTimeout(open.current.timer);
    open.current = { text: next, timer: setTimeout(leave.current, PAUSE_MS) };
  };
  return [text, type, leave.current] as const;
}
