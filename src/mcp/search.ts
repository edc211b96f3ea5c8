/**
 * The tool `search`: finds things of a type by a filter or plain words.
 * Boundary: arguments, paging and sorting; what there is of each type is search-types.ts.
 * Invariant: what has to be sorted or left out here is a bounded number of things, and the answer says when there are more.
 */
import type { Json, JsonObject } from "../engine/values/json.ts";
import { nearest } from "../file/faults.ts";
import { NOTICE } from "./data.ts";
import { type Found, withoutUnset } from "./found.ts";
import { SEARCH_TYPES, type SearchType, TYPES, type TypeName } from "./search-types.ts";
import { findName, readFilter, requireObject, shown } from "./shapes.ts";
import { type McpWorld, ToolFault } from "./world.ts";

const LIMIT = 20;
const LIMIT_AT_MOST = 100;
/** Things that are looked at for an order or a condition that the call has not. */
const LOOKED_AT = 500;
const CALLS_AT_MOST = 5;
const ARGUMENTS = ["type", "filter", "sort", "limit", "query", "pageToken"];

/** What `search` is given, as JSON Schema. */
export const SEARCH_INPUT = {
  type: "object",
  properties: {
    type: { type: "string", enum: [...TYPES], description: "What to find; Workflow unless given" },
    filter: {
      type: "object",
      description: TYPES.map((type) => `${type}: ${keysOf(type)}`).join(". "),
    },
    sort: {
      type: "object",
      description: `One key, asc or desc, such as {"lastRunAt": "desc"}. ${TYPES.map(sortsOf).join(". ")}`,
    },
    limit: {
      type: "integer",
      minimum: 1,
      maximum: LIMIT_AT_MOST,
      description: `${LIMIT} unless given`,
    },
    query: { type: "string", description: "Plain words, instead of a filter or beside it" },
    pageToken: { type: "string", description: "nextPageToken of the page before" },
  },
};

/** What `search` answers, as JSON Schema. */
export const SEARCH_OUTPUT = {
  type: "object",
  properties: {
    results: {
      type: "array",
      items: {
        type: "object",
        properties: { id: { type: "string" }, title: { type: "string" }, url: { type: "string" } },
        required: ["id", "title", "url"],
      },
    },
  },
  required: ["results"],
};

interface Search {
  readonly type: SearchType;
  readonly fields: JsonObject;
  readonly own: ReadonlyMap<string, Json>;
  /** Compared with titles, in lower case; "": nothing is. */
  readonly words: string;
  /** Done here; undefined: the call has the order. */
  readonly sort: { readonly fact: string; readonly isDown: boolean } | undefined;
  readonly limit: number;
  readonly token: string;
}

/** search. Throws a ToolFault for arguments that it does not know. */
export async function search(world: McpWorld, given: Json): Promise<JsonObject> {
  const asked = readSearch(requireObject("arguments", given));
  const keeps = asked.type.keeps?.(asked.own);
  const isPlain = asked.sort === undefined && asked.words === "" && keeps === undefined;
  return isPlain ? plainly(world, asked) : lookedAt(world, asked, keeps);
}

/** The type that a word names. Throws a ToolFault that names the nearest. */
export function findType(word: Json): TypeName {
  const text = typeof word === "string" ? word : "";
  const found = TYPES.find((type) => type.toLowerCase() === text.toLowerCase());
  if (found !== undefined) return found;
  throw new ToolFault(
    `type is ${shown(word)}${nearest(text, TYPES)}; use one of ${TYPES.join(", ")}`,
  );
}

function readSearch(given: JsonObject): Search {
  const args: JsonObject = {};
  for (const [name, value] of Object.entries(given))
    args[findName(name, ARGUMENTS, "search")] = value;
  const name = findType(args.type ?? "Workflow");
  const type = SEARCH_TYPES[name];
  const { fields, own } = readFilter(name, args.filter, type.keys);
  const words = readText("query", args.query);
  const inField = type.wordsField !== undefined && words !== "";
  if (inField && type.wordsField !== undefined) fields[type.wordsField] = words;
  const sort = readSort(name, type, args.sort);
  Object.assign(fields, sort?.fields);
  const isHere = sort !== undefined && sort.fields === undefined;
  return {
    ...{ type, fields, own, limit: readLimit(args.limit) },
    words: inField ? "" : words.toLowerCase(),
    sort: isHere ? { fact: sort.fact, isDown: sort.isDown } : undefined,
    token: readText("pageToken", args.pageToken),
  };
}

