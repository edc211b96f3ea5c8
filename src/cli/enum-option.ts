/** An option that names a value of an enum: `buffer-one` is BUFFER_ONE. Boundary: words. */
import { nearest } from "../file/faults.ts";
import { type Call, textOption, typedOption } from "./call.ts";
import { usageFault } from "./failure.ts";

/** The value; undefined without the option. */
export function readEnum<Value extends number>(
  call: Call,
  option: string,
  known: Readonly<Record<string, Value>>,
): Value | undefined {
  const text = textOption(call, option);
  return text === undefined ? undefined : namedValue(text, option, known);
}

/** The values of an option that names several, with commas between; empty without the option. */
export function readEnums<Value extends number>(
  call: Call,
  option: string,
  known: Readonly<Record<string, Value>>,
): Value[] {
  const words = (textOption(call, option) ?? "").split(",").map((word) => word.trim());
  return words.filter((word) => word !== "").map((word) => namedValue(word, option, known));
}

function namedValue<Value extends number>(
  text: string,
  option: string,
  known: Readonly<Record<string, Value>>,
): Value {
  const values = new Map(
    Object.entries(known).map(([name, value]) => [wordOf(name), value] as const),
  );
  const found = values.get(text);
  if (found !== undefined && found !== 0) return found;
  const words = enumWords(known);
  const given = `${typedOption(option)} "${text}"`;
  throw usageFault(`${given} is not among ${words.join(", ")}${nearest(text, words)}`);
}

/** What such an option may be. */
export function enumWords(known: Readonly<Record<string, number>>): string[] {
  return Object.entries(known).flatMap(([name, value]) => (value === 0 ? [] : [wordOf(name)]));
}

function wordOf(name: string): string {
  return name.toLowerCase().replaceAll("_", "-");
}
