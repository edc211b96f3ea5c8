/** A field for the name of an environment: the usual ones are offered, another one can be typed. */
import { useId } from "react";
import { ENVIRONMENT_NAME, USUAL_ENVIRONMENTS } from "./environments.ts";

export function EnvironmentField({
  label = "Environment",
  value,
  about,
  onChange,
}: {
  readonly label?: string;
  readonly value: string;
  readonly about?: string;
  readonly onChange: (environment: string) => void;
}) {
  const id = useId();
  const isFault = value !== "" && !ENVIRONMENT_NAME.test(value);
  return (
    <div className="field">
      <label htmlFor={id}>{label}</label>
      <input
        id={id}
        list={`${id}-usual`}
        value={value}
        autoComplete="off"
        spellCheck={false}
        aria-invalid={isFault}
        aria-describedby={`${id}-about`}
        onChange={({ target }) => onChange(target.value.trim())}
      />
      <datalist id={`${id}-usual`}>
        {USUAL_ENVIRONMENTS.map((name) => (
          <option key={name} value={name} />
        ))}
      </datalist>
      <div id={`${id}-about`}>
        {about && <p className="muted">{about}</p>}
        {isFault && (
          <p className="fault" role="alert">
            Small letters, digits and hyphens, a letter first, 32 at most
          </p>
        )}
      </div>
    </div>
  );
}
