/**
 * How the steps of a file follow one another → edges.
 * Boundary: `next`, `needs`, `when`, `then`, `else`, `on`, children, `edges:` and the order in which steps are written.
 * Invariants:
 * 1. Edges are sorted by the step that they leave; those of one step stand as its keys stand, then the order, then `needs`.
 * 2. A step that is not the first one and to which nothing leads is a fault, unless it says `needs: []`.
 */
import { factsOf } from "../engine/steps/registry.ts";
import type { EdgeDefinition, StepDefinition } from "../engine/values/definition.ts";
import type { StepDraft } from "./drafts.ts";
import { nearest, type Place, placeOf } from "./faults.ts";
import { type Entry, type FileNode, findEntry, keyPlace } from "./nodes.ts";
import { PATH_KEYS } from "./read-step.ts";
import {
  type Reading,
  readExpressionText,
  readKnown,
  readText,
  requireMapping,
} from "./read-values.ts";
import { findConditions, type MadeEdge } from "./when.ts";
import { readWrittenEdges, textOf } from "./written-edges.ts";

/** What `next` says where nothing follows. */
const END = "end";

/** The edges of a file. `steps` are those of `drafts`, in the same order; `edges` is the value of `edges:`. */
export function readPaths(
  drafts: readonly StepDraft[],
  steps: readonly StepDefinition[],
  edges: Entry | undefined,
  reading: Reading,
): EdgeDefinition[] {
  const paths = new Paths(drafts, steps, reading);
  for (const [index, draft] of drafts.entries()) paths.readStep(draft, index);
  const written = edges === undefined ? [] : paths.readEdges(edges.value);
  if (edges === undefined) paths.followOrder();
  for (const [index, draft] of drafts.entries()) paths.readNeeds(draft, index);
  return paths.finish(written);
}

class Paths {
  readonly #drafts: readonly StepDraft[];
  readonly #steps: readonly StepDefinition[];
  readonly #reading: Reading;
  readonly #indexById = new Map<string, number>();
  readonly #undoIds: ReadonlySet<string>;
  /** By the step that they leave. */
  readonly #leaving: MadeEdge[][];
  /** Steps that another step or an edge names. */
  readonly #named = new Set<number>();
  /** Children by a list of ids: nothing follows them by order. */
  readonly #listed = new Set<number>();

  constructor(drafts: readonly StepDraft[], steps: readonly StepDefinition[], reading: Reading) {
    this.#drafts = drafts;
    this.#steps = steps;
    this.#reading = reading;
    for (const [index, { id }] of drafts.entries()) {
      if (!this.#indexById.has(id)) this.#indexById.set(id, index);
    }
    this.#undoIds = new Set(drafts.map(({ undoId }) => undoId).filter((id) => id !== ""));
    this.#leaving = drafts.map(() => []);
  }

  /** The edges that the step's own keys make. */
  readStep(draft: StepDraft, from: number): void {
    if (draft.undoPlace !== undefined && draft.undoId !== "")
      this.#resolve(draft.undoId, draft.undoPlace);
    if (this.#undoIds.has(draft.id)) this.#refusePaths(draft);
    for (const entry of draft.node.entries) {
      const { key, value } = entry;
      if (key === "next") this.#next(from, value);
      else if (key === "on") this.#labelled(from, value, "on");
      else if (key === "then" && draft.kind === "branch") this.#labelled(from, value, "then");
      else if (key === "else" && draft.kind === "branch")
        this.#target(from, value, { label: "default" });
      else if (key === "branch" && value.kind === "list") {
        for (const item of value.items) this.#choice(from, item, "");
      } else if (key === "parallel") this.#children(from, draft, value);
    }
  }

  #refusePaths({ node, id }: StepDraft): void {
    for (const entry of node.entries) {
      if (!PATH_KEYS.includes(entry.key) || entry.key === "needs") continue;
      this.#reading.faults.add(
        keyPlace(entry),
        `"${id}" undoes another step: no path leads to it or from it`,
      );
    }
  }

