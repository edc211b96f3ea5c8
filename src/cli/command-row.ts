/** One command as data, and options of several. Boundary: types and rows. */
import type { Action } from "./call.ts";

/** An option as commander reads it, and what it does. */
export type OptionRow = readonly [flags: string, about: string];

/** One command. */
export interface CommandRow {
  readonly name: string;
  /** As commander reads it: `<file...>`, `[run]`. */
  readonly args: string;
  readonly about: string;
  /** Command lines without `workflows `, and what they do. */
  readonly examples: readonly (readonly [line: string, about: string])[];
  readonly options: readonly OptionRow[];
  /** Whether it speaks to the service, so that its flags select one. */
  readonly callsService: boolean;
  load(): Promise<Action>;
}

/** Of commands that write. */
export const KEY: OptionRow = [
  "--key <key>",
  "the Idempotency-Key: a repeat with the same key does nothing again",
];

/** Of commands that end a step with an output. */
export const OUTPUT: readonly OptionRow[] = [
  ["--output <json>", "the output, a JSON object"],
  ["--output-file <file>", "a file with the output, - for standard input"],
];

/** How steps answer in a simulation (mock-options.ts). */
export const MOCK_OPTIONS: CommandRow["options"] = [
  [
    "--mock <step=value>",
    "what a step answers: an object with output, error, outcome, decision, data, delay, cost or silent; given again, the next attempt",
  ],
  ["--deny <steps>", "gates whose requests are denied; several with commas"],
  ["--fail <steps>", "steps that fail; several with commas"],
  ["--silent <steps>", "steps that nobody answers; several with commas"],
];
