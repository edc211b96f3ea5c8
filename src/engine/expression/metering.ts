// What the standard functions cost on large arguments: the overloads that charge before they work.
//
// Boundary: costs only; the results are the library's own.

import {
  type CelFunc,
  CelScalar,
  type CelType,
  type CelValue,
  celFunc,
  celMethod,
  isCelError,
} from "@bufbuild/cel";
import { charge } from "./fuel.ts";

const { BYTES, STRING } = CelScalar;
const MAX_PARSED_CHARS = 100;
const PARSE_UNITS = 50;
const PARSE_TIME_UNITS = 500;
const TIME_ZONE_UNITS = 20_000;

/**
 * A standard overload wrapped so that it charges, if its cost grows with what it is given; else none.
 */
export function meteredOf(func: CelFunc): CelFunc[] {
  const cost = costOf(func);
  if (cost === undefined) return [];
  const work = (target: CelValue | undefined, args: CelValue[]): CelValue => {
    charge(cost(target === undefined ? args : [target, ...args]));
    const result = func.call(0, target, args);
    if (result === undefined) throw new Error(`no overload of ${func.name} takes these values`);
    if (isCelError(result)) throw result;
    return result;
  };
  const { name, target, result } = func;
  const args: readonly CelType[] = func.arguments;
  if (target === undefined)
    return [celFunc(name, args, result, (...given) => work(undefined, given))];
  return [
    celMethod(name, target, args, result, function (...given) {
      return work(this, given);
    }),
  ];
}

type Cost = (values: readonly CelValue[]) => number;

function costOf(func: CelFunc): Cost | undefined {
  const first = func.target ?? func.arguments[0];
  const isText = first === STRING || first === BYTES;
  switch (func.name) {
    case "_+_":
      return isText ? ([l, r]) => (lengthOf(l) + lengthOf(r)) / 16 : undefined;
    case "_<_":
    case "_<=_":
    case "_>_":
    case "_>=_":
      return isText ? ([l, r]) => Math.min(lengthOf(l), lengthOf(r)) / 16 : undefined;
    case "contains":
      return ([text, part]) => (lengthOf(text) * (1 + lengthOf(part) / 256)) / 16;
    case "startsWith":
    case "endsWith":
      return ([, part]) => lengthOf(part) / 16;
    case "bytes":
    case "string":
      return isText ? ([value]) => lengthOf(value) / 2 : undefined;
    case "int":
    case "uint":
    case "double":
    case "bool":
      return first === STRING ? costOfParsing(PARSE_UNITS) : undefined;
    case "timestamp":
    case "duration":
      return first === STRING ? costOfParsing(PARSE_TIME_UNITS) : undefined;
    default:
      return func.name.startsWith("get") && func.arguments.length === 1
        ? ([, zone]) => TIME_ZONE_UNITS + lengthOf(zone)
        : undefined;
  }
}

function costOfParsing(units: number): Cost {
  return ([text]) => {
    const length = lengthOf(text);
    if (length > MAX_PARSED_CHARS) {
      throw new Error(`a text of ${length} characters is too long to be read as a value`);
    }
    return units;
  };
}

function lengthOf(value: CelValue | undefined): number {
  return typeof value === "string" || value instanceof Uint8Array ? value.length : 0;
}
