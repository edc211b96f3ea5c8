/**
 * A value of JSON as rows of a tree, and what is found in it.
 * Boundary: pure; bounded whatever the value is: no recursion, so depth does not matter.
 */

/** A row of the tree. */
export interface JsonRow {
  /** Unique in the tree: the keys from the root, each as JSON. */
  readonly path: string;
  readonly depth: number;
  /** The key or the index; undefined for the root. */
  readonly name: string | undefined;
  readonly value: unknown;
  /** How many children it has; undefined: it is no object and no list. */
  readonly size: number | undefined;
  readonly isOpen: boolean;
  /** Set for a row that stands for children that are not shown: how many. */
  readonly hidden?: number;
}

/** A place where something was found. */
export interface JsonFind {
  readonly path: string;
  /** As in `order.lines[2].name`. */
  readonly place: string;
  readonly value: unknown;
}

const MOST_ROWS = 2_000;
const MOST_OPEN_AT_FIRST = 200;
const CHILDREN_AT_ONCE = 100;
const DEPTH_AT_FIRST = 3;
const MOST_FINDS = 100;
const MOST_VISITED = 200_000;

/** Paths that are open, and how many children of a path are shown where that is more than at first. */
export interface Opened {
  readonly paths: ReadonlySet<string>;
  readonly shown: ReadonlyMap<string, number>;
}

interface Node {
  readonly path: string;
  readonly name: string | undefined;
  readonly depth: number;
  readonly value: unknown;
}

const ROOT_PATH = "$";

/** The rows of what is open, from the top; 2,000 at most. */
export function rowsOf(value: unknown, { paths, shown }: Opened): JsonRow[] {
  const rows: JsonRow[] = [];
  const stack: (Node | JsonRow)[] = [rootOf(value)];
  for (let node = stack.pop(); node !== undefined && rows.length < MOST_ROWS; node = stack.pop()) {
    if ("hidden" in node) {
      rows.push(node);
      continue;
    }
    const { path } = node;
    const size = sizeOf(node.value);
    const isOpen = size !== undefined && size > 0 && paths.has(path);
    rows.push({ ...node, size, isOpen });
    if (!isOpen) continue;
    const most = shown.get(path) ?? CHILDREN_AT_ONCE;
    const children = childrenOf(node, most);
    if (size > children.length) stack.push(restOf(node, size - children.length));
    for (const child of children.reverse()) stack.push(child);
  }
  return rows;
}

/** How many children of a path are shown after one more click. */
export function shownNext(now: number | undefined): number {
  return (now ?? CHILDREN_AT_ONCE) + CHILDREN_AT_ONCE;
}

/** What is open at first: the upper levels, and no more than a screen or two. */
export function openAtFirst(value: unknown): Opened {
  return { paths: openPaths(value, DEPTH_AT_FIRST, MOST_OPEN_AT_FIRST), shown: new Map() };
}

/** All of it, as far as it can be shown. */
export function openAll(value: unknown): Opened {
  return { paths: openPaths(value, Number.POSITIVE_INFINITY, MOST_ROWS), shown: new Map() };
}

/** The first places whose key or value has the text, in upper or lower case; 100 at most. */
export function findIn(value: unknown, text: string): JsonFind[] {
  const wanted = text.toLowerCase();
  const finds: JsonFind[] = [];
  if (wanted === "") return finds;
  const stack: (Node & { readonly place: string })[] = [{ ...rootOf(value), place: "" }];
  let visited = 0;
  for (let node = stack.pop(); node !== undefined; node = stack.pop()) {
    visited += 1;
    if (finds.length === MOST_FINDS || visited > MOST_VISITED) break;
    const { path, place, name = "", value: here } = node;
    const size = sizeOf(here);
    const isFound =
      name.toLowerCase().includes(wanted) ||
      (size === undefined && String(here).toLowerCase().includes(wanted));
    if (isFound) finds.push({ path, place: place === "" ? ROOT_PATH : place, value: here });
    const isList = Array.isArray(here);
    for (const child of childrenOf(node, MOST_VISITED).reverse()) {
      stack.push({ ...child, place: placeOf(place, child.name ?? "", isList) });
    }
  }
  return finds;
}

/** The UTF-8 bytes of a text. */
export function bytesOf(text: string): number {
  return new TextEncoder().encode(text).length;
}

/** Bytes in words, as `12.3 KiB`. */
export function bytesWords(bytes: number): string {
  if (bytes < 1_024) return `${bytes} B`;
  if (bytes < 1_024 * 1_024) return `${(bytes / 1_024).toFixed(1)} KiB`;
  return `${(bytes / 1_024 / 1_024).toFixed(1)} MiB`;
}

function openPaths(value: unknown, mostDepth: number, mostRows: number): Set<string> {
  const paths = new Set<string>();
  // Level by level, so that upper ones are open where there are too many.
  let level: Node[] = [rootOf(value)];
  let rows = 1;
  for (let depth = 0; depth < mostDepth && level.length > 0; depth += 1) {
    const next: Node[] = [];
    for (const node of level) {
      const size = sizeOf(node.value);
      if (size === undefined || size === 0) continue;
      const children = childrenOf(node, CHILDREN_AT_ONCE);
      rows += children.length;
      if (rows > mostRows && depth > 0) return paths;
      paths.add(node.path);
      next.push(...children);
    }
    level = next;
  }
  return paths;
}

function rootOf(value: unknown): Node {
  return { path: ROOT_PATH, name: undefined, depth: 0, value };
}

function childrenOf({ path, depth, value }: Node, most: number): Node[] {
  if (Array.isArray(value)) {
    return value.slice(0, most).map((child, at) => ({
      ...{ path: `${path}[${at}]`, name: String(at), depth: depth + 1 },
      value: child,
    }));
  }
  if (typeof value !== "object" || value === null) return [];
  return Object.entries(value)
    .slice(0, most)
    .map(([name, child]) => ({
      ...{ path: `${path}.${JSON.stringify(name)}`, name, depth: depth + 1 },
      value: child,
    }));
}

function restOf({ path, depth, value }: Node, hidden: number): JsonRow {
  const row = { path, depth: depth + 1, name: undefined, value, size: undefined, isOpen: false };
  return { ...row, hidden };
}

function sizeOf(value: unknown): number | undefined {
  if (Array.isArray(value)) return value.length;
  if (typeof value === "object" && value !== null) return Object.keys(value).length;
  return undefined;
}

function placeOf(parent: string, name: string, isIndex: boolean): string {
  if (isIndex) return `${parent}[${name}]`;
  return parent === "" ? name : `${parent}.${name}`;
}
