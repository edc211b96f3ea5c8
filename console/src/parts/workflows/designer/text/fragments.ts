/**
 * Steps that are copied: a fragment is a file that has these steps alone, with the paths between them and their conditions. It is what the
 * clipboard holds, and can be pasted in a text too.
 */
import { type Document, isAlias, isMap, isSeq, type Pair, visit, type YAMLMap } from "yaml";
import type { Wire } from "../wires.ts";
import { CannotEdit, dropKey, keyOf, parseFile, stepMap, stepsIn, writeFile } from "./documents.ts";
import { freeId, plainId } from "./new-steps.ts";
import { drawText } from "./picture.ts";
import { removeSteps, withInner } from "./removing.ts";
import { renameSteps } from "./renaming.ts";
import { insertAfter, wiredAs } from "./wiring.ts";

/** New steps, with the ids that they were copied from by their own. */
export interface Pasted {
  readonly wires: readonly Wire[];
  readonly copies: Readonly<Record<string, string>>;
}

/** Copies steps, each with what stands inside of it and what undoes it. Throws CannotEdit where there is none of them. */
export function fragmentOf(text: string, ids: readonly string[]): string {
  const document = parseFile(text);
  const drawn = drawText(text);
  const wanted = new Set(ids);
  liftChildren(document, wanted);
  const kept = withInner(document, wanted);
  if (kept.size === 0) throw new CannotEdit("These steps are not there any more");
  const others = stepsIn(document).filter(({ id }) => !kept.has(id));
  const wires = removeSteps(document, drawn, new Set(others.map(({ id }) => id)), false);
  const root = document.contents as YAMLMap;
  root.items = root.items.filter((pair) => ["steps", "edges"].includes(keyOf(pair)));
  return wiredAs(writeFile(document), wires);
}

/** A child whose parallel is not copied is a step of its own. */
function liftChildren(document: Document, ids: ReadonlySet<string>): void {
  const inner = withInner(document, ids);
  const isInside = new Set(
    stepsIn(document).flatMap(({ id, node }) => (inner.has(id) ? [node] : [])),
  );
  const parents = new Map(
    stepsIn(document).flatMap(({ id, node }) => {
      const children = node.get("parallel");
      return isMap(children) ? [[children, { id, node }] as const] : [];
    }),
  );
  for (const { id, role, pair, around } of stepsIn(document)) {
    const parent = parents.get(around);
    if (role !== "child" || !ids.has(id) || parent === undefined || isInside.has(parent.node))
      continue;
    dropKey(around, keyOf(pair));
    insertAfter(document, pair, parent.id);
  }
}

/** An alias means the last anchor of its name: those of a fragment get names that the file does not have, or go where nothing names them. */
function keepAnchorsApart(source: Document, document: Document): void {
  const taken = new Set<string>();
  visit(document, {
    Node: (_, { anchor }) => {
      if (anchor !== undefined) taken.add(plainId(anchor));
    },
  });
  const named = new Set<string>();
  visit(source, { Alias: (_, alias) => void named.add(alias.source) });
  const names = new Map<string, string>();
  visit(source, {
    Node: (_, node) => {
      if (isAlias(node)) node.source = names.get(node.source) ?? node.source;
      else if (node.anchor !== undefined && named.has(node.anchor)) {
        const name = freeId(node.anchor, taken);
        taken.add(plainId(name));
        names.set(node.anchor, name);
        node.anchor = name;
      } else delete node.anchor;
    },
  });
}

/** Puts the steps of a fragment behind a step, or at the end. An id that is taken gets a number. */
export function pasteFragment(document: Document, fragment: string, after?: string): Pasted {
  // The reader bounds size and depth; the parser does not.
  const isRead = drawText(fragment).steps !== undefined;
  const source = parseFile(isRead ? fragment : "");
  const found = stepsIn(source);
  if (found.length === 0) throw new CannotEdit("There are no steps in what was copied");
  const taken = new Set(stepsIn(document).map(({ id }) => plainId(id)));
  const names = new Map<string, string>();
  for (const { id, role, node } of found) {
    // The id of an undo without one of its own goes with its step's.
    if (role === "undo" && !node.has("id")) continue;
    const wish = id.replace(/-\d+$/, "");
    const to = taken.has(plainId(id)) ? freeId(taken.has(plainId(wish)) ? wish : id, taken) : id;
    taken.add(plainId(to));
    names.set(id, to);
  }
  renameSteps(source, names);
  keepAnchorsApart(source, document);
  const { edges } = drawText(writeFile(source));
  const [listed, own] = [document.get("edges"), source.get("edges")];
  if (edges.length > 0 && isSeq(listed) !== isSeq(own)) {
    throw new CannotEdit(
      "One of the two workflows lists its paths in `edges:`: paste the steps in the text, and their paths",
    );
  }
  if (isSeq(listed) && isSeq(own)) listed.items.push(...own.items);
  let behind = after;
  for (const pair of stepMap(source).items) {
    insertAfter(document, pair as Pair, behind);
    behind = keyOf(pair);
  }
  const ids = stepsIn(source).map(({ id }) => id);
  return {
    wires: edges.map(({ from, to, label }) => ({ from, to, label })),
    copies: Object.fromEntries(ids.map((id, at) => [id, found[at]?.id ?? id])),
  };
}
