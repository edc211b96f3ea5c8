/** Which step follows, where a path was drawn to an empty place. */
import { useEffect, useRef } from "react";
import type { Point } from "../../graph/layout.ts";
import { NEW_KINDS, PaletteItem } from "./palette.tsx";
import type { NewKind } from "./text/new-steps.ts";

export function QuickAdd({
  at,
  after,
  onAdd,
  onClose,
}: {
  /** In the canvas. */
  readonly at: Point;
  readonly after: string;
  readonly onAdd: (kind: NewKind) => void;
  readonly onClose: () => void;
}) {
  const host = useRef<HTMLFieldSetElement>(null);
  useEffect(() => {
    host.current?.querySelector("button")?.focus();
  }, []);
  return (
    <fieldset
      className="quick-add"
      aria-label={`What follows ${after}`}
      ref={host}
      style={{ left: `min(${at.x}px, 100% - 180px)`, top: `min(${at.y}px, 100% - 300px)` }}
      onKeyDown={(event) => {
        event.stopPropagation();
        if (event.key === "Escape") onClose();
      }}
    >
      {NEW_KINDS.map((kind) => (
        <PaletteItem key={kind} kind={kind} onAdd={onAdd} />
      ))}
    </fieldset>
  );
}
