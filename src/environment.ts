/**
 * Single variables of an environment, read and judged one by one.
 * Boundary: knows no setting; which variables there are, and what they may be, is config.ts's.
 * Invariant: a fault names its variable, is one line, and never shows a value that may be a secret.
 */

/** Variables and their values, as process.env gives them. */
export type Environment = Readonly<Record<string, string | undefined>>;

const MS_A_UNIT = { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };
const BYTES_A_UNIT = { "": 1, KiB: 2 ** 10, MiB: 2 ** 20, GiB: 2 ** 30, TiB: 2 ** 40 };

/** The number before a unit, times the unit. */
function parseUnits(text: string, units: Readonly<Record<string, number>>): number | undefined {
  const [, digits = "", unit = ""] = /^(\d{1,15})([A-Za-z]*)$/.exec(text) ?? [];
  const size = Object.hasOwn(units, unit) ? units[unit] : undefined;
  return digits === "" || size === undefined ? undefined : Number(digits) * size;
}

/** Reads single variables and keeps what is wrong with them. */
export class EnvironmentReader {
  readonly faults: string[] = [];
  readonly #env: Environment;
  readonly #readFile: (path: string) => string;

  constructor(env: Environment, readFile: (path: string) => string) {
    this.#env = env;
    this.#readFile = readFile;
  }

  fault(name: string, problem: string): void {
    this.faults.push(`${name} ${problem}`.replaceAll(/[\r\n]+/g, " "));
  }

  text(name: string): string | undefined {
    const value = this.#env[name]?.trim();
    return value === "" ? undefined : value;
  }

  required(name: string): string {
    const text = this.text(name);
    if (text === undefined) this.fault(name, "is required");
    return text ?? "";
  }

  has(name: string): boolean {
    return this.text(name) !== undefined;
  }

  whole(name: string, unset: number, { least, most }: { least: number; most: number }): number {
    const text = this.text(name);
    if (text === undefined) return unset;
    const value = /^\d{1,15}$/.test(text) ? Number(text) : Number.NaN;
    if (value >= least && value <= most) return value;
    this.fault(name, `is ${text}; it must be a whole number from ${least} to ${most}`);
    return unset;
  }

  /** Milliseconds of a text like `7d`, `12h`, `30m` or `45s`; `0` is 0. */
  duration(name: string, unset: number, { least, most }: { least: string; most: string }): number {
    const text = this.text(name);
    if (text === undefined) return unset;
    const value = text === "0" ? 0 : parseUnits(text, MS_A_UNIT);
    const [leastMs = 0, mostMs = 0] = [least, most].map((bound) => parseUnits(bound, MS_A_UNIT));
    if (value === 0 || (value !== undefined && value >= leastMs && value <= mostMs)) return value;
    this.fault(name, `is ${text}; it must be a time from ${least} to ${most}, such as 7d, or 0`);
    return unset;
  }

  /** Bytes of a text like `10GiB`, `512MiB` or `1000000`. */
  bytes(name: string, { least, most }: { least: string; most: string }): number | undefined {
    const text = this.text(name);
    if (text === undefined) return undefined;
    const value = parseUnits(text, BYTES_A_UNIT);
    const [leastBytes = 0, mostBytes = 0] = [least, most].map((b) => parseUnits(b, BYTES_A_UNIT));
    if (value !== undefined && value >= leastBytes && value <= mostBytes) return value;
    this.fault(name, `is ${text}; it must be a size from ${least} to ${most}, such as 10GiB`);
    return undefined;
  }

  choice<Value extends string>(name: string, values: readonly Value[], unset: Value): Value {
    const text = this.text(name);
    if (text === undefined) return unset;
    const found = values.find((value) => value === text);
    if (found === undefined) this.fault(name, `is ${text}; it must be one of ${values.join(", ")}`);
    return found ?? unset;
  }

  list(name: string, required: boolean): string[] {
    const parts = (this.text(name) ?? "").split(",").map((part) => part.trim());
    const values = parts.filter((part) => part !== "");
    if (required && values.length === 0) this.fault(name, "is required");
    return values;
  }

  url(name: string, protocols: readonly string[], required = false): string | undefined {
    const text = this.text(name);
    if (text === undefined) {
      if (required) this.fault(name, "is required");
      return undefined;
    }
    if (URL.canParse(text) && protocols.includes(new URL(text).protocol)) return text;
    const forms = protocols.map((protocol) => `${protocol}//`).join(" or ");
    // The value is not shown: it may hold a password.
    this.fault(name, `is not a URL that begins with ${forms}`);
    return undefined;
  }

  file(name: string): string | undefined {
    const path = this.text(name);
    if (path === undefined) return undefined;
    try {
      return this.#readFile(path);
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      this.fault(name, `names ${path}, which cannot be read: ${why}`);
      return undefined;
    }
  }
}

/** An object that has the key only when there is a value. */
export function optional<Key extends string, Value>(
  key: Key,
  value: Value | undefined,
): Partial<Record<Key, Value>> {
  const set: Partial<Record<Key, Value>> = {};
  if (value !== undefined) set[key] = value;
  return set;
}
