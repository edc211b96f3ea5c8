/**
 * Where the steps of a version stand in a file: in order, inside of a `parallel:`, or as another's `undo:`.
 * Boundary: positions. A step is written inside of another only where the file gives back the order of the version.
 */
import { factsOf } from "../engine/steps/registry.ts";
import type { VersionSpec } from "../engine/values/definition.ts";

/** Positions of all steps, by index. */
export interface Layout {
  readonly indexById: ReadonlyMap<string, number>;
  /** Steps of the first level, compensation steps among them left out: those that follow one another by order. */
  readonly sequence: readonly number[];
  /** Steps of the first level in their order. */
  readonly top: readonly number[];
  /** By step: the step that is written as its `undo:`. */
  readonly undoOf: ReadonlyMap<number, number>;
  /** By PARALLEL: the children that are written inside of it. */
  readonly childrenOf: ReadonlyMap<number, readonly number[]>;
  /** Children that a `parallel:` names by id. */
  readonly listed: ReadonlySet<number>;
}

const MAX_INLINE_DEPTH = 3;

/** Lays out a version. With `inline` false only `undo:` is written inside of a step. */
export function layOut(spec: VersionSpec, inline: boolean): Layout {
  const indexById = new Map<string, number>();
  for (const [index, { id }] of spec.steps.entries()) {
    if (!indexById.has(id)) indexById.set(id, index);
  }
  const laying = new Laying(spec, indexById, inline);
  const top: number[] = [];
  for (let index = 0; index < spec.steps.length; ) {
    top.push(index);
    index = laying.lay(index, 0);
  }
  const undone = new Set(spec.steps.map(({ compensationStepId }) => compensationStepId));
  const sequence = top.filter((index) => !undone.has(spec.steps[index]?.id ?? ""));
  const inside = new Set([...laying.childrenOf.values()].flat());
  const listed = new Set<number>();
  for (const [from, children] of laying.children.entries()) {
    if (laying.childrenOf.has(from)) continue;
    for (const child of children) if (!inside.has(child)) listed.add(child);
  }
  return { indexById, sequence, top, undoOf: laying.undoOf, childrenOf: laying.childrenOf, listed };
}

class Laying {
  readonly undoOf = new Map<number, number>();
  readonly childrenOf = new Map<number, readonly number[]>();
  /** By step: children by its edges. */
  readonly children: readonly (readonly number[])[];
  readonly #spec: VersionSpec;
  readonly #indexById: ReadonlyMap<string, number>;
  readonly #inline: boolean;

  constructor(spec: VersionSpec, indexById: ReadonlyMap<string, number>, inline: boolean) {
    this.#spec = spec;
    this.#indexById = indexById;
    this.#inline = inline;
    const children = spec.steps.map((): number[] => []);
    for (const { fromStepId, toStepId, label } of spec.edges) {
      const [from = -1, to = -1] = [indexById.get(fromStepId), indexById.get(toStepId)];
      const isFork = factsOf(spec.steps[from]?.stepType ?? "UNSPECIFIED")?.plainRole === "child";
      if (isFork && label === "" && to >= 0) children[from]?.push(to);
    }
    this.children = children;
  }

  /** Places a step and what stands inside of it; the index of the step after all of these. */
  lay(index: number, depth: number): number {
    let next = index + 1;
    const undoId = this.#spec.steps[index]?.compensationStepId ?? "";
    if (undoId !== "" && this.#indexById.get(undoId) === next) {
      this.undoOf.set(index, next);
      next = this.lay(next, depth + 1);
    }
    const children = this.children[index] ?? [];
    if (!this.#inline || children.length === 0 || depth >= MAX_INLINE_DEPTH) return next;
    const after = this.#layChildren(children, next, depth);
    if (after === undefined) return next;
    this.childrenOf.set(index, children);
    return after;
  }

  /** Undefined where the children do not stand right behind one another. */
  #layChildren(children: readonly number[], first: number, depth: number): number | undefined {
    let next = first;
    for (const child of children) {
      if (child !== next) return undefined;
      next = this.lay(child, depth + 1);
    }
    return next;
  }
}