  /** Steps, `end` alone, or choices with conditions of their own. */
  #next(from: number, value: FileNode): void {
    const items = value.kind === "list" ? value.items : [value];
    if (items.length === 1 && items[0] !== undefined && this.#isEnd(items[0])) return;
    const label = this.#normalLabel(from);
    for (const item of items) {
      if (item.kind === "mapping") this.#choice(from, item, label);
      else this.#target(from, item, { label });
    }
  }

  /** The label of a good end: children of a PARALLEL have none, so what joins has one. */
  #normalLabel(from: number): string {
    return factsOf(this.#steps[from]?.stepType ?? "UNSPECIFIED")?.plainRole === "child"
      ? "joined"
      : "";
  }

  #isEnd(node: FileNode): boolean {
    return node.kind === "scalar" && node.value === END && !this.#indexById.has(END);
  }

  #labelled(from: number, value: FileNode, key: string): void {
    const mapping = requireMapping(
      value,
      `${key} must be a mapping of ${key === "on" ? "outcomes" : "values"} to steps`,
      this.#reading.faults,
    );
    for (const entry of mapping?.entries ?? []) {
      const items = entry.value.kind === "list" ? entry.value.items : [entry.value];
      for (const item of items) {
        this.#target(from, item, { label: entry.key, labelPlace: keyPlace(entry) });
      }
    }
  }

  /** `{ when, go, label }` */
  #choice(from: number, item: FileNode, normalLabel: string): void {
    const { faults } = this.#reading;
    const entries = readKnown(item, "a choice", ["when", "go", "label"], faults);
    const find = (key: string) => entries.find((entry) => entry.key === key);
    const go = find("go");
    if (go === undefined) {
      if (item.kind === "mapping") faults.add(placeOf(item), "a choice needs `go: STEP`");
      return;
    }
    const [when, label] = [find("when"), find("label")];
    this.#target(from, go.value, {
      label: label === undefined ? normalLabel : readText(label.value, faults),
      ...(label === undefined ? {} : { labelPlace: placeOf(label.value) }),
      ...(when === undefined ? {} : { condition: when.value }),
    });
  }

  #children(from: number, draft: StepDraft, value: FileNode): void {
    if (value.kind === "mapping") {
      for (const { key, keyOffset, path } of value.entries) {
        this.#add(from, this.#indexById.get(key), { label: "" }, { path, offset: keyOffset });
      }
      return;
    }
    if (value.kind !== "list") {
      if (value.kind === "scalar" && value.value === null) return;
      this.#reading.faults.add(
        placeOf(value),
        `parallel of "${draft.id}" must be a mapping of steps or a list of ids`,
      );
      return;
    }
    for (const item of value.items) {
      const to = this.#target(from, item, { label: "" });
      if (to !== undefined) this.#listed.add(to);
    }
  }

  /** An edge to the step that a node names; the step's index. */
  #target(from: number, node: FileNode, how: HowMade): number | undefined {
    const place = placeOf(node);
    if (this.#isEnd(node)) {
      this.#reading.faults.add(place, '"end" stands in `next` alone; name a step here');
      return undefined;
    }
    if (node.kind !== "scalar") {
      readText(node, this.#reading.faults);
      return undefined;
    }
    const to = this.#resolve(node.text, place);
    this.#add(from, to, how, place);
    return to;
  }

  #add(from: number, to: number | undefined, how: HowMade, place: Place): void {
    const [source, target] = [this.#steps[from], to === undefined ? undefined : this.#steps[to]];
    if (source === undefined || target === undefined || to === undefined) return;
    this.#named.add(to);
    const { condition, label, labelPlace = place } = how;
    const conditionExpr =
      condition === undefined ? "" : readExpressionText(condition, this.#reading.faults);
    this.#leaving[from]?.push({
      edge: { fromStepId: source.id, toStepId: target.id, conditionExpr, label },
      places: {
        to: place,
        label: labelPlace,
        ...(condition === undefined ? {} : { condition: placeOf(condition) }),
      },
    });
  }

  /** The index of a step; undefined with a fault when there is none. */
  #resolve(id: string, place: Place): number | undefined {
    const index = this.#indexById.get(id);
    if (index === undefined) {
      this.#reading.faults.add(
        place,
        `there is no step "${id}"${nearest(id, this.#indexById.keys())}`,
      );
    }
    return index;
  }

  /** A step follows the one above it, unless something else leads to it or the one above says what is next. */
  followOrder(): void {
    const inOrder = [...this.#drafts.entries()].filter(
      ([, { role, id }]) => role === "top" && !this.#undoIds.has(id),
    );
    for (const [at, [index, draft]] of inOrder.entries()) {
      if (this.#named.has(index) || findEntry(draft.node, "needs") !== undefined) continue;
      const above = inOrder[at - 1];
      if (above === undefined) continue;
      if (this.#saysNext(above[1]) || this.#listed.has(above[0])) {
        this.#reading.faults.add(
          draft.place,
          `nothing leads to "${draft.id}": name it in a next, then or on, or write needs: [] to start it with the run`,
        );
      } else this.#add(above[0], index, { label: this.#normalLabel(above[0]) }, draft.place);
    }
  }

  #saysNext({ node, kind }: StepDraft): boolean {
    if (kind === "branch") return true;
    return findEntry(node, "next") !== undefined;
  }

  /** `needs: [a, b]` */
  readNeeds(draft: StepDraft, to: number): void {
    const needs = findEntry(draft.node, "needs")?.value;
    if (needs === undefined) return;
    const items = needs.kind === "list" ? needs.items : [needs];
    for (const item of items) {
      const from = this.#resolve(readText(item, this.#reading.faults), placeOf(item));
      if (from !== undefined)
        this.#add(from, to, { label: this.#normalLabel(from) }, placeOf(item));
    }
  }

  /** `edges: [{ from, to, label, when }]` */
  readEdges(value: FileNode): MadeEdge[] {
    const { faults } = this.#reading;
    return readWrittenEdges(value, faults).flatMap(({ item, from, to, label, when }) => {
      const source = this.#resolve(textOf(from), placeOf(from));
      const target = this.#resolve(textOf(to), placeOf(to));
      if (source === undefined || target === undefined) return [];
      const edge = {
        fromStepId: textOf(from),
        toStepId: textOf(to),
        conditionExpr: when === undefined ? "" : readExpressionText(when, faults),
        label: label === undefined ? "" : textOf(label),
      };
      const condition = when === undefined ? {} : { condition: placeOf(when) };
      const places = { to: placeOf(to), label: placeOf(label ?? item), ...condition };
      return [{ edge, places }];
    });
  }

  /** All edges in the order of the version, conditions of `when` included; their places are set. */
  finish(written: readonly MadeEdge[]): EdgeDefinition[] {
    const made = [...this.#leaving.flat(), ...written];
    const drafts = this.#drafts.filter(({ id }) => !this.#undoIds.has(id));
    const conditions = findConditions(drafts, made, this.#reading.faults);
    return made.map(({ edge, places }, at) => {
      const when = conditions.get(at);
      const condition = when === undefined ? places.condition : placeOf(when);
      const field = `edges[${at}]`;
      this.#reading.places.set(field, places.to);
      this.#reading.places.set(`${field}.label`, places.label);
      if (condition !== undefined) this.#reading.places.set(`${field}.condition_expr`, condition);
      return when === undefined
        ? edge
        : { ...edge, conditionExpr: readExpressionText(when, this.#reading.faults) };
    });
  }
}

/** What a reference makes. */
interface HowMade {
  readonly label: string;
  readonly labelPlace?: Place;
  readonly condition?: FileNode;
}
