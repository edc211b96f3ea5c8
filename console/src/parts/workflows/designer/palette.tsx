/** What can be added: by a click behind what is chosen, or by a drag to a place, a path or a step. */
import type { DragEvent } from "react";
import { lookOfNew } from "./kinds.ts";
import { isNewKind, NEW_STEPS, type NewKind } from "./text/new-steps.ts";

const DRAGGED = "application/x-workflow-step";

/** All entries, in their order. */
export const NEW_KINDS: readonly NewKind[] = Object.keys(NEW_STEPS).filter(isNewKind);

export function Palette({
  where,
  onAdd,
}: {
  /** Where a click puts it, for readers of screens. */
  readonly where: string;
  readonly onAdd: (kind: NewKind) => void;
}) {
  return (
    <div className="palette" role="toolbar" aria-label={`Add a step ${where}`}>
      {NEW_KINDS.map((kind) => (
        <PaletteItem key={kind} kind={kind} onAdd={onAdd} />
      ))}
    </div>
  );
}

/** One entry. */
export function PaletteItem({
  kind,
  onAdd,
}: {
  readonly kind: NewKind;
  readonly onAdd: (kind: NewKind) => void;
}) {
  const { icon: Icon, word, hue } = lookOfNew(kind);
  return (
    <button
      type="button"
      className="palette-item"
      data-hue={hue}
      title={NEW_STEPS[kind].about}
      draggable
      onDragStart={(event) => {
        event.dataTransfer.setData(DRAGGED, kind);
        event.dataTransfer.effectAllowed = "copy";
      }}
      onClick={() => onAdd(kind)}
    >
      <span className="design-icon">
        <Icon aria-hidden />
      </span>
      {word}
    </button>
  );
}

/** Whether an entry of the palette is dragged. */
export function isPaletteDrag({ dataTransfer }: DragEvent): boolean {
  return dataTransfer.types.includes(DRAGGED);
}

/** The kind that was dropped; undefined: something else was. */
export function droppedKind({ dataTransfer }: DragEvent): NewKind | undefined {
  const kind = dataTransfer.getData(DRAGGED);
  return isNewKind(kind) ? kind : undefined;
}
