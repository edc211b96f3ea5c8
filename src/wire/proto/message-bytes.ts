/**
 * Messages as their bytes at once, without their JSON in between; payloads are the JSON that they are.
 * Boundary: pure, for messages that the service makes itself. Types with fields that only the JSON knows (well-known types
 * but Timestamp and Struct, bytes, maps) are left to bytes.ts: `writePlainMessage` gives undefined for them.
 * How a type is written is found once. A payload that stands in several places of a message is written once, and copied.
 */
import { type DescField, type DescMessage, ScalarType } from "@bufbuild/protobuf";
import type { JsonObject } from "../../engine/values/json.ts";
import {
  openTarget,
  repeatBytes,
  type Target,
  writeDouble,
  writeInside,
  writeInteger,
  writeStruct,
  writeText,
  writtenBytes,
} from "./bytes.ts";

/** Writes a value that is set; what is not of the field's kind is a fault of ours and throws. */
type WriteValue = (target: PayloadTarget, value: unknown) => void;

interface PlainField {
  readonly localName: string;
  /** The property of the message that holds the field's oneof. */
  readonly oneof: string | undefined;
  /** A default is not written. */
  readonly isImplicit: boolean;
  readonly write: WriteValue;
}

interface Plan {
  /** From the last to the first: bytes are written from their end. */
  fields: readonly PlainField[];
  isPlain: boolean;
}

/** Where payloads were written: their first byte and size, both counted from the end of the target. */
interface PayloadTarget extends Target {
  readonly payloads: Map<JsonObject, { readonly fromEnd: number; readonly size: number }>;
}

const plans = new Map<DescMessage, Plan>();

/** The bytes of the message; undefined when its type is not plain. Throws a TypeError for what is no such message. */
export function writePlainMessage(desc: DescMessage, message: object): Uint8Array | undefined {
  const plan = planOf(desc);
  if (!plan.isPlain) return undefined;
  const target = { ...openTarget(), payloads: new Map() };
  writeFields(target, plan, message);
  return writtenBytes(target);
}

function writeFields(target: PayloadTarget, { fields }: Plan, message: object): void {
  for (const { localName, oneof, isImplicit, write } of fields) {
    const value: unknown =
      oneof === undefined ? Reflect.get(message, localName) : chosen(message, oneof, localName);
    if (value === undefined || (isImplicit && isDefault(value))) continue;
    // Of a field with presence the default stands at the prototype.
    if (oneof === undefined && !isImplicit && !Object.hasOwn(message, localName)) continue;
    write(target, value);
  }
}

function chosen(message: object, oneof: string, localName: string): unknown {
  const holder: unknown = Reflect.get(message, oneof);
  if (typeof holder !== "object" || holder === null) return undefined;
  return Reflect.get(holder, "case") === localName ? Reflect.get(holder, "value") : undefined;
}

function isDefault(value: unknown): boolean {
  return value === "" || value === 0 || value === false || value === 0n;
}

function planOf(desc: DescMessage): Plan {
  const known = plans.get(desc);
  if (known !== undefined) return known;
  // A message that holds itself finds its plan.
  const plan: Plan = { fields: [], isPlain: true };
  plans.set(desc, plan);
  const fields = desc.fields.map(plainField);
  plan.isPlain = fields.every((field) => field !== undefined);
  plan.fields = fields.flatMap((field) => field ?? []).reverse();
  return plan;
}

function plainField(field: DescField): PlainField | undefined {
  const write = writerOf(field);
  if (write === undefined) return undefined;
  const { localName, oneof, fieldKind } = field;
  const isImplicit = fieldKind !== "message" && oneof === undefined && !hasPresence(field);
  return { localName, oneof: oneof?.localName, isImplicit, write };
}

function hasPresence({ fieldKind, proto }: DescField): boolean {
  return (fieldKind === "scalar" || fieldKind === "enum") && proto.proto3Optional === true;
}

