/** What a command is given. Boundary: types; program.ts makes them from the words of the command line. */
import type { Output } from "./output.ts";
import type { ServiceFlags } from "./settings.ts";

/** Options of a command by their long names in camel case. */
export type Options = ServiceFlags & { readonly [name: string]: unknown };

/** A command to be run. */
export interface Call {
  readonly args: readonly string[];
  readonly options: Options;
  readonly out: Output;
}

/** Runs a command; gives its exit code, or throws a CliFailure. */
export type Action = (call: Call) => Promise<number>;

/** An option as it is typed: `maxOpenRuns` is --max-open-runs. */
export function typedOption(name: string): string {
  return `--${name.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
}

/** The text of an option; undefined without it. */
export function textOption({ options }: Call, name: string): string | undefined {
  const value = options[name];
  return typeof value === "string" ? value : undefined;
}

/** The values of an option that may be given several times. */
export function listOption({ options }: Call, name: string): readonly string[] {
  const values = options[name];
  return Array.isArray(values) ? values.filter((value) => typeof value === "string") : [];
}

/** Whether a flag is set. */
export function flagOption({ options }: Call, name: string): boolean {
  return options[name] === true;
}
