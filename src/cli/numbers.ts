/** Numbers and durations among options. */
import { DURATION_FORM, parseDuration } from "../file/durations.ts";
import { type Call, textOption } from "./call.ts";
import { CliFailure, EXIT } from "./failure.ts";

/** A whole number above 0; undefined without the option. */
export function readCount(call: Call, name: string): number | undefined {
  const text = textOption(call, name);
  if (text === undefined) return undefined;
  const count = Number(text);
  if (Number.isSafeInteger(count) && count > 0) return count;
  throw new CliFailure(`--${name} "${text}" is no whole number above 0`, EXIT.usage);
}

/** Milliseconds of a duration such as 5m, or of a number of seconds; undefined without the option. */
export function readDurationMs(call: Call, name: string): number | undefined {
  const text = textOption(call, name);
  if (text === undefined) return undefined;
  const seconds = parseDuration(text) ?? (/^\d+(\.\d+)?$/.test(text) ? Number(text) : undefined);
  if (seconds !== undefined) return seconds * 1_000;
  throw new CliFailure(`--${name} "${text}" is no duration; ${DURATION_FORM}`, EXIT.usage);
}
