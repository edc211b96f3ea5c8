/**
 * Changes of a workflow file that a person makes on the canvas or in a form.
 * Boundary: text in, text out; pure, and slow for large files: it runs in a worker.
 * Invariant: lines that a change does not concern stay as they were typed, where that says the same.
 */
import { type Document, isMap, type Pair, type YAMLMap } from "yaml";
import type { Json } from "../../../../../../src/engine/values/json.ts";
import { withTyped } from "../../draft/merge-texts.ts";
import { diffLines, linesIn } from "../../line-diff.ts";
import { keyOfWire, type Wire } from "../wires.ts";
import { rewriteChoice, setCondition } from "./conditions.ts";
import {
  CannotEdit,
  dropKey,
  keyOf,
  nodeOf,
  parseFile,
  scalarOf,
  stepIn,
  stepsIn,
  writeFile,
} from "./documents.ts";
import { fragmentOf, pasteFragment } from "./fragments.ts";
import { freeId, NEW_STEPS, type NewKind, plainId } from "./new-steps.ts";
import { type Drawn, drawText, type PictureEdge } from "./picture.ts";
import { removeSteps } from "./removing.ts";
import { renameSteps } from "./renaming.ts";
import { setValue, valueIn } from "./values.ts";
import { insertAfter, kindOf, wiredAs } from "./wiring.ts";

/** A change. */
export type Edit =
  /** `from`: it follows this step, by `label` where one is given; `on`: it comes between two steps. Neither: it is joined to nothing. */
  | {
      readonly do: "add";
      readonly kind: NewKind;
      readonly from?: string | undefined;
      readonly label?: string | undefined;
      readonly on?: Wire | undefined;
    }
  /** Copies stand behind the last one of them, with the paths between them. */
  | { readonly do: "copy"; readonly ids: readonly string[] }
  | { readonly do: "paste"; readonly fragment: string }
  | { readonly do: "remove"; readonly ids: readonly string[] }
  | { readonly do: "connect"; readonly wire: Wire }
  | { readonly do: "disconnect"; readonly wire: Wire }
  /** Leads a path from or to another step, or by another label; its condition stays. */
  | { readonly do: "reconnect"; readonly wire: Wire; readonly next: Wire }
  | { readonly do: "condition"; readonly wire: Wire; readonly condition: string }
  | { readonly do: "rename"; readonly id: string; readonly to: string }
  /** `value` undefined: the key goes. */
  | {
      readonly do: "set";
      readonly id: string;
      readonly path: readonly string[];
      readonly value: Json | undefined;
    }
  | { readonly do: "set_head"; readonly key: string; readonly value: Json | undefined };

/** What came of it. */
export type Edited =
  | {
      readonly ok: true;
      readonly text: string;
      /** Steps that are chosen after it. */
      readonly chosen: readonly string[];
      /** Of copies: the steps that they were made of, by their ids. */
      readonly copies: Readonly<Record<string, string>>;
    }
  | { readonly ok: false; readonly problem: string };

/** Steps as a fragment of a file. */
export type Copied =
  | Pick<Extract<Edited, { ok: true }>, "ok" | "text">
  | Extract<Edited, { ok: false }>;

/** Copies steps; see fragmentOf. */
export function copySteps(text: string, ids: readonly string[]): Copied {
  return inWords(() => ({ ok: true, text: fragmentOf(text, ids) }));
}

/** Makes a change. What cannot be made is answered in words. */
export function applyEdit(text: string, edit: Edit): Edited {
  return inWords(() => {
    const editing = new Editing(text);
    const chosen = editing.make(edit);
    const { copies, carried } = editing;
    const changed = editing.finish(text);
    if (edit.do === "reconnect" && carried !== "") {
      return applyEdit(changed, { do: "condition", wire: edit.next, condition: carried });
    }
    return { ok: true, text: changed, chosen, copies };
  });
}

function inWords<Made>(make: () => Made): Made | Extract<Edited, { ok: false }> {
  try {
    return make();
  } catch (error) {
    if (error instanceof CannotEdit) return { ok: false, problem: error.message };
    const words = error instanceof Error ? error.message : String(error);
    return { ok: false, problem: `This cannot be done here: write it in the text (${words})` };
  }
}

const ID = /^[A-Za-z0-9][A-Za-z0-9_-]{0,99}$/;

class Editing {
  /** As the library writes the text that it was given. */
  readonly #before: string;
  /** The condition of a path that begins at another step now. */
  carried = "";
  /** See Edited. */
  copies: Readonly<Record<string, string>> = {};
  #document: Document;
  #drawnOnce: Drawn | undefined;
  /** Undefined: the paths stay as they are. */
  #changedWires: readonly Wire[] | undefined;

