// The functions of expressions: the library's standard ones, with whole-number literals mixing with
// the doubles of JSON, and with every cost that grows with the data charged.
//
// Boundary: overloads only; what an expression may name is decided in syntax.ts.
// Invariant: a function whose work grows with its arguments charges for it before it does it.

import {
  type CelEnv,
  type CelFunc,
  type CelMap,
  CelScalar,
  type CelValue,
  celEnv,
  celFunc,
  celMethod,
  isCelError,
  isCelList,
  isCelMap,
  isCelUint,
  listType,
  mapType,
  objectType,
} from "@bufbuild/cel";
import { charge, chargeText, TURN_UNITS } from "./fuel.ts";
import { meteredOf } from "./metering.ts";
import { matchesRegex } from "./regex.ts";
import { celOfItems, concatenated, itemsOf } from "./values.ts";

/** The function that syntax.ts puts around the range of a comprehension; authors cannot write its name. */
export const RANGE_FUNCTION = "@range";

/**
 * The function that syntax.ts puts around the condition on which a comprehension goes on: it ends one
 * whose fuel is spent, where the library would go on with an error value to the last item.
 */
export const TURN_FUNCTION = "@turn";

const MAX_RANGE_ITEMS = 2000;
const COMPARISON_UNITS = 5;

const { BOOL, DOUBLE, DYN, INT, STRING, UINT } = CelScalar;
const LIST = listType(DYN);
const MAP = mapType(DYN, DYN);
const TIMESTAMP = objectType("google.protobuf.Timestamp");

const standard = celEnv();

/** The environment in which every expression is planned. */
export const environment: CelEnv = celEnv({
  funcs: [
    ...[...standard.funcs].flatMap(meteredOf),
    ...mixedArithmetic(),
    ...equality(),
    ...sizes(),
    celFunc("_+_", [LIST, LIST], LIST, concatenated),
    celFunc("_-_", [TIMESTAMP, TIMESTAMP], DYN, (l, r) => durationBetween(r, l)),
    celMethod("matches", STRING, [STRING], BOOL, function (pattern) {
      return matchesRegex(String(this), pattern);
    }),
    celFunc(RANGE_FUNCTION, [DYN], DYN, checkRange),
    celFunc(TURN_FUNCTION, [DYN], DYN, (goOn) => {
      charge(TURN_UNITS);
      return goOn;
    }),
  ],
});

/** Whether some overload takes so many arguments, and is called on a target or is not. */
export function hasOverload(name: string, onTarget: boolean, argumentCount: number): boolean {
  const overloads = environment.funcs.find(name);
  if (overloads === undefined) return false;
  for (const overload of overloads) {
    const fits = overload.arguments.length === argumentCount;
    if (fits && (overload.target !== undefined) === onTarget) return true;
  }
  return false;
}

/** Whether there is a function of that name, whatever it takes. */
export function hasFunction(name: string): boolean {
  return environment.funcs.find(name) !== undefined;
}

/** The text of a timestamp or duration, as CEL's `string` gives it. */
export function textOfMessage(value: CelValue): string {
  return String(callStandard("string", [value]));
}

function callStandard(name: string, args: CelValue[], target?: CelValue): CelValue {
  const result = standard.funcs.find(name)?.call(0, target, args);
  if (result === undefined) throw new Error(`no overload of ${name} takes these values`);
  if (isCelError(result)) throw result;
  return result;
}

function mixedArithmetic(): CelFunc[] {
  const operators: Record<string, (l: number, r: number) => number> = {
    "_+_": (l, r) => l + r,
    "_-_": (l, r) => l - r,
    "_*_": (l, r) => l * r,
    "_/_": (l, r) => l / r,
    "_%_": (l, r) => l % r,
  };
  return Object.entries(operators).flatMap(([name, apply]) => [
    celFunc(name, [DOUBLE, DOUBLE], DOUBLE, apply),
    celFunc(name, [DOUBLE, INT], DOUBLE, (l, r) => apply(l, Number(r))),
    celFunc(name, [INT, DOUBLE], DOUBLE, (l, r) => apply(Number(l), r)),
    celFunc(name, [DOUBLE, UINT], DOUBLE, (l, r) => apply(l, Number(r.value))),
    celFunc(name, [UINT, DOUBLE], DOUBLE, (l, r) => apply(Number(l.value), r)),
  ]);
}

