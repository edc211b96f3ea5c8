/**
 * Writes a file in flow form, JSON or YAML in braces, after a change: what did not change stays as it was typed, with its comments and spaces.
 * Boundary: documents whose collections all stand in brackets. For others, and for those with anchors, `flowTextOf` gives undefined.
 */
import {
  Document,
  isCollection,
  isMap,
  isNode,
  isPair,
  isScalar,
  isSeq,
  type Node,
  type Pair,
  type Scalar,
  visit,
  type YAMLMap,
  type YAMLSeq,
} from "yaml";

type Collection = YAMLMap | YAMLSeq;

/** What was typed between an item and the one before it, or between the last one and the bracket. */
interface Gap {
  readonly around: Collection;
  /** Undefined: the item was the first one. */
  readonly before: unknown;
  readonly text: string;
  /** Without a comment that stands beside the item before. */
  readonly own: string;
}

/** Comments and spaces, then a comma. A comment takes its whole line, so that there is one way alone to read a text. */
const COMMA = /^((?:\s|#[^\n]*\n)*),/;
/** A comment in the line of the item before it. */
const COMMENT = /^[ \t]*,?[ \t]*#[^\n]*(?=\n)/;

/** Gives what writes the document; undefined: it is not in flow form. */
export function flowTextOf(document: Document, text: string): FlowText | undefined {
  if (!isCollection(document.contents) || document.contents.flow !== true) return undefined;
  let isPlain = true;
  visit(document, {
    Alias: () => {
      isPlain = false;
    },
    Node: (_, node) => {
      if (node.anchor !== undefined || node.tag !== undefined) isPlain = false;
      if (isCollection(node) && !/[{[]/.test(text.charAt(node.range?.[0] ?? 0))) isPlain = false;
    },
  });
  if (!isPlain) return undefined;
  const flow = new FlowText(document, text);
  return flow.write(document) === text ? flow : undefined;
}

export class FlowText {
  readonly #text: string;
  readonly #isJson: boolean;
  /** Of one level of lines; "": the file is one line. */
  readonly #unit: string;
  readonly #values = new Map<Scalar, unknown>();
  /** The items of each collection. */
  readonly #items = new Map<Collection, readonly unknown[]>();
  /** Before each item. */
  readonly #leads = new Map<unknown, Gap>();
  /** Before the last item of a collection. */
  readonly #lastLeads = new Map<Collection, string>();
  /** Before the bracket that closes a collection. */
  readonly #tails = new Map<Collection, Gap>();
  /** A comment beside an item, which goes with it. */
  readonly #comments = new Map<unknown, string>();
  /** Between the key and the value of a pair. */
  readonly #colons = new Map<Pair, string>();

  constructor(document: Document, text: string) {
    this.#text = text;
    this.#isJson = isJson(text);
    this.#unit = /\n([ \t]+)\S/.exec(text)?.[1] ?? "";
    this.#note(document.contents);
  }

  write({ contents }: Document): string {
    const [start, end] = contents?.range ?? [0, 0];
    return `${this.#text.slice(0, start)}${this.#print(contents, "")}${this.#text.slice(end)}`;
  }

  #note(node: unknown): void {
    if (isScalar(node)) this.#values.set(node, node.value);
    if (!isMap(node) && !isSeq(node)) return;
    const [start = 0, end = 0] = node.range ?? [];
    let from = start + 1;
    let before: unknown;
    this.#items.set(node, [...node.items]);
    for (const item of node.items) {
      const first = isPair(item) ? item.key : item;
      const last = isPair(item) && isNode(item.value) ? item.value : first;
      const lead = this.#gap(node, before, this.#text.slice(from, startOf(first)));
      this.#leads.set(item, lead);
      this.#lastLeads.set(node, lead.text);
      if (isPair(item)) {
        this.#colons.set(item, this.#text.slice(endOf(item.key), startOf(item.value)));
        this.#note(item.key);
        this.#note(item.value);
      } else this.#note(item);
      from = endOf(last);
      before = item;
    }
    this.#tails.set(node, this.#gap(node, before, this.#text.slice(from, end - 1)));
  }

  #gap(around: Collection, before: unknown, text: string): Gap {
    const [comment = ""] = before === undefined ? [] : (COMMENT.exec(text) ?? []);
    if (comment !== "") this.#comments.set(before, withoutComma(comment));
    return { around, before, text, own: text.slice(comment.length) };
  }

  /** `indent`: of the line that the node stands in; undefined: what is around it is one line. */
  #print(node: unknown, indent: string | undefined): string {
    if (isScalar(node) && this.#values.has(node) && this.#values.get(node) === node.value) {
      return this.#text.slice(startOf(node), endOf(node));
    }
    if (!isMap(node) && !isSeq(node)) return this.#fresh(node, indent);
    const tail = this.#tails.get(node);
    return tail === undefined ? this.#fresh(node, indent) : this.#collection(node, tail, indent);
  }

  #collection(node: Collection, tail: Gap, indent: string | undefined): string {
    const [open, close] = isMap(node) ? "{}" : "[]";
    if (node.items.length === 0) {
      const rest = withoutComma(tail.own);
      return open + (rest.includes("#") ? rest : "") + close;
    }
    const gap = this.#gapIn(node, indent);
    const line = gap.lastIndexOf("\n");
    const inside = line < 0 ? undefined : gap.slice(line + 1);
    const wasEmpty = !this.#lastLeads.has(node);
    let written = open;
    let before: unknown;
    for (const [at, item] of (node.items as unknown[]).entries()) {
      const typed = this.#typedAs(node, item, at);
      const lead = this.#leads.get(typed);
      const own = lead?.around === node ? lead : undefined;
      if (own !== undefined && own.before === before) written += own.text;
      else {
        const first = wasEmpty ? commentIn(tail.text) : "";
        const beside = before === undefined ? first : `,${this.#comments.get(before) ?? ""}`;
        written += below(beside, withoutComma(own?.own ?? gap));
      }
      written += this.#item(item, inside);
      before = typed;
    }
    if (wasEmpty) return written + (line < 0 ? gap : `\n${indent ?? ""}`) + close;
    if (before === tail.before) return written + tail.text + close;
    return written + below(this.#comments.get(before) ?? "", tail.own) + close;
  }

  /** The item that was typed where this one stands now, which may be another one. */
  #typedAs(node: Collection, item: unknown, at: number): unknown {
    if (this.#leads.get(item)?.around === node) return item;
    const all: readonly unknown[] = node.items;
    const typed = this.#items.get(node) ?? [];
    return typed.length === all.length && !all.includes(typed[at]) ? typed[at] : item;
  }

  /** Before an item that is new: as before the others, or one level deeper than what is around. */
  #gapIn(node: Collection, indent: string | undefined): string {
    const known = this.#lastLeads.get(node);
    if (known !== undefined) {
      const spaces = known.replace(COMMA, "$1").replaceAll(/#[^\n]*/g, "");
      const line = spaces.lastIndexOf("\n");
      return line < 0 ? spaces : spaces.slice(line);
    }
    if (indent !== undefined && this.#unit !== "") return `\n${indent}${this.#unit}`;
    return this.#isTight ? "" : " ";
  }

  get #isTight(): boolean {
    return this.#isJson && !/[,:] /.test(this.#text);
  }

  #item(item: unknown, indent: string | undefined): string {
    if (!isPair(item)) return this.#print(item, indent);
    const { key, value } = item;
    const typed = this.#colons.get(item) ?? "";
    const written =
      this.#isJson && isScalar(key) && typeof key.value === "boolean"
        ? JSON.stringify(String(key.value))
        : this.#print(key, indent);
    if (value === null) return written + typed;
    const colon = typed.includes(":") ? typed : this.#isTight ? ":" : ": ";
    // A plain text would go on through a colon without a space.
    const isTyped = this.#values.has(value as Scalar) || this.#tails.has(value as Collection);
    const space = isTyped || this.#isJson || /\s$/.test(colon) ? "" : " ";
    return written + colon + space + this.#print(value, indent);
  }

  /** A comment behind a node would end with what follows it; those around a typed one are in the text still. */
  #withoutComments(node: unknown): unknown {
    if (!isNode(node)) return node;
    const bare = node.clone();
    bare.comment = null;
    if (isScalar(node) && this.#values.has(node)) {
      bare.commentBefore = null;
      bare.spaceBefore = false;
    }
    return bare;
  }

  /** Of a node that was not typed. */
  #fresh(node: unknown, indent: string | undefined): string {
    const list = new Document([]);
    (list.contents as unknown as YAMLSeq).items.push(this.#withoutComments(node));
    (list.contents as unknown as YAMLSeq).flow = true;
    if (!this.#isJson) return list.toString({ lineWidth: 0 }).trim().slice(1, -1).trim();
    const [value] = list.toJS();
    if (this.#isTight) return JSON.stringify(value);
    if (indent === undefined || this.#unit === "") {
      return JSON.stringify(value, undefined, 1).replaceAll(/\n\s*/g, " ");
    }
    return JSON.stringify(value, undefined, this.#unit).replaceAll("\n", `\n${indent}`);
  }
}

function withoutComma(gap: string): string {
  return gap.replace(COMMA, "$1");
}

function commentIn(gap: string): string {
  return gap.includes("#") ? gap.trimEnd() : "";
}

/** A comment ends with its line. */
function below(beside: string, gap: string): string {
  return beside.includes("#") && !/^[ \t]*\n/.test(gap) ? `${beside}\n${gap}` : beside + gap;
}

function startOf(node: unknown): number {
  return (node as Node | null)?.range?.[0] ?? 0;
}

function endOf(node: unknown): number {
  return (node as Node | null)?.range?.[1] ?? 0;
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}
