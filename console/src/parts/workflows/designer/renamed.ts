/**
 * What was meant for a step, after the step got another id: changes wait for one another, and forms name steps as the picture does that they show.
 * Boundary: pure.
 */
import { type Chosen, chosenOf, idsOf } from "./chosen.ts";
import type { Edit } from "./text/edits.ts";
import type { Wire } from "./wires.ts";

/** A step got another id. */
export interface Renamed {
  readonly from: string;
  readonly to: string;
}

/** The same change of the same steps. */
export function renamedEdit(edit: Edit, { from, to }: Renamed): Edit {
  const named = (id: string) => (id === from ? to : id);
  const wired = (wire: Wire) => renamedWire(wire, { from, to });
  switch (edit.do) {
    case "add": {
      const { from: before, on, ...rest } = edit;
      return { ...rest, from: before && named(before), on: on && wired(on) };
    }
    case "copy":
    case "remove":
      return { ...edit, ids: edit.ids.map(named) };
    case "rename":
    case "set":
      return { ...edit, id: named(edit.id) };
    case "reconnect":
      return { ...edit, wire: wired(edit.wire), next: wired(edit.next) };
    case "connect":
    case "disconnect":
    case "condition":
      return { ...edit, wire: wired(edit.wire) };
    default:
      return edit;
  }
}

/** What is chosen stays chosen; what somebody has chosen meanwhile too. */
export function renamedChosen(chosen: Chosen, renamed: Renamed): Chosen {
  if (chosen?.kind === "wire") return { kind: "wire", wire: renamedWire(chosen.wire, renamed) };
  return chosenOf(idsOf(chosen).map((id) => (id === renamed.from ? renamed.to : id)));
}

function renamedWire({ from, to, label }: Wire, renamed: Renamed): Wire {
  const named = (id: string) => (id === renamed.from ? renamed.to : id);
  return { from: named(from), to: named(to), label };
}