function writerOf(field: DescField): WriteValue | undefined {
  switch (field.fieldKind) {
    case "scalar":
      return scalarWriter(field, field.scalar);
    case "enum":
      return scalarWriter(field, ScalarType.INT32);
    case "message":
      return messageWriter(field, field.message);
    case "list": {
      if (field.listKind === "enum") return undefined;
      if (field.listKind === "scalar" && field.scalar !== ScalarType.STRING) return undefined;
      const write =
        field.listKind === "message"
          ? messageWriter(field, field.message)
          : scalarWriter(field, field.scalar);
      return write && listWriter(field, write);
    }
    case "map":
      return undefined;
  }
}

function listWriter(field: DescField, write: WriteValue): WriteValue {
  return (target, list) => {
    if (!Array.isArray(list)) throw misfit(field);
    for (let at = list.length - 1; at >= 0; at -= 1) write(target, list[at]);
  };
}

function messageWriter(field: DescField, type: DescMessage): WriteValue | undefined {
  const { number } = field;
  const inside = (write: (target: PayloadTarget, value: object) => void): WriteValue => {
    return (target, value) => {
      if (typeof value !== "object" || value === null) throw misfit(field);
      writeInside(target, number, () => write(target, value));
    };
  };
  if (type.typeName === "google.protobuf.Timestamp") return inside(writeTimestamp);
  if (type.typeName === "google.protobuf.Struct") return inside(writePayload);
  if (type.typeName.startsWith("google.protobuf.")) return undefined;
  const plan = planOf(type);
  return plan.isPlain ? inside((target, value) => writeFields(target, plan, value)) : undefined;
}

function writeTimestamp(target: Target, time: object): void {
  const [seconds, nanos]: unknown[] = [Reflect.get(time, "seconds"), Reflect.get(time, "nanos")];
  if (typeof seconds !== "bigint" || typeof nanos !== "number") {
    throw new TypeError("a google.protobuf.Timestamp has other fields");
  }
  if (nanos !== 0) writeInteger(target, 2, BigInt(nanos));
  if (seconds !== 0n) writeInteger(target, 1, seconds);
}

function writePayload(target: PayloadTarget, payload: object): void {
  if (!isPayload(payload)) throw new TypeError("a payload is no object");
  const known = target.payloads.get(payload);
  if (known !== undefined) {
    repeatBytes(target, known.fromEnd, known.size);
    return;
  }
  const before = target.bytes.length - target.at;
  writeStruct(target, payload);
  const fromEnd = target.bytes.length - target.at;
  target.payloads.set(payload, { fromEnd, size: fromEnd - before });
}

function scalarWriter(field: DescField, type: ScalarType): WriteValue | undefined {
  const { number } = field;
  const checked = <T>(
    isFit: (value: unknown) => value is T,
    write: (target: Target, value: T) => void,
  ) =>
    ((target, value) => {
      if (!isFit(value)) throw misfit(field);
      write(target, value);
    }) satisfies WriteValue;
  switch (type) {
    case ScalarType.STRING:
      return checked(isText, (target, value) => writeText(target, number, value));
    case ScalarType.BOOL:
      return checked(isBoolean, (target, value) => writeInteger(target, number, value ? 1 : 0));
    case ScalarType.INT32:
      return checked(isNumber, (target, value) => writeInteger(target, number, value));
    case ScalarType.INT64:
      return checked(isBigInt, (target, value) => writeInteger(target, number, value));
    case ScalarType.DOUBLE:
      return checked(isNumber, (target, value) => writeDouble(target, number, value));
    default:
      return undefined;
  }
}

function isPayload(value: object): value is JsonObject {
  return !Array.isArray(value);
}
function isText(value: unknown): value is string {
  return typeof value === "string";
}
function isBoolean(value: unknown): value is boolean {
  return typeof value === "boolean";
}
function isNumber(value: unknown): value is number {
  return typeof value === "number";
}
function isBigInt(value: unknown): value is bigint {
  return typeof value === "bigint";
}

function misfit(field: DescField): TypeError {
  return new TypeError(`${field.parent.typeName}.${field.name} has another kind of value`);
}