function equality(): CelFunc[] {
  return [
    celFunc("_==_", [DYN, DYN], BOOL, equals),
    celFunc("_!=_", [DYN, DYN], BOOL, (l, r) => !equals(l, r)),
    celFunc("@in", [DYN, LIST], BOOL, (value, list) => {
      return itemsOf(list).some((item) => equals(item, value));
    }),
    ...[STRING, DOUBLE, INT, UINT, BOOL].map((key) =>
      celFunc("@in", [key, MAP], BOOL, (value, map) => map.get(value) !== undefined),
    ),
  ];
}

function equals(l: CelValue, r: CelValue): boolean {
  charge(COMPARISON_UNITS);
  if (l === r && typeof l !== "string") return true;
  const left = isCelUint(l) ? l.value : l;
  const right = isCelUint(r) ? r.value : r;
  if (typeof left === "string" || typeof right === "string") {
    if (typeof left !== "string" || typeof right !== "string") return false;
    if (left.length !== right.length) return false;
    chargeText(left.length);
    return left === right;
  }
  if (isNumeric(left) && isNumeric(right)) return left <= right && left >= right;
  if (isCelList(left)) return isCelList(right) && equalItems(itemsOf(left), itemsOf(right));
  if (isCelMap(left)) return isCelMap(right) && equalMaps(left, right);
  if (typeof left !== "object" || typeof right !== "object") return false;
  if (left instanceof Uint8Array) chargeText(left.length);
  return callStandard("_==_", [left, right]) === true;
}

function isNumeric(value: CelValue): value is number | bigint {
  return typeof value === "number" || typeof value === "bigint";
}

function equalItems(left: readonly CelValue[], right: readonly CelValue[]): boolean {
  if (left.length !== right.length) return false;
  return left.every((item, at) => {
    const other = right[at];
    return other !== undefined && equals(item, other);
  });
}

function equalMaps(left: CelMap, right: CelMap): boolean {
  if (left.size !== right.size) return false;
  for (const [key, value] of left.entries()) {
    const other = right.get(key);
    if (other === undefined || !equals(value, other)) return false;
  }
  return true;
}

function sizes(): CelFunc[] {
  return [
    celFunc("size", [STRING], INT, codePoints),
    celMethod("size", STRING, [], INT, function () {
      return codePoints(String(this));
    }),
  ];
}

function codePoints(text: string): bigint {
  charge(text.length / 2);
  let count = text.length;
  for (let at = 0; at < text.length; at++) {
    const point = text.codePointAt(at) ?? 0;
    if (point > 0xffff) {
      count -= 1;
      at += 1;
    }
  }
  return BigInt(count);
}

/** The library gives a timestamp for this difference; here it is the duration that CEL defines. */
function durationBetween(from: CelValue, to: CelValue): CelValue {
  const millis = millisOf(to) - millisOf(from);
  const whole = (millis < 0 ? -millis : millis) / 1000;
  return callStandard("duration", [`${millis < 0 ? "-" : ""}${whole.toFixed(3)}s`]);
}

function millisOf(timestamp: CelValue): number {
  const seconds = Number(callStandard("int", [timestamp]));
  return seconds * 1000 + Number(callStandard("getMilliseconds", [], timestamp));
}

function checkRange(range: CelValue): CelValue {
  const size = isCelList(range) || isCelMap(range) ? range.size : 0;
  if (size > MAX_RANGE_ITEMS) {
    throw new Error(`a range of ${size} items is too long, the limit is ${MAX_RANGE_ITEMS}`);
  }
  return isCelList(range) ? celOfItems(itemsOf(range)) : range;
}
