/**
 * The steps of a file in the order of the version, before their keys are read.
 * Boundary: which steps there are, where they stand, and of which kind.
 * Invariant: a step is followed by its `undo:` and then by its inline children, each with their own.
 */
import { type FaultList, nearest, type Place } from "./faults.ts";
import { type Entry, type FileNode, findEntry, keyPlace, type MappingNode } from "./nodes.ts";
import { listed, readText, requireMapping } from "./read-values.ts";
import { STEP_KINDS } from "./step-keys.ts";

/** A step of the file. */
export interface StepDraft {
  readonly id: string;
  /** Where its id stands, or its `undo:`. */
  readonly place: Place;
  readonly node: MappingNode;
  /** Where it stands: among the steps, inside of a `parallel:`, or in an `undo:`. */
  readonly role: "top" | "child" | "undo";
  /** The key that says what it is; undefined with a fault. */
  readonly kind: string | undefined;
  /** The step that undoes it; "" when none does. */
  readonly undoId: string;
  /** Where `undo:` stands. */
  readonly undoPlace?: Place;
  /** Ids of its inline children. */
  readonly childIds: readonly string[];
}

const KINDS = Object.keys(STEP_KINDS);
const MAX_INLINE_DEPTH = 20;

/** All steps of `steps:`. */
export function draftSteps(steps: FileNode, faults: FaultList): StepDraft[] {
  const mapping = requireMapping(steps, "steps must be a mapping of ids to steps", faults);
  const drafts: StepDraft[] = [];
  for (const entry of mapping?.entries ?? []) addStep(entry, "top", { drafts, faults, depth: 0 });
  return drafts;
}

interface Drafting {
  readonly drafts: StepDraft[];
  readonly faults: FaultList;
  readonly depth: number;
}

function addStep(entry: Entry, role: "top" | "child", drafting: Drafting): void {
  const node = requireMapping(entry.value, "a step is a mapping", drafting.faults);
  if (node === undefined) return;
  addDraft({ id: entry.key, place: keyPlace(entry), node, role }, drafting);
}

function addDraft(
  found: Pick<StepDraft, "id" | "place" | "node" | "role">,
  { drafts, faults, depth }: Drafting,
): void {
  const { id, node } = found;
  const inside = { drafts, faults, depth: depth + 1 };
  if (depth > MAX_INLINE_DEPTH) {
    faults.add(found.place, `steps stand inside of one another at most ${MAX_INLINE_DEPTH} deep`);
    return;
  }
  const undo = findEntry(node, "undo");
  const parallel = findEntry(node, "parallel")?.value;
  const children = parallel?.kind === "mapping" ? parallel.entries : [];
  const undoId = undo === undefined ? "" : undoIdOf(id, undo, faults);
  drafts.push({
    ...found,
    kind: kindOf(found, faults),
    undoId,
    ...(undo === undefined ? {} : { undoPlace: keyPlace(undo) }),
    childIds: children.map(({ key }) => key),
  });
  if (undo?.value.kind === "mapping") {
    addDraft({ id: undoId, place: keyPlace(undo), node: undo.value, role: "undo" }, inside);
  }
  for (const child of children) addStep(child, "child", inside);
}

/** The id of the step that undoes: a text names a step; a step inside has `id`, or `undo-` and the id of its owner. */
function undoIdOf(ownerId: string, { value }: Entry, faults: FaultList): string {
  if (value.kind !== "mapping") return readText(value, faults);
  const id = findEntry(value, "id");
  return id === undefined ? `undo-${ownerId}` : readText(id.value, faults);
}

function kindOf({ id, node, place }: Pick<StepDraft, "id" | "node" | "place">, faults: FaultList) {
  const found = node.entries.filter(({ key }) => KINDS.includes(key));
  const [first, ...others] = found;
  if (first === undefined) {
    const near = node.entries.map(({ key }) => nearest(key, KINDS)).find((text) => text !== "");
    faults.add(
      place,
      `step "${id}" has none of the keys that say what it does: ${listed(KINDS)}${near ?? ""}`,
    );
    return undefined;
  }
  // An agent may be required to have a capability too.
  const keys = found.map(({ key }) => key);
  if (keys.length === 2 && keys.includes("agent") && keys.includes("capability")) return "agent";
  for (const other of others) {
    faults.add(keyPlace(other), `a step does one thing: it has "${first.key}" already`);
  }
  return first.key;
}
