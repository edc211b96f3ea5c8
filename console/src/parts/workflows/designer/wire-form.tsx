/** The form of a path: the outcome that it is taken for, its ends and its condition. */
import { ArrowRight, Trash2 } from "lucide-react";
import { useEffect, useId, useMemo, useState } from "react";
import { FieldControl } from "./controls.tsx";
import { FormHead, type FormProps, labelsOf } from "./step-form.tsx";
import { scopeOf } from "./text/scope.ts";
import type { StepField } from "./text/tables.ts";
import { keyOfWire, type Wire } from "./wires.ts";

const CONDITION: StepField = {
  ...{ path: ["when"], label: "Condition", control: "expression", options: [], isMore: false },
  about: "The path is taken while this holds. Empty: always.",
};

interface WireProps extends FormProps {
  readonly wire: Wire;
  /** It goes on with the same path where it leads now. */
  readonly onLed: (from: Wire, to: Wire) => void;
}

export function WireForm({ wire, onLed, ...props }: WireProps) {
  const { designer, picture, isReadOnly, onChoose, onText } = props;
  const { from, to, label } = wire;
  const key = keyOfWire(wire);
  /** What was asked for, until the picture shows it. */
  const [asked, setAsked] = useState<Wire>();
  const now = asked ?? wire;
  // biome-ignore lint/correctness/useExhaustiveDependencies: the picture shows another path.
  useEffect(() => setAsked(undefined), [key]);
  const id = useId();
  // What the step itself has put out may be named too.
  const scope = useMemo(() => scopeOf(picture, to), [picture, to]);
  const step = picture.steps.find((each) => each.id === from);
  const edge = picture.edges.find(
    (each) => each.from === from && each.to === to && each.label === label,
  );
  if (step === undefined || edge === undefined) return null;
  const ends = picture.steps.filter(({ role }) => role !== "undo");
  const leaving = picture.edges.filter((each) => each.from === from);
  const labels = labelsOf(
    step,
    designer,
    leaving.map((each) => each.label),
  );
  const lead = (next: Wire) => {
    setAsked(next);
    void designer.edit({ do: "reconnect", wire: now, next }).then((made) => {
      if (made === undefined) setAsked(undefined);
      else onLed(now, next);
    });
  };
  const endField = (end: "from" | "to") => (
    <div className="field">
      <label htmlFor={`${id}-${end}`}>{end === "from" ? "From" : "To"}</label>
      <select
        id={`${id}-${end}`}
        value={now[end]}
        disabled={isReadOnly}
        onChange={({ target }) => lead({ ...now, [end]: target.value })}
      >
        {ends.map((each) => (
          <option key={each.id} disabled={each.id === now[end === "from" ? "to" : "from"]}>
            {each.id}
          </option>
        ))}
      </select>
    </div>
  );
  return (
    <form
      className="design-form"
      aria-label={`Path from ${from} to ${to}`}
      onSubmit={(event) => event.preventDefault()}
    >
      <FormHead
        icon={
          <span className="design-icon" data-hue="grey">
            <ArrowRight aria-hidden />
          </span>
        }
        word="Path"
        onText={() => onText(["steps", from])}
        onClose={() => onChoose(undefined)}
      >
        {`${from} → ${to}`}
      </FormHead>
      {endField("from")}
      <div className="field">
        <label htmlFor={id}>Outcome of “{from}”</label>
        <select
          id={id}
          value={now.label}
          disabled={isReadOnly}
          onChange={({ target }) => lead({ ...now, label: target.value })}
        >
          {labels.map((each) => (
            <option key={each.label} value={each.label}>
              {each.word}
            </option>
          ))}
        </select>
      </div>
      {endField("to")}
      <FieldControl
        key={key}
        field={CONDITION}
        value={edge.condition}
        scope={scope}
        isReadOnly={isReadOnly}
        onChange={(value) =>
          void designer.edit({ do: "condition", wire: now, condition: String(value ?? "").trim() })
        }
        onText={() => onText(["steps", from])}
      />
      {!isReadOnly && (
        <div className="design-foot">
          <span className="muted">A step that you add now goes between the two.</span>
          <button
            type="button"
            className="danger"
            onClick={() => {
              void designer.edit({ do: "disconnect", wire: now });
              onChoose(undefined);
            }}
          >
            <Trash2 size={15} aria-hidden />
            Remove the path
          </button>
        </div>
      )}
    </form>
  );
}