  constructor(text: string) {
    this.#document = parseFile(text);
    this.#before = writeFile(this.#document);
  }

  /** Of the text before the change. */
  get #drawn(): Drawn {
    this.#drawnOnce ??= drawText(this.#before);
    return this.#drawnOnce;
  }

  get #wanted(): readonly Wire[] {
    return this.#changedWires ?? this.#drawn.edges;
  }

  set #wanted(wires: readonly Wire[]) {
    this.#changedWires = wires;
  }

  /** Gives the steps that are chosen after it. */
  make(edit: Edit): readonly string[] {
    switch (edit.do) {
      case "add":
        return [this.#add(edit)];
      case "copy":
        return this.#paste(fragmentOf(this.#before, edit.ids), this.#last(edit.ids));
      case "paste":
        return this.#paste(edit.fragment);
      case "remove":
        this.#wanted = removeSteps(this.#document, this.#drawn, new Set(edit.ids), true);
        return [];
      case "connect":
        this.#connect(edit.wire);
        return [];
      case "disconnect":
        this.#wanted = this.#without(edit.wire);
        return [];
      case "reconnect":
        this.#reconnect(edit.wire, edit.next);
        return [];
      case "condition":
        setCondition(this.#document, this.#edge(edit.wire), this.#drawn.edges, edit.condition);
        return [];
      case "rename":
        return [this.#rename(edit.id, edit.to)];
      case "set":
        setValue(this.#document, stepIn(this.#document, edit.id).node, edit.path, edit.value);
        return [edit.id];
      case "set_head":
        this.#setHead(edit.key, edit.value);
        return [];
    }
  }

  finish(text: string): string {
    const changed = writeFile(this.#document);
    const wires = this.#changedWires;
    const wired = wires === undefined ? changed : wiredAs(changed, wires);
    if (text === this.#before) return wired;
    const kept = keptLines(this.#before, text, wired);
    return saysSame(kept, wired) ? kept : wired;
  }

  #edge(wire: Wire): PictureEdge {
    const key = keyOfWire(wire);
    const found = this.#drawn.edges.find((edge) => keyOfWire(edge) === key);
    if (found === undefined) throw new CannotEdit("There is no such path any more");
    return found;
  }

  #without(wire: Wire): Wire[] {
    const key = keyOfWire(wire);
    return this.#wanted.filter((edge) => keyOfWire(edge) !== key);
  }

  /** See freeId. */
  #taken(): Set<string> {
    return new Set(stepsIn(this.#document).map(({ id }) => plainId(id)));
  }

  #add({ kind, from, label, on }: Extract<Edit, { do: "add" }>): string {
    const { id: wish, values } = NEW_STEPS[kind];
    const id = freeId(wish, this.#taken());
    const pair = this.#document.createPair(id, nodeOf(this.#document, values)) as Pair;
    const split = on ?? (from === undefined || label !== undefined ? undefined : this.#only(from));
    const after = split?.from ?? from ?? stepsIn(this.#document).findLast(isTop)?.id;
    this.#wanted = this.#drawn.edges;
    insertAfter(this.#document, pair, after);
    if (split !== undefined) {
      const onwards = { from: id, to: split.to, label: plainLabelOf(kind) };
      rewriteChoice(this.#document, this.#edge(split), { to: id });
      this.#wanted = [...this.#without(split), { ...split, to: id }, onwards];
    } else if (from !== undefined) {
      const by = label ?? this.#freeLabel(from);
      this.#wanted = [...this.#wanted, { from, to: id, label: by }];
    }
    return id;
  }

  /** The one path by which a step goes on; undefined: it has none or several, or one with a condition. */
  #only(from: string): Wire | undefined {
    const kind = this.#kindOf(from);
    if (kind === "branch" || kind === "parallel") return undefined;
    const plain = this.#drawn.edges.filter((edge) => edge.from === from && edge.label === "");
    const [first, ...others] = plain;
    return others.length === 0 && first?.condition === "" ? first : undefined;
  }

  #freeLabel(from: string): string {
    if (this.#kindOf(from) !== "branch") return "";
    const { node } = stepIn(this.#document, from);
    if (isList(node.get("branch"))) return "";
    const used = new Set(
      this.#drawn.edges.filter((edge) => edge.from === from).map(({ label }) => label),
    );
    return ["true", "false"].find((label) => !used.has(label)) ?? "default";
  }

  #kindOf(id: string): string {
    return kindOf(stepIn(this.#document, id).node);
  }

  #paste(fragment: string, after?: string): readonly string[] {
    this.#wanted = this.#drawn.edges;
    const { wires, copies } = pasteFragment(this.#document, fragment, after);
    this.#wanted = [...this.#wanted, ...wires];
    this.copies = copies;
    return Object.keys(copies);
  }

  /** Of these steps, in the order of the file. */
  #last(ids: readonly string[]): string | undefined {
    return stepsIn(this.#document).findLast(({ id }) => ids.includes(id))?.id;
  }

  #reconnect(wire: Wire, next: Wire): void {
    const edge = this.#edge(wire);
    this.#wanted = this.#without(wire);
    // A path that is there already keeps its own condition.
    if (!this.#has(next)) this.#lead(edge, next);
    this.#connect(next);
  }

  /** The condition goes with the path, wherever the file says it. */
  #lead(edge: PictureEdge, next: Wire): void {
    const { node } = stepIn(this.#document, edge.to);
    const isOfStep =
      edge.condition !== "" && String(scalarOf(node.get("when", true))) === edge.condition;
    if (next.to !== edge.to && isOfStep) {
      dropKey(node, "when");
      this.carried = edge.condition;
    } else if (next.from !== edge.from && !isOfStep) this.carried = edge.condition;
    if (this.carried !== "" && stepIn(this.#document, next.to).node.has("when")) {
      throw new CannotEdit(`"${next.to}" has a condition of its own: write in the text what holds`);
    }
    if (next.from !== edge.from) return;
    const to = next.to === edge.to ? {} : { to: next.to };
    const label = next.label === edge.label ? {} : { label: next.label };
    rewriteChoice(this.#document, edge, { ...to, ...label });
  }

  #connect(wire: Wire): void {
    if (wire.from === wire.to) throw new CannotEdit("A step cannot follow itself");
    const exists = this.#wanted.some((edge) => keyOfWire(edge) === keyOfWire(wire));
    if (!exists) this.#wanted = [...this.#wanted, wire];
    const target = stepIn(this.#document, wire.to);
    if (target.role === "undo") {
      throw new CannotEdit(`"${wire.to}" undoes another step: no path leads to it`);
    }
    // It began with the run; now it follows.
    const needs = target.node.get("needs");
    if (isList(needs) && needs.items.length === 0) dropKey(target.node, "needs");
  }

  #has(wire: Wire): boolean {
    return this.#drawn.edges.some((edge) => keyOfWire(edge) === keyOfWire(wire));
  }

  #rename(id: string, to: string): string {
    if (to === id) return id;
    if (!ID.test(to)) {
      throw new CannotEdit("An id has letters, digits, - and _, and begins with a letter or digit");
    }
    const isOne = (step: { readonly id: string }) => plainId(step.id) === plainId(to);
    const other = stepsIn(this.#document).find((step) => step.id !== id && isOne(step));
    if (other?.id === to) throw new CannotEdit(`There is a step "${to}" already`);
    if (other !== undefined) {
      throw new CannotEdit(`"${to}" differs only in "-" and "_" from the step "${other.id}"`);
    }
    renameSteps(this.#document, new Map([[id, to]]));
    const named = (each: string) => (each === id ? to : each);
    this.#wanted = this.#wanted.map((edge) => ({
      ...{ from: named(edge.from), to: named(edge.to), label: edge.label },
    }));
    return to;
  }

  #setHead(key: string, value: Json | undefined): void {
    if (value === undefined) {
      this.#document.delete(key);
      return;
    }
    const root = this.#document.contents as YAMLMap;
    const isNew = !root.has(key);
    this.#document.set(key, valueIn(this.#document, root.get(key, true), value));
    if (!isNew) return;
    // What is about the whole file stands above its steps.
    const pair = root.items.pop();
    const at = root.items.findIndex((each) => keyOf(each) === "steps");
    if (pair !== undefined) root.items.splice(at < 0 ? root.items.length : at, 0, pair);
  }
}

/** By which a new step goes on to the one behind it. */
function plainLabelOf(kind: NewKind): string {
  if (kind === "branch") return "true";
  return "";
}

function isTop({ role }: { readonly role: string }): boolean {
  return role === "top";
}

function isList(node: unknown): node is { items: unknown[] } {
  return typeof node === "object" && node !== null && "items" in node && !isMap(node);
}

/** The changed text with each line that is the same as before as it was typed. */
function keptLines(before: string, typed: string, changed: string): string {
  const lines = linesIn(typed);
  if (lines.length !== linesIn(before).length) return withTyped(before, typed, changed);
  const kept: string[] = [];
  let at = 0;
  for (const { kind, text } of diffLines(before, changed)) {
    if (kind === "added") kept.push(text);
    else {
      if (kind === "same") kept.push(lines[at] ?? text);
      at += 1;
    }
  }
  return `${kept.join("\n")}\n`;
}

function saysSame(one: string, other: string): boolean {
  const plain = (text: string) => JSON.stringify(parseFile(text).toJS());
  try {
    return plain(one) === plain(other);
  } catch {
    return false;
  }
}
