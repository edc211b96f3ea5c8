/** The form of several steps: which they are, and what can be done with all of them. */
import { ClipboardCopy, Copy, Layers, Trash2 } from "lucide-react";
import { PlainText } from "../../plain-text.tsx";
import { lookOf } from "./kinds.ts";
import { FormHead, type FormProps } from "./step-form.tsx";
import type { PictureStep } from "./text/picture.ts";

const MOST_SHOWN = 100;

export function SelectionForm({
  steps,
  selection,
  isReadOnly,
  onChoose,
}: Pick<FormProps, "selection" | "isReadOnly" | "onChoose"> & {
  readonly steps: readonly PictureStep[];
}) {
  const ids = steps.map(({ id }) => id);
  return (
    <form
      className="design-form"
      aria-label={`${steps.length} steps`}
      onSubmit={(event) => event.preventDefault()}
    >
      <FormHead
        icon={
          <span className="design-icon" data-hue="grey">
            <Layers aria-hidden />
          </span>
        }
        word="Drag one of them, or press Alt and an arrow key, to move all."
        onClose={() => onChoose(undefined)}
      >
        {`${steps.length} steps`}
      </FormHead>
      <ul className="design-chosen">
        {steps.slice(0, MOST_SHOWN).map((step) => {
          const look = lookOf(step);
          return (
            <li key={step.id}>
              <span className="design-icon" data-hue={look.hue}>
                <look.icon aria-hidden />
              </span>
              <button
                type="button"
                className="link"
                onClick={() => onChoose({ kind: "step", id: step.id })}
              >
                <PlainText most={80}>{step.id}</PlainText>
              </button>
              <span className="muted">{look.word}</span>
            </li>
          );
        })}
        {steps.length > MOST_SHOWN && (
          <li className="muted">And {steps.length - MOST_SHOWN} more.</li>
        )}
      </ul>
      <div className="design-foot is-several">
        <button type="button" onClick={() => void selection.copy(ids)}>
          <ClipboardCopy size={15} aria-hidden />
          Copy
        </button>
        {!isReadOnly && (
          <>
            <button type="button" onClick={() => selection.duplicate(ids)}>
              <Copy size={15} aria-hidden />
              Duplicate
            </button>
            <button type="button" className="danger" onClick={() => selection.remove(ids)}>
              <Trash2 size={15} aria-hidden />
              Remove {steps.length} steps
            </button>
          </>
        )}
      </div>
    </form>
  );
}
