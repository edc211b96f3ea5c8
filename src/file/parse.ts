/**
 * YAML or JSON text → nodes with places.
 * Boundary: the syntax. What a workflow file may say is read from the nodes.
 * Invariants:
 * 1. Nesting is bounded before the parser runs, for it recurses, and a deep file would end the process.
 * 2. Nodes, characters and levels are bounded while aliases are followed, so a few anchors make no large version.
 */
import {
  type Alias,
  type Document,
  isAlias,
  isMap,
  isScalar,
  isSeq,
  Lexer,
  type Pair,
  parseDocument,
  type Scalar,
  type YAMLMap,
} from "yaml";
import type { FaultList, Place } from "./faults.ts";
import type { Entry, FileNode, MappingNode } from "./nodes.ts";
import { MAX_FILE_BYTES } from "./source-text.ts";

const MAX_FLOW_DEPTH = 100;
/** Each level of a block stands at least a column further right than the one around it. */
const MAX_BLOCK_COLUMN = 240;
/** More than both together make without aliases; what reads the values recurses too. */
const MAX_DEPTH = 500;
const MAX_NODES = 200_000;
/** Following one takes a walk through the document. */
const MAX_ALIASES = 1_000;
const MAX_SYNTAX_FAULTS = 20;

/** What the parser's codes mean for an author; the others keep the parser's words. */
const SENTENCES: Readonly<Record<string, string>> = {
  TAB_AS_INDENT: "a tab stands in the indentation; use spaces",
  BAD_INDENT: "the indentation fits nothing above: keys of one mapping begin at the same column",
  BLOCK_AS_IMPLICIT_KEY:
    'a ":" stands inside a value, or the line below is indented by mistake; put a text with ": " in quotes',
  MULTILINE_IMPLICIT_KEY: 'a key and its ":" stand on one line',
  MULTIPLE_DOCS: 'the file holds a second document after "---"; a file has one workflow',
  BAD_SCALAR_START: "a text cannot begin with this character; put it in quotes",
  UNEXPECTED_TOKEN:
    "this cannot stand here; is the indentation right, or a quote or bracket missing?",
  BAD_ALIAS: "this alias has no anchor above it",
};

const TWICE = "this key stands here twice";

/** Reads a text; undefined when it is no YAML, with its faults in the list. */
export function parseNodes(text: string, faults: FaultList): FileNode | undefined {
  const tooDeep = findDeepNesting(text);
  if (tooDeep !== undefined) {
    faults.add({ path: "", offset: tooDeep }, "values are nested too deeply here");
    return undefined;
  }
  // The parser compares each key with each other one, and takes 1 and "1" for two.
  const document = parseDocument(text, { prettyErrors: false, merge: false, uniqueKeys: false });
  for (const { code, message, pos } of document.errors.slice(0, MAX_SYNTAX_FAULTS)) {
    const place = { path: "", offset: pos[0] };
    const follows = faults.faults.length > 0 && FOLLOWING.has(code);
    if (!follows) faults.add(place, SENTENCES[code] ?? lowerFirst(message));
  }
  if (document.errors.length > 0) return undefined;
  const directive = otherVersion(document);
  if (directive !== undefined) {
    faults.add({ path: "", offset: text.indexOf("%YAML") }, directive);
    return undefined;
  }
  for (const { message, pos } of document.warnings) {
    faults.add({ path: "", offset: pos[0] }, `${lowerFirst(message)}; a workflow file has no tags`);
  }
  if (document.warnings.length > 0) return undefined;
  return new Converter(document, faults).convert();
}

/** The fault of a `%YAML` that is not 1.2: other versions read other values from the same text. */
function otherVersion({ directives, warnings }: Document): string | undefined {
  const isOther = directives?.yaml.explicit === true && directives.yaml.version !== "1.2";
  const isUnknown = warnings.some(({ message }) => message.startsWith("Unsupported YAML version"));
  return isOther || isUnknown ? "a workflow file is YAML 1.2; remove the %YAML line" : undefined;
}

/** Faults of the parser that come of the one before. */
const FOLLOWING: ReadonlySet<string> = new Set(["MULTILINE_IMPLICIT_KEY", "UNEXPECTED_TOKEN"]);

function lowerFirst(message: string): string {
  return message.charAt(0).toLowerCase() + message.slice(1);
}

/** The offset at which a text is nested deeper than the parser may go. */
function findDeepNesting(text: string): number | undefined {
  let [offset, lineStart, depth] = [0, 0, 0];
  let leading = true;
  let previous = "";
  for (const token of new Lexer().lex(text)) {
    // The lexer puts these in front of documents and texts; they are not in the file.
    if (MARKS.has(token.charAt(0))) continue;
    if (token === "{" || token === "[") depth += 1;
    else if (token === "}" || token === "]") depth -= 1;
    if (depth > MAX_FLOW_DEPTH) return offset;
    const isBlank = token.trim() === "" || token.startsWith("#");
    const isIndicator = INDICATORS.has(token);
    // A level begins with the first token of a line, or with an indicator behind another one.
    const begins = leading || (isIndicator && INDICATORS.has(previous));
    if (depth === 0 && !isBlank && begins && offset - lineStart > MAX_BLOCK_COLUMN) return offset;
    offset += token.length;
    const newLine = token.lastIndexOf("\n");
    if (newLine >= 0) lineStart = offset - (token.length - newLine - 1);
    leading = newLine >= 0 || (leading && (isBlank || isIndicator));
    if (!isBlank) previous = token;
  }
  return undefined;
}

const INDICATORS: ReadonlySet<string> = new Set(["-", "?", ":"]);
const MARKS: ReadonlySet<string> = new Set(["\u0002", "\u0018", "\u001f"]);