function readSort(name: TypeName, { sorts }: SearchType, given: Json | undefined) {
  if (given === undefined) return undefined;
  const entries = Object.entries(requireObject("sort", given));
  const [entry] = entries;
  if (entry === undefined) return undefined;
  if (entries.length > 1) throw new ToolFault("sort has more than one key; give one");
  const [word, direction] = entry;
  const key = findName(word, Object.keys(sorts), `sort of ${name}`, "sort.");
  if (direction !== "asc" && direction !== "desc") {
    throw new ToolFault(`sort.${word} is ${shown(direction)}; use "asc" or "desc"`);
  }
  const { [direction]: fields, fact = key } = sorts[key] ?? {};
  return { fact, isDown: direction === "desc", fields };
}

function readLimit(given: Json | undefined): number {
  if (given === undefined) return LIMIT;
  if (typeof given === "number" && Number.isInteger(given) && given >= 1) {
    return Math.min(given, LIMIT_AT_MOST);
  }
  throw new ToolFault(`limit is ${shown(given)}; it must be 1 to ${LIMIT_AT_MOST}`);
}

function readText(name: string, given: Json | undefined): string {
  if (given === undefined) return "";
  if (typeof given === "string") return given.trim();
  throw new ToolFault(`${name} must be a text`);
}

/** As the call finds and orders them. A page of runs may be short, and still not be the last one. */
async function plainly(world: McpWorld, asked: Search): Promise<JsonObject> {
  const { type, fields, own, limit } = asked;
  const found: Found[] = [];
  let { token } = asked;
  let total: number | undefined;
  for (let calls = 0; calls < CALLS_AT_MOST && found.length < limit; calls += 1) {
    const page = await type.page(world, { fields, own, size: limit - found.length, token });
    found.push(...page.items);
    total = page.total;
    token = page.next;
    if (token === "") break;
  }
  const ofTotal: JsonObject = total === undefined ? {} : { totalSize: total };
  // Some calls give more than they are asked for; the token is behind what they gave.
  if (token !== "") return answerOf(found, { nextPageToken: token, ...ofTotal });
  return answerOf(found.slice(0, limit), { ...ofTotal, ...noteOf(leftOut(found, limit)) });
}

/** Of the first ones, those that are kept, in the order that is asked for. */
async function lookedAt(
  world: McpWorld,
  asked: Search,
  keeps: (item: Found) => boolean = () => true,
): Promise<JsonObject> {
  const { type, fields, own, limit, words, sort } = asked;
  const found: Found[] = [];
  let seen = 0;
  let { token } = asked;
  for (let calls = 0; calls < CALLS_AT_MOST && seen < LOOKED_AT; calls += 1) {
    const page = await type.page(world, { fields, own, size: LOOKED_AT - seen, token });
    seen += page.items.length;
    const kept = page.items.filter(keeps);
    found.push(...kept.filter(({ title }) => title.toLowerCase().includes(words)));
    token = page.next;
    if (token === "") break;
  }
  if (sort !== undefined) found.sort((a, b) => inOrder(a[sort.fact], b[sort.fact], sort.isDown));
  const others = `there are more: these are of the first ${seen}; a narrower filter finds the others`;
  const notes = [...leftOut(found, limit), ...(token === "" ? [] : [others])];
  return answerOf(found.slice(0, limit), noteOf(notes));
}

function leftOut(found: readonly Found[], limit: number): string[] {
  const left = found.length - limit;
  if (left <= 0) return [];
  return [
    `${left} more match: a higher limit, ${LIMIT_AT_MOST} at most, or a narrower filter shows them`,
  ];
}

function noteOf(notes: readonly string[]): JsonObject {
  return notes.length === 0 ? {} : { note: notes.join("; ") };
}

/** What has no value comes last, whatever the direction. */
function inOrder(a: Json | undefined, b: Json | undefined, isDown: boolean): number {
  const isNone = (value: Json | undefined) => value === undefined || value === null;
  if (isNone(a) || isNone(b)) return Number(isNone(a)) - Number(isNone(b));
  const order = typeof a === "number" && typeof b === "number" ? a - b : byText(a, b);
  return isDown ? -order : order;
}

function byText(a: Json | undefined, b: Json | undefined): number {
  const [one, other] = [String(a), String(b)];
  return one < other ? -1 : Number(one > other);
}

function answerOf(found: readonly Found[], more: JsonObject): JsonObject {
  const results = found.map(withoutUnset);
  return { results, ...more, ...(results.length === 0 ? {} : { notice: NOTICE }) };
}

function keysOf(type: TypeName): string {
  return Object.keys(SEARCH_TYPES[type].keys).join(", ");
}

function sortsOf(type: TypeName): string {
  const keys = Object.keys(SEARCH_TYPES[type].sorts);
  return `${type}: ${keys.length === 0 ? "none" : keys.join(", ")}`;
}
