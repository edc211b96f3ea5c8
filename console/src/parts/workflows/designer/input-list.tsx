/** What a step gets, and where each field comes from. */
import { useMemo } from "react";
import { PlainText } from "../../plain-text.tsx";
import type { FormProps } from "./step-form.tsx";
import { inputOf } from "./text/inputs.ts";

export function InputList({
  stepId,
  isReplaced,
  picture,
  onChoose,
}: Pick<FormProps, "picture" | "onChoose"> & {
  readonly stepId: string;
  /** By `with`. */
  readonly isReplaced: boolean;
}) {
  const { fields, unknown } = useMemo(() => inputOf(picture, stepId), [picture, stepId]);
  const source = (id: string) =>
    id === "" ? (
      <span key={id}>run input</span>
    ) : (
      <button
        key={id}
        type="button"
        className="link"
        onClick={() => onChoose({ kind: "step", id })}
      >
        <PlainText most={60}>{id}</PlainText>
      </button>
    );
  const count = fields.length === 1 ? "1 field" : `${fields.length} fields`;
  const known = fields.length === 0 && unknown.length > 0 ? "fields not known" : count;
  return (
    <details className="more">
      <summary>
        Merged input: {known}
        {isReplaced && ", replaced below"}
      </summary>
      <ul className="design-inputs" aria-label="Merged input">
        {fields.map(({ name, type, from }) => (
          <li key={name}>
            <code>
              <PlainText most={60}>{name}</PlainText>
            </code>
            <span className="muted">{type}</span>
            <span className="design-from">from {from.map(source)}</span>
          </li>
        ))}
        {unknown.map((id) => (
          <li key={`all of ${id}`}>
            <span className="muted">fields without a schema</span>
            <span className="design-from">from {source(id)}</span>
          </li>
        ))}
        {fields.length + unknown.length === 0 && (
          <li className="muted">The workflow has no input: add its fields in the workflow form.</li>
        )}
      </ul>
    </details>
  );
}
