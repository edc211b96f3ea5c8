/** Says that what a person is about to act on is not what they saw, and asks them to look again before they go on. */
import { TriangleAlert } from "lucide-react";
import type { ReactNode } from "react";

export function ChangedNote({
  title,
  children,
  action,
  onSeen,
}: {
  readonly title: string;
  readonly children: ReactNode;
  /** The word of the button. */
  readonly action: string;
  readonly onSeen: () => void;
}) {
  return (
    <div className="error-note" role="alert">
      <TriangleAlert size={18} aria-hidden="true" />
      <div>
        <p className="error-title">{title}</p>
        <p>{children}</p>
        <button type="button" onClick={onSeen}>
          {action}
        </button>
      </div>
    </div>
  );
}
