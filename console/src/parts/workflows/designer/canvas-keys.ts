/** Keys of the canvas. Boundary: what they do is the selection's and the designer's. */
import type { KeyboardEvent } from "react";
import type { Point } from "../../graph/layout.ts";
import type { Places } from "../draft/places.ts";
import { type Chosen, chosenOf, idsOf, toggled } from "./chosen.ts";
import type { Picture } from "./text/picture.ts";
import type { Designer } from "./use-designer.ts";
import type { Selection } from "./use-selection.ts";
import { nearestStep } from "./walk.ts";

/** What the keys are for. */
export interface Keyed {
  readonly designer: Pick<Designer, "edit">;
  readonly selection: Selection;
  readonly picture: Picture;
  readonly places: Places;
  readonly chosen: Chosen;
  readonly isReadOnly: boolean;
  readonly onChoose: (chosen: Chosen) => void;
  /** Enter on a step. */
  readonly onOpen: () => void;
}

const ARROWS: Readonly<Record<string, Point>> = {
  ArrowUp: { x: 0, y: -1 },
  ArrowDown: { x: 0, y: 1 },
  ArrowLeft: { x: -1, y: 0 },
  ArrowRight: { x: 1, y: 0 },
};
/** Of one key that moves steps, in px. */
const STRIDE = 24;

export function onCanvasKey(event: KeyboardEvent<HTMLElement>, keyed: Keyed): void {
  const { selection, chosen, isReadOnly, onChoose, onOpen } = keyed;
  const { key } = event;
  const target = event.target as HTMLElement;
  const own = target.dataset.step;
  // The buttons that zoom have keys of their own.
  if (own === undefined && target.closest("button") !== null) return;
  const ids = idsMeant(chosen, own);
  const focused = own ?? idsOf(chosen).at(-1);
  const command = event.ctrlKey || event.metaKey ? key.toLowerCase() : "";
  if (ARROWS[key] !== undefined && focused !== undefined) onArrow(event, focused, ids, keyed);
  else if (key === "Enter" && focused !== undefined) {
    onChoose({ kind: "step", id: focused });
    onOpen();
  } else if (key === "Escape") onChoose(undefined);
  else if (command === "a") {
    onChoose(chosenOf(keyed.picture.steps.map(({ id }) => id)));
  } else if (isReadOnly) return;
  else if (key === "Delete" || key === "Backspace") onDelete(event, ids, keyed);
  else if (command === "d" && ids.length > 0) selection.duplicate(ids);
  else return;
  event.preventDefault();
}

/** The step that has the focus, unless it is one of several that are chosen. */
export function idsMeant(chosen: Chosen, focused: string | undefined): readonly string[] {
  const ids = idsOf(chosen);
  return focused === undefined || ids.includes(focused) ? ids : [focused];
}

function onArrow(
  event: KeyboardEvent<HTMLElement>,
  focused: string,
  ids: readonly string[],
  { selection, places, chosen, isReadOnly, onChoose }: Keyed,
): void {
  const arrow = ARROWS[event.key];
  if (arrow === undefined) return;
  if (event.altKey) {
    if (!isReadOnly) selection.move(ids, { x: arrow.x * STRIDE, y: arrow.y * STRIDE }, true);
    return;
  }
  const next = nearestStep(places, focused, arrow);
  if (next === undefined) return;
  if (!event.shiftKey) onChoose({ kind: "step", id: next });
  else if (!idsOf(chosen).includes(next)) onChoose(toggled(chosenOf(ids), next));
  focusStep(event.currentTarget, next);
}

function onDelete(
  { currentTarget, target }: KeyboardEvent<HTMLElement>,
  ids: readonly string[],
  { designer, selection, picture, chosen, onChoose }: Keyed,
): void {
  const isOnStep = (target as HTMLElement).dataset.step !== undefined;
  if (chosen?.kind === "wire" && !isOnStep) {
    void designer.edit({ do: "disconnect", wire: chosen.wire });
    onChoose(undefined);
    return;
  }
  if (ids.length === 0) return;
  const before = picture.edges.find(({ from, to }) => ids.includes(to) && !ids.includes(from));
  selection.remove(ids);
  if (before === undefined) currentTarget.focus();
  else focusStep(currentTarget, before.from);
}

function focusStep(host: HTMLElement, id: string): void {
  // It may have to be drawn first.
  requestAnimationFrame(() => {
    host.querySelector<HTMLElement>(`[data-step="${CSS.escape(id)}"]`)?.focus();
  });
}
