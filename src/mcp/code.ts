/**
 * Reads the code form of `do`: lines such as `const x = await $.Workflow.trigger("wf_1", { amount: 40 })`.
 * Boundary: text to verbs and literals. It is parsed here and never evaluated: there are no variables, operators or templates.
 */
import { type Json, type JsonObject, putValue } from "../engine/values/json.ts";
import { ToolFault } from "./world.ts";

/** One line. */
export interface CodeLine {
  /** `Workflow.trigger`. */
  readonly action: string;
  readonly args: readonly Json[];
  /** The name after `const`; undefined without one. Nothing can refer to it. */
  readonly name: string | undefined;
  /** From 1. */
  readonly line: number;
}

const CHARS_AT_MOST = 64 * 1024;
const LINES_AT_MOST = 20;
const ARGS_AT_MOST = 4;
const LEVELS_AT_MOST = 64;
const BLANK = /(?:\s|\/\/[^\n]*)+/y;
/** Between the words of a line: a new line ends it. */
const SPACE = /[ \t]+/y;
const WORD = /[A-Za-z_$][\w$]*/y;
const NUMBER = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?(?![\w.])/y;
const FORM = "a line is `[const name =] await $.Noun.verb(literals)`";
const ESCAPES: Readonly<Record<string, string>> = {
  ...{ n: "\n", r: "\r", t: "\t", b: "\b", f: "\f" },
  ...{ "\\": "\\", "/": "/", '"': '"', "'": "'" },
};
const LITERALS: Readonly<Record<string, Json>> = { true: true, false: false, null: null };

/** The lines, in order. Throws a ToolFault with line and column where the text is of another form. */
export function readCode(code: string): CodeLine[] {
  if (code.length > CHARS_AT_MOST)
    throw new ToolFault(`code has more than ${CHARS_AT_MOST} characters`);
  const reader = new Reader(code);
  const lines: CodeLine[] = [];
  while (!reader.atEnd()) {
    if (lines.length === LINES_AT_MOST) throw reader.fault(`at most ${LINES_AT_MOST} lines`);
    lines.push(reader.line());
  }
  if (lines.length === 0) throw new ToolFault(`code has no line: ${FORM}`);
  return lines;
}

class Reader {
  readonly #text: string;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  /** Whether only blanks and comments are left. */
  atEnd(): boolean {
    this.#take(BLANK);
    return this.#at === this.#text.length;
  }

  line(): CodeLine {
    const line = this.#place().line;
    let word = this.#word();
    let name: string | undefined;
    if (word === "const") {
      name = this.#word();
      this.#expect("=");
      word = this.#word();
    }
    if (word !== "await") throw this.fault("`await` is expected", word.length);
    if (this.#word() !== "$") throw this.fault("`$` is expected");
    this.#expect(".");
    const noun = this.#word();
    this.#expect(".");
    const verb = this.#word();
    this.#expect("(");
    const args = this.#items(")", ARGS_AT_MOST, () => this.#value(1));
    this.#end();
    return { action: `${noun}.${verb}`, args, name, line };
  }

  fault(problem: string, back = 0): ToolFault {
    this.#at -= back;
    const { line, column } = this.#place();
    return new ToolFault(
      `code, line ${line}, column ${column}: ${problem}; ${FORM}, and it is not evaluated`,
    );
  }

  #end(): void {
    this.#take(SPACE);
    if (this.#text[this.#at] === ";") this.#at += 1;
    this.#take(SPACE);
    const next = this.#text.slice(this.#at, this.#at + 2);
    if (next === "" || next === "//" || next.startsWith("\n") || next.startsWith("\r")) return;
    throw this.fault("the end of the line is expected");
  }

  #value(level: number): Json {
    this.#take(BLANK);
    if (level > LEVELS_AT_MOST) throw this.fault(`more than ${LEVELS_AT_MOST} levels`);
    const char = this.#text[this.#at] ?? "";
    if (char === '"' || char === "'") return this.#string(char);
    if (char === "[") {
      this.#at += 1;
      return this.#items("]", CHARS_AT_MOST, () => this.#value(level + 1));
    }
    if (char === "{") return this.#object(level);
    const number = this.#take(NUMBER);
    if (number !== undefined) return Number(number);
    const word = this.#take(WORD);
    if (word !== undefined && Object.hasOwn(LITERALS, word)) return LITERALS[word] ?? null;
    const problem = word === undefined ? "a literal is expected" : `${word} is no literal`;
    throw this.fault(problem, word?.length ?? 0);
  }

  #object(level: number): JsonObject {
    this.#at += 1;
    const object: JsonObject = {};
    this.#items("}", CHARS_AT_MOST, () => {
      this.#take(BLANK);
      const char = this.#text[this.#at] ?? "";
      const key = char === '"' || char === "'" ? this.#string(char) : this.#take(WORD);
      if (key === undefined) throw this.fault("a key is expected");
      if (Object.hasOwn(object, key)) throw this.fault(`the key ${key} is there twice`);
      this.#take(BLANK);
      this.#expect(":");
      putValue(object, key, this.#value(level + 1));
    });
    return object;
  }

  /** What stands between commas up to the end; a comma may stand before it. */
  #items<T>(end: string, atMost: number, read: () => T): T[] {
    const items: T[] = [];
    for (;;) {
      this.#take(BLANK);
      if (this.#text[this.#at] === end) break;
      if (items.length === atMost) throw this.fault(`at most ${atMost} arguments`);
      items.push(read());
      this.#take(BLANK);
      if (this.#text[this.#at] === ",") this.#at += 1;
      else if (this.#text[this.#at] !== end) throw this.fault(`\`,\` or \`${end}\` is expected`);
    }
    this.#at += 1;
    return items;
  }

  #string(quote: string): string {
    let text = "";
    for (let at = this.#at + 1; at < this.#text.length; at += 1) {
      const char = this.#text[at] ?? "";
      if (char === quote) {
        this.#at = at + 1;
        return text;
      }
      if (char === "\n") break;
      if (char !== "\\") {
        text += char;
        continue;
      }
      at += 1;
      const [read, more] = this.#escape(at);
      text += read;
      at += more;
    }
    throw this.fault("the text does not end");
  }

  /** The character that an escape stands for, and how many characters follow its letter. */
  #escape(at: number): [read: string, more: number] {
    const letter = this.#text[at] ?? "";
    const plain = ESCAPES[letter];
    if (plain !== undefined) return [plain, 0];
    const digits = /^[0-9a-fA-F]{4}/.exec(this.#text.slice(at + 1, at + 5))?.[0];
    if (letter === "u" && digits !== undefined) {
      return [String.fromCharCode(Number.parseInt(digits, 16)), digits.length];
    }
    throw this.fault(`\\${letter} is no escape`);
  }

  #word(): string {
    this.#take(SPACE);
    const word = this.#take(WORD);
    if (word === undefined) throw this.fault("a name is expected");
    return word;
  }

  #expect(mark: string): void {
    this.#take(SPACE);
    if (this.#text[this.#at] !== mark) throw this.fault(`\`${mark}\` is expected`);
    this.#at += 1;
  }

  #take(pattern: RegExp): string | undefined {
    pattern.lastIndex = this.#at;
    const found = pattern.exec(this.#text)?.[0];
    this.#at += found?.length ?? 0;
    return found;
  }

  #place(): { line: number; column: number } {
    const before = this.#text.slice(0, this.#at).split("\n");
    return { line: before.length, column: (before.at(-1)?.length ?? 0) + 1 };
  }
}
