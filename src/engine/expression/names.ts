// Names in an expression: which of them are in scope, and what each one means.
//
// Boundary: knows names, no tree. syntax.ts decides which names are free and renames them to their meaning.

import { MAX_SOURCE_BYTES } from "./bounds.ts";

/** Which names are in scope: a trigger's filter has no run yet, the filters have `event`. */
export interface NameContext {
  /** Ids of the version's steps, as written there. */
  stepIds: readonly string[];
  kind: "step" | "edge" | "trigger_filter" | "wait_filter";
  /**
   * Whether the text is about to be published. Then slips are refused too: what can be evaluated and never means what
   * its author wrote. A stored version is read without it, as it was when it was published.
   */
  isNew?: boolean;
}

/** The names the service gives; they come before steps and fields. */
type ReservedName = "input" | "steps" | "run" | "event";

/** What a free name of an expression means. */
export type Meaning =
  | { is: "reserved"; name: ReservedName }
  | { is: "step"; id: string }
  | { is: "field"; name: string };

const RESERVED: Record<NameContext["kind"], readonly ReservedName[]> = {
  step: ["input", "steps", "run"],
  edge: ["input", "steps", "run"],
  trigger_filter: ["event"],
  wait_filter: ["input", "steps", "run", "event"],
};

const TYPE_NAMES = "int uint double bool string bytes list map null_type type".split(" ");

/** The names in scope of one expression. */
export interface Names {
  readonly context: NameContext;
  /** Step ids by the name they have in expressions: `-` written `_`. */
  readonly stepNames: ReadonlyMap<string, string>;
  readonly usesTypeNames: boolean;
}

/** The names of a context; those of types are in scope only where the expression asks for a type. */
export function openNames(context: NameContext, usesTypeNames: boolean): Names {
  const stepIds = context.kind === "trigger_filter" ? [] : context.stepIds;
  return { context, stepNames: stepNamesOf(stepIds), usesTypeNames };
}

// All expressions of a version share one list of ids; a map for each would cost more than parsing.
const stepNamesByList = new WeakMap<readonly string[], ReadonlyMap<string, string>>();

function stepNamesOf(stepIds: readonly string[]): ReadonlyMap<string, string> {
  const known = stepNamesByList.get(stepIds);
  if (known !== undefined) return known;
  // No expression can name a longer id. One that is being published may be as long as a request.
  const short = stepIds.filter((id) => id.length <= MAX_SOURCE_BYTES);
  const names = new Map(short.map((id) => [id.replaceAll("-", "_"), id]));
  stepNamesByList.set(stepIds, names);
  return names;
}

/** Whether the service gives this name in the context. */
export function isReserved(name: ReservedName, { context }: Names): boolean {
  return RESERVED[context.kind].includes(name);
}

/** What a free name means; undefined for the name of a type, which stays as it is. */
export function meaningOf(name: string, names: Names): Meaning | undefined {
  const reserved = RESERVED[names.context.kind].find((known) => known === name);
  if (reserved !== undefined) return { is: "reserved", name: reserved };
  const id = names.stepNames.get(name);
  if (id !== undefined) return { is: "step", id };
  if (names.usesTypeNames && TYPE_NAMES.includes(name)) return undefined;
  return { is: "field", name };
}
