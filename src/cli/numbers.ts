/** Numbers and durations among options. */
import { DURATION_FORM, parseDuration } from "../file/durations.ts";
import { type Call, textOption, typedOption } from "./call.ts";
import { usageFault } from "./failure.ts";

/** The largest int32 of the contract. */
const MAX_COUNT = 2 ** 31 - 1;

/** A whole number from 1 to 2^31 - 1; undefined without the option. */
export function readCount(call: Call, name: string): number | undefined {
  const text = textOption(call, name);
  if (text === undefined) return undefined;
  const count = Number(text);
  if (count > MAX_COUNT) throw usageFault(`${typedOption(name)} "${text}" is above ${MAX_COUNT}`);
  if (Number.isInteger(count) && count > 0) return count;
  throw usageFault(`${typedOption(name)} "${text}" is no whole number above 0`);
}

/** Milliseconds of a duration such as 5m, or of a number of seconds; undefined without the option. */
export function readDurationMs(call: Call, name: string): number | undefined {
  const text = textOption(call, name);
  if (text === undefined) return undefined;
  const seconds = parseDuration(text) ?? (/^\d+(\.\d+)?$/.test(text) ? Number(text) : undefined);
  if (seconds !== undefined) return seconds * 1_000;
  throw usageFault(`${typedOption(name)} "${text}" is no duration; ${DURATION_FORM}`);
}
