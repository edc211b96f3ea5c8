/**
 * The rules for every field of every request, by its descriptor: sizes, no NUL, finite numbers, known enum
 * values, payloads that can be stored. A new RPC is covered without a line here.
 * Boundary: fields one by one; what they mean together is for the handlers.
 */
import type { DescField, DescMessage, MessageShape } from "@bufbuild/protobuf";
import {
  findPayloadFault,
  type Json,
  jsonSizeBytes,
  textSizeBytes,
} from "../../engine/values/json.ts";
import { MAX_PAYLOAD_BYTES, MAX_PAYLOAD_DEPTH } from "../../engine/values/limits.ts";
import { MAX_SOURCE_BYTES } from "../../file/source-text.ts";
import { type FieldFault, Refusal } from "../../process/refusal.ts";

const NAME_CHARS = 256;
const TAGS = 64;
const TAG_CHARS = 128;
/** Items of one page of a list. */
export const PAGE_LIMIT = 500;
const PAGE_LIMIT_UNSET = 50;
const PAGE_OFFSET = 10_000;
const STRUCT = "google.protobuf.Struct";
// Bytes of the texts that may be longer than a name.
const LONG_TEXTS = new Map([
  ["description", 4 * 1024],
  ["reason", 4 * 1024],
  ["comment", 4 * 1024],
  ["note", 4 * 1024],
  ["source_text", MAX_SOURCE_BYTES],
  // An agent's failure often brings its trace along.
  ["error_message", 16 * 1024],
]);
// The engine bounds expressions itself, with its own sentence.
const EXPRESSIONS = /_expr$/;

/** Faults of a request, collected by its handler. */
export interface Faults {
  add(field: string, description: string): void;
  /** Adds a fault when the value is empty. */
  require(field: string, value: string): void;
  /** Throws invalid_fields with all faults there are. */
  refuseIfAny(): void;
  readonly list: FieldFault[];
}

/** The faults that the fields of a message have by themselves, open for more. */
export function checkFields<Desc extends DescMessage>(
  desc: Desc,
  message: MessageShape<Desc>,
): Faults {
  const list: FieldFault[] = [];
  checkMessage(desc, message, "", list);
  return newFaults(list);
}

/** Faults to collect, with those that are known. */
export function newFaults(list: FieldFault[] = []): Faults {
  const add = (field: string, description: string) => {
    list.push({ field, description });
  };
  return {
    list,
    add,
    require(field, value) {
      if (value === "") add(field, "is required");
    },
    refuseIfAny() {
      if (list.length > 0) throw invalidFields(list);
    },
  };
}

/** A refusal that lists these faults. */
export function invalidFields(fields: readonly FieldFault[]): Refusal {
  return new Refusal("invalid_fields", "the request is not valid", { fields });
}

/** Limit and offset of a list, with the default filled in; what is out of range is added to the faults. */
export function readPage(
  { limit, offset }: { readonly limit: number; readonly offset: number },
  faults: Faults,
): { limit: number; offset: number } {
  if (limit < 0 || limit > PAGE_LIMIT) {
    faults.add("limit", `is ${limit}; it must be 0 (the default of 50) to ${PAGE_LIMIT}`);
  }
  if (offset < 0 || offset > PAGE_OFFSET) {
    faults.add("offset", `is ${offset}; it must be 0 to ${PAGE_OFFSET}`);
  }
  return { limit: limit === 0 ? PAGE_LIMIT_UNSET : limit, offset };
}

/** Items of a page of a list with a token, with the default filled in; what is out of range is added to the faults. */
export function readPageSize(pageSize: number, faults: Faults): number {
  if (pageSize < 0 || pageSize > PAGE_LIMIT) {
    const range = `0 (the default of ${PAGE_LIMIT_UNSET}) to ${PAGE_LIMIT}`;
    faults.add("page_size", `is ${pageSize}; it must be ${range}`);
  }
  return pageSize || PAGE_LIMIT_UNSET;
}

/** Faults of one text by itself; `field` ends in the name that decides how long it may be. */
export function checkText(field: string, text: string, list: FieldFault[]): void {
  const description = textProblem(field.slice(field.lastIndexOf(".") + 1), text);
  if (description !== undefined) list.push({ field, description });
}

function checkMessage(desc: DescMessage, message: object, path: string, list: FieldFault[]): void {
  for (const field of desc.fields) {
    const value: unknown = Reflect.get(message, field.localName);
    const at = `${path}${field.name}`;
    if (!Array.isArray(value)) checkValue(field, value, at, list);
    else if (field.name === "tags") checkTags(value, at, list);
    else {
      for (const [index, item] of value.entries()) checkValue(field, item, `${at}[${index}]`, list);
    }
  }
}

function checkValue(field: DescField, value: unknown, at: string, list: FieldFault[]): void {
  const add = (description: string) => list.push({ field: at, description });
  if (typeof value === "string") {
    const problem = textProblem(field.name, value);
    if (problem !== undefined) add(problem);
  } else if (typeof value === "number") {
    if (!Number.isFinite(value)) add("is not a finite number");
    else if (field.enum && field.enum.value[value] === undefined) {
      add(`${value} is not a value of ${field.enum.typeName}`);
    }
  } else if (typeof value === "object" && value !== null && field.message) {
    if (field.message.typeName !== STRUCT) checkMessage(field.message, value, `${at}.`, list);
    else if (isPayload(value)) checkPayload(value, at, list);
  }
}

function isPayload(value: object): value is { [key: string]: Json } {
  return !Array.isArray(value);
}

/** Faults of one payload: what cannot be stored, with its path, and its size. */
function checkPayload(payload: { [key: string]: Json }, at: string, list: FieldFault[]): void {
  const fault = findPayloadFault(payload, MAX_PAYLOAD_DEPTH);
  if (fault !== undefined) {
    const field = fault.path === "" ? at : `${at}.${fault.path}`;
    list.push({ field, description: fault.problem });
    return;
  }
  const bytes = jsonSizeBytes(payload);
  if (bytes > MAX_PAYLOAD_BYTES) {
    list.push({
      field: at,
      description: `has ${bytes} bytes as JSON, over the limit of ${MAX_PAYLOAD_BYTES}`,
    });
  }
}

function checkTags(tags: readonly unknown[], at: string, list: FieldFault[]): void {
  if (tags.length > TAGS) {
    list.push({ field: at, description: `has ${tags.length} tags, over the limit of ${TAGS}` });
  }
  for (const [index, tag] of tags.slice(0, TAGS).entries()) {
    const add = (description: string) => list.push({ field: `${at}[${index}]`, description });
    if (typeof tag !== "string") continue;
    if (tag === "") add("is empty");
    else if (tag.includes("\u0000")) add("holds a NUL character (\\u0000)");
    else if (tag.length > TAG_CHARS) add(tooLong(tag.length, TAG_CHARS));
  }
}

function textProblem(name: string, text: string): string | undefined {
  if (text.includes("\u0000")) return "holds a NUL character (\\u0000)";
  if (!text.isWellFormed()) return "holds a lone surrogate";
  if (EXPRESSIONS.test(name)) return undefined;
  const limit = LONG_TEXTS.get(name);
  if (limit === undefined) {
    return text.length > NAME_CHARS ? tooLong(text.length, NAME_CHARS) : undefined;
  }
  const bytes = textSizeBytes(text);
  return bytes > limit ? `has ${bytes} bytes, over the limit of ${limit}` : undefined;
}

function tooLong(chars: number, limit: number): string {
  return `has ${chars} characters, over the limit of ${limit}`;
}
