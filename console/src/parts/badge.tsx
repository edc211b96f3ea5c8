/** A state as icon and word. Boundary: looks alone; which state has which look is state-badge.tsx. */
import type { LucideIcon } from "lucide-react";

/** What a state means to who looks: it is well, it is wrong, it wants something, it moves, it is of no matter. */
export type Tone = "ok" | "bad" | "warn" | "info" | "idle";

export function Badge({
  tone,
  icon: Icon,
  children,
}: {
  readonly tone: Tone;
  readonly icon?: LucideIcon;
  readonly children: string;
}) {
  return (
    <span className="badge" data-tone={tone}>
      {Icon && <Icon size={14} aria-hidden="true" />}
      {children}
    </span>
  );
}