/** Turns the parser's tree into nodes. */
class Converter {
  readonly #document: Document;
  readonly #faults: FaultList;
  #nodes = 0;
  #aliases = 0;
  #chars = 0;
  #depth = 0;
  #stopped = false;
  #hasTwice = false;
  /** Anchors that are being followed, so that one inside of itself is found. */
  readonly #open = new Set<unknown>();

  constructor(document: Document, faults: FaultList) {
    this.#document = document;
    this.#faults = faults;
  }

  convert(): FileNode | undefined {
    const root = this.#convert(this.#document.contents, { path: "", offset: 0 });
    return this.#stopped || this.#hasTwice ? undefined : root;
  }

  #fail(place: Place, message: string): FileNode {
    if (!this.#stopped) this.#faults.add(place, message);
    this.#stopped = true;
    return { ...place, kind: "scalar", value: null, text: "" };
  }

  #convert(found: unknown, around: Place): FileNode {
    this.#depth += 1;
    const node =
      this.#depth > MAX_DEPTH
        ? this.#fail(around, "values are nested too deeply here once aliases are followed")
        : this.#value(found, around);
    this.#depth -= 1;
    return node;
  }

  #value(found: unknown, around: Place): FileNode {
    if (this.#stopped || found === null || found === undefined) {
      return { ...around, kind: "scalar", value: null, text: "" };
    }
    const place = { path: around.path, offset: offsetOf(found) ?? around.offset };
    this.#nodes += 1;
    if (this.#nodes > MAX_NODES) {
      return this.#fail(
        place,
        `the file has more than ${MAX_NODES} values once its aliases are followed`,
      );
    }
    if (isAlias(found)) return this.#follow(found, place);
    if (isScalar(found)) return this.#scalar(found, place);
    if (isMap(found)) return this.#mapping(found, place);
    if (isSeq(found)) {
      const items = found.items.map((item, at) =>
        this.#convert(item, { path: `${place.path}[${at}]`, offset: place.offset }),
      );
      return { ...place, kind: "list", items };
    }
    return this.#fail(place, "this is no value of a workflow file");
  }

  #follow(alias: Alias, place: Place): FileNode {
    this.#aliases += 1;
    if (this.#aliases > MAX_ALIASES) {
      return this.#fail(
        place,
        `more than ${MAX_ALIASES} aliases are followed; write the values out`,
      );
    }
    const target = alias.resolve(this.#document);
    if (target === undefined)
      return this.#fail(place, `the alias "*${alias.source}" has no anchor above it`);
    if (this.#open.has(target))
      return this.#fail(place, `the alias "*${alias.source}" stands inside of its own anchor`);
    this.#open.add(target);
    // The values are of the anchor; a fault is shown where they are used.
    const node = this.#convert(target, place);
    this.#open.delete(target);
    return node;
  }

  /** A file without aliases has no more characters than bytes. */
  #count(text: string, place: Place): void {
    this.#chars += text.length;
    if (this.#chars <= MAX_FILE_BYTES) return;
    const most = `more than ${MAX_FILE_BYTES} characters`;
    this.#fail(place, `the file has ${most} once its aliases are followed`);
  }

  #scalar(scalar: Scalar, place: Place): FileNode {
    const { value } = scalar;
    const text = scalar.source ?? String(value);
    this.#count(text, place);
    if (typeof value === "number") {
      const problem = numberProblem(value, text);
      if (problem !== undefined) return this.#fail(place, problem);
    }
    if (
      value === null ||
      typeof value === "string" ||
      typeof value === "number" ||
      typeof value === "boolean"
    ) {
      return { ...place, kind: "scalar", value, text };
    }
    return this.#fail(place, "this value is neither a text, a number, true, false nor empty");
  }

  #mapping(map: YAMLMap, place: Place): MappingNode {
    const entries = map.items.map((pair) => this.#entry(pair, place));
    const seen = new Set<string>();
    for (const { key, keyOffset } of entries) {
      if (seen.has(key)) {
        this.#hasTwice = true;
        if (!this.#stopped) this.#faults.add({ path: place.path, offset: keyOffset }, TWICE);
      }
      seen.add(key);
    }
    return { ...place, kind: "mapping", entries };
  }

  #entry({ key, value }: Pair, around: Place): Entry {
    const offset = offsetOf(key) ?? around.offset;
    const name = isScalar(key) ? (key.source ?? String(key.value)) : "";
    this.#count(name, { path: around.path, offset });
    if (!isScalar(key) || key.value === null) {
      const braces = isMap(key) || isSeq(key);
      this.#fail(
        { path: around.path, offset },
        braces
          ? 'a key cannot be a mapping or a list; put a text that begins with "{{" in quotes'
          : "a key is a text",
      );
    }
    if (name === "<<" && isScalar(key) && key.type === "PLAIN") {
      const fault = "`<<` merges nothing here; write the keys out";
      this.#fail({ path: around.path, offset }, fault);
    }
    const path = around.path === "" ? name : `${around.path}.${name}`;
    return { key: name, keyOffset: offset, path, value: this.#convert(value, { path, offset }) };
  }
}

function offsetOf(found: unknown): number | undefined {
  if (typeof found !== "object" || found === null || !("range" in found)) return undefined;
  const { range } = found;
  return Array.isArray(range) && typeof range[0] === "number" ? range[0] : undefined;
}

function numberProblem(value: number, text: string): string | undefined {
  if (!Number.isFinite(value)) return `${text} is no number that can be stored`;
  // The shortest text of a double may end in zeros where its exact value does not.
  const exact =
    !/^[-+]?\d+$/.test(text) || String(value) === text || BigInt(text) === BigInt(value);
  return exact ? undefined : `${text} is not exact as a number; put it in quotes`;
}
