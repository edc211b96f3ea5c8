/** Filters as buttons that are pressed or not. */
import type { LucideIcon } from "lucide-react";
import type { Tone } from "./badge.tsx";
import { PlainText } from "./plain-text.tsx";

/** One of them. */
export interface Chip {
  /** In the address. */
  readonly id: string;
  readonly label: string;
  readonly tone?: Tone;
  readonly icon?: LucideIcon;
}

/** `on`: the ids of those that are pressed. */
export function Chips({
  legend,
  chips,
  on,
  onToggle,
}: {
  /** For readers of screens. */
  readonly legend: string;
  readonly chips: readonly Chip[];
  readonly on: readonly string[];
  readonly onToggle: (id: string) => void;
}) {
  if (chips.length === 0) return null;
  return (
    <fieldset className="chips">
      <legend className="spoken">{legend}</legend>
      {chips.map(({ id, label, tone = "info", icon: Icon }) => (
        <button
          type="button"
          key={id}
          className="chip"
          data-tone={tone}
          aria-pressed={on.includes(id)}
          onClick={() => onToggle(id)}
        >
          {Icon && <Icon size={14} aria-hidden="true" />}
          <PlainText most={200}>{label}</PlainText>
        </button>
      ))}
    </fieldset>
  );
}
