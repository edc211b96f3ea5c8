/** One field of a form that a JSON Schema describes. Boundary: draws it; what its text means is form-model.ts. */
import { useId } from "react";
import { PlainText } from "../plain-text.tsx";
import { type FormField, textOf } from "./form-model.ts";
import "./forms.css";

/** Its label, its control, what it is about, and what is wrong with it. */
export function Field({
  field,
  text,
  fault,
  onChange,
}: {
  readonly field: FormField;
  readonly text: string;
  /** "": nothing is wrong. */
  readonly fault: string;
  readonly onChange: (text: string) => void;
}) {
  const id = useId();
  const { label, about, kind, isRequired } = field;
  const shared = {
    ...{ id, value: text, required: isRequired, "aria-invalid": fault !== "" },
    "aria-describedby": `${id}-about`,
  };
  const title = <PlainText most={200}>{label}</PlainText>;
  const notes = (
    <div id={`${id}-about`}>
      {about !== "" && (
        <p className="muted">
          <PlainText most={1_000}>{about}</PlainText>
        </p>
      )}
      {fault !== "" && (
        <p className="fault" role="alert">
          <PlainText most={500}>{fault}</PlainText>
        </p>
      )}
    </div>
  );
  if (kind === "flag") {
    return (
      <fieldset className="field" aria-describedby={`${id}-about`}>
        <legend>
          {title}
          <Optional isRequired={isRequired} />
        </legend>
        <div className="yes-no">
          {[true, false].map((value) => (
            <label key={String(value)}>
              <input
                type="radio"
                name={id}
                checked={text === String(value)}
                onChange={() => onChange(String(value))}
              />
              {value ? "Yes" : "No"}
            </label>
          ))}
        </div>
        {notes}
      </fieldset>
    );
  }
  return (
    <div className="field">
      <label htmlFor={id}>
        {title}
        <Optional isRequired={isRequired} />
      </label>
      {kind === "choice" ? (
        <select {...shared} onChange={({ target }) => onChange(target.value)}>
          <option value="">–</option>
          {field.options.map((option) => (
            <option key={textOf(option)} value={textOf(option)}>
              {textOf(option)}
            </option>
          ))}
        </select>
      ) : kind === "long" || kind === "lines" || kind === "json" ? (
        <textarea
          {...shared}
          rows={kind === "json" ? 5 : 3}
          className={kind === "json" ? "code" : undefined}
          placeholder={kind === "lines" ? "One a line" : undefined}
          onChange={({ target }) => onChange(target.value)}
        />
      ) : (
        <input
          {...shared}
          type={kind === "date" ? "date" : "text"}
          inputMode={kind === "number" ? (field.isWhole ? "numeric" : "decimal") : undefined}
          autoComplete="off"
          onChange={({ target }) => onChange(target.value)}
        />
      )}
      {notes}
    </div>
  );
}

function Optional({ isRequired }: { readonly isRequired: boolean }) {
  return isRequired ? null : <span className="muted"> (optional)</span>;
}
