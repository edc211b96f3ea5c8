/**
 * What the designer draws of a text: its steps and edges, what is wrong with each, and the values of its forms. Faults leave out what they
 * concern, not the rest.
 * Boundary: pure, and slow for large files: it runs in a worker. Plain values alone, for they are sent.
 */

import { shownKindOf } from "../../../../../../src/engine/steps/shown-kind.ts";
import type { Json, JsonObject } from "../../../../../../src/engine/values/json.ts";
import type { StepDraft } from "../../../../../../src/file/drafts.ts";
import type { FileFault } from "../../../../../../src/file/faults.ts";
import { toJson } from "../../../../../../src/file/nodes.ts";
import { readWorkflowFile } from "../../../../../../src/file/read-file.ts";

/** A step of the file. */
export interface PictureStep {
  readonly id: string;
  /** The key of the file that says what it does; "": it has none. */
  readonly kind: string;
  /** As consoles and lists call it, such as `approval`; "": unknown. */
  readonly shownKind: string;
  /** "": it has none. */
  readonly name: string;
  readonly role: StepDraft["role"];
  /** Where it stands in the text; lines count from 1. */
  readonly line: number;
  /** The step that undoes it; "": none does. */
  readonly undoId: string;
  /** Its keys as they are written. */
  readonly values: JsonObject;
}

/** A path between two steps. */
export interface PictureEdge {
  readonly from: string;
  readonly to: string;
  readonly label: string;
  readonly condition: string;
  /** Where the file says it: `steps.pay.next[0]`; a step's own path is the order of the file. */
  readonly path: string;
}

/** A fault or a warning, with the step or the edge that it concerns. */
interface PictureNote extends FileFault {
  readonly isWarning: boolean;
  /** "": it concerns the file. */
  readonly stepId: string;
}

/** A text, drawn. */
export interface Picture {
  readonly steps: readonly PictureStep[];
  readonly edges: readonly PictureEdge[];
  readonly notes: readonly PictureNote[];
  readonly faultCount: number;
  /** The values of the file's keys without its steps. */
  readonly head: JsonObject;
  readonly inputSchema: Json | undefined;
}

/** More are listed by nobody. */
const MOST_NOTES = 500;

/** Undefined steps: the text cannot be read at all, and the notes say why. */
export type Drawn = Omit<Picture, "steps"> & {
  readonly steps: readonly PictureStep[] | undefined;
};

/** Draws a text. */
export function drawText(text: string): Drawn {
  const { sketch, faults, warnings, locate } = readWorkflowFile(new TextEncoder().encode(text));
  const { spec, drafts = [] } = sketch ?? {};
  const owners = new Map(drafts.map(({ id, place }) => [place.path, id]));
  const noteOf = (isWarning: boolean) => (fault: FileFault) => ({
    ...fault,
    isWarning,
    stepId: ownerOf(fault.path, owners),
  });
  const notes = [...faults.map(noteOf(false)), ...warnings.map(noteOf(true))];
  return {
    steps:
      sketch && drafts.map((draft, at) => stepOf(draft, at, sketch, locate(`steps[${at}]`).line)),
    edges: (spec?.edges ?? []).map((edge, at) => ({
      ...{ from: edge.fromStepId, to: edge.toStepId },
      ...{ label: edge.label, condition: edge.conditionExpr },
      path: locate(`edges[${at}]`).path,
    })),
    notes: notes.slice(0, MOST_NOTES),
    faultCount: faults.length,
    head: sketch?.head ?? {},
    inputSchema: sketch?.inputSchema,
  };
}

type FoundSketch = NonNullable<ReturnType<typeof readWorkflowFile>["sketch"]>;

function stepOf(draft: StepDraft, at: number, { spec }: FoundSketch, line: number): PictureStep {
  const { id, kind = "", role, undoId, node } = draft;
  const step = spec.steps[at];
  const values = toJson(node);
  return {
    ...{ id, kind, role, undoId, line },
    shownKind: (step && shownKindOf(step)) ?? "",
    name: step?.name ?? "",
    values: typeof values === "object" && values !== null && !Array.isArray(values) ? values : {},
  };
}

/** The innermost step whose path a path begins with. */
function ownerOf(path: string, owners: ReadonlyMap<string, string>): string {
  for (
    let end = path.length;
    end > 0;
    end = Math.max(path.lastIndexOf(".", end - 1), path.lastIndexOf("[", end - 1))
  ) {
    const owner = owners.get(path.slice(0, end));
    if (owner !== undefined) return owner;
  }
  return "";
}
