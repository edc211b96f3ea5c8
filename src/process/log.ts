/**
 * The service's log: one line an entry on standard output, JSON or for people.
 * Boundary: payloads, requests and secrets are never handed to it. Values come from outside, so every line is escaped:
 * none can end a line early or send a control sequence to a terminal.
 */

/** Levels from the least to the most urgent. */
export const LOG_LEVELS = ["debug", "info", "warn", "error"] as const;
/** How urgent an entry is. */
export type LogLevel = (typeof LOG_LEVELS)[number];
/** How lines look. */
export type LogFormat = "json" | "pretty";

/** Facts of an entry by name; errors are written with their causes. */
type LogFacts = Record<string, unknown>;

/** Writes entries; a message is a fixed sentence, what varies goes into the facts. */
export interface Log {
  debug(message: string, facts?: LogFacts): void;
  info(message: string, facts?: LogFacts): void;
  warn(message: string, facts?: LogFacts): void;
  error(message: string, facts?: LogFacts): void;
}

/** What createLog needs; `write` gets whole lines and is standard output unless given. */
export interface LogOptions {
  readonly level: LogLevel;
  readonly format: LogFormat;
  readonly write?: (line: string) => void;
}

const CAUSES_AT_MOST = 5;
const VALUE_CHARS_AT_MOST = 4_000;

/** Makes a log that leaves out entries below its level. */
export function createLog(options: LogOptions): Log {
  const write = options.write ?? ((line: string) => void process.stdout.write(line));
  const lowest = LOG_LEVELS.indexOf(options.level);
  const entry =
    (level: LogLevel) =>
    (message: string, facts: LogFacts = {}) => {
      if (LOG_LEVELS.indexOf(level) < lowest) return;
      const time = new Date().toISOString();
      const line =
        options.format === "json"
          ? jsonOf({ time, level, message, ...facts })
          : `${time} ${level.toUpperCase().padEnd(5)} ${escapeText(message)}${prettyFacts(facts)}`;
      write(`${line}\n`);
    };
  return { debug: entry("debug"), info: entry("info"), warn: entry("warn"), error: entry("error") };
}

/** A full disk, or a reader that has gone, costs lines of the log: without a listener it ends the process. */
export function outliveLog(): void {
  for (const stream of [process.stdout, process.stderr]) stream.on("error", () => undefined);
}

function prettyFacts(facts: LogFacts): string {
  return Object.entries(facts)
    .map(([name, value]) => ` ${escapeText(name)}=${jsonOf(value)}`)
    .join("");
}

function jsonOf(value: unknown): string {
  return escapeText(JSON.stringify(value, readable) ?? "null");
}

function readable(_name: string, value: unknown): unknown {
  if (value instanceof Error) return errorFacts(value);
  if (typeof value === "bigint") return String(value);
  if (typeof value === "string") return value.slice(0, VALUE_CHARS_AT_MOST);
  return value;
}

function errorFacts(error: Error): LogFacts {
  const causes: string[] = [];
  let cause = error.cause;
  while (cause instanceof Error && causes.length < CAUSES_AT_MOST) {
    causes.push(`${cause.name}: ${cause.message}`);
    cause = cause.cause;
  }
  const code = "code" in error ? { code: error.code } : {};
  const { name, message, stack } = error;
  return { name, message, ...code, stack, ...(causes.length === 0 ? {} : { causes }) };
}

/** JSON leaves DEL, C1 controls and line separators as they are; terminals and log readers act on them. */
function escapeText(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is looked for.
  return text.replace(/[\u0000-\u001f\u007f-\u009f\u2028\u2029]/g, (char) => {
    return `\\u${char.charCodeAt(0).toString(16).padStart(4, "0")}`;
  });
}
