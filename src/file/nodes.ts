/**
 * A file as a tree of values with places: what YAML and JSON have in common.
 * Boundary: holds and converts; parse.ts makes it, the readers give it a meaning.
 */
import { type Json, type JsonObject, putValue } from "../engine/values/json.ts";

/** A value of a file with its place. `path` is by the names of the file; `offset` counts characters. */
export type FileNode = ScalarNode | ListNode | MappingNode;

interface Placed {
  readonly path: string;
  readonly offset: number;
}
/** A text, number, boolean or null. */
interface ScalarNode extends Placed {
  readonly kind: "scalar";
  readonly value: string | number | boolean | null;
  /** As it is written, without quotes. */
  readonly text: string;
}
/** A list. */
interface ListNode extends Placed {
  readonly kind: "list";
  readonly items: readonly FileNode[];
}
/** A mapping, in the order in which it is written. */
export interface MappingNode extends Placed {
  readonly kind: "mapping";
  readonly entries: readonly Entry[];
}
/** A key of a mapping and its value. */
export interface Entry {
  readonly key: string;
  /** Characters from the start of the file. */
  readonly keyOffset: number;
  /** The path of the value. */
  readonly path: string;
  readonly value: FileNode;
}

/** The entry of a key. */
export function findEntry(node: MappingNode, key: string): Entry | undefined {
  return node.entries.find((entry) => entry.key === key);
}

/** Where the key of an entry stands. */
export function keyPlace({ path, keyOffset }: Entry): Placed {
  return { path, offset: keyOffset };
}

/** Whether the node is an empty value, as in `approve:`. */
export function isNull(node: FileNode): boolean {
  return node.kind === "scalar" && node.value === null;
}

/** The plain value of a node. */
export function toJson(node: FileNode): Json {
  if (node.kind === "scalar") return node.value;
  if (node.kind === "list") return node.items.map(toJson);
  const object: JsonObject = {};
  for (const { key, value } of node.entries) putValue(object, key, toJson(value));
  return object;
}

/** What a node is, in a sentence. */
export function describeNode(node: FileNode): string {
  if (node.kind === "list") return "a list";
  if (node.kind === "mapping") return "a mapping";
  if (node.value === null) return "empty";
  return typeof node.value === "string" ? "a text" : `the ${typeof node.value} ${node.text}`;
}
