/**
 * What an approver changes in the input that a gate asks about: a JSON merge patch (RFC 7396) on the fields of config.editable.
 * Boundary: pure. Ingress has edits kept before their decision is recorded; a decision that comes back takes them up.
 * Invariants:
 * 1. A patch changes nothing outside the fields that the version names.
 * 2. An approval brings the edits whose digest its reason names, of the person who decided. One that names others counts as a denial: what
 *    was approved is not known. A decision that names none is about the input as it was asked.
 */
import type { AddFault } from "../../graph/faults.ts";
import type { StepDefinition } from "../../values/definition.ts";
import type { ApprovalReport } from "../../values/input.ts";
import { isJsonObject, type Json, type JsonObject, ownValue } from "../../values/json.ts";
import type { KeptEdits, StepDetail } from "../../values/step-detail.ts";

const FIELDS_AT_MOST = 50;
const FIELDS_SHOWN = 10;

/** The fields of the input that an approver may change, such as `customer.email`. */
export function editableOf({ config }: StepDefinition): readonly string[] {
  const fields = ownValue(config, "editable");
  if (!Array.isArray(fields)) return [];
  return fields.filter((field) => typeof field === "string");
}

/** Reports fields that are named twice or within another one, too many, and a gate that one approval does not end. */
export function checkEditable(step: StepDefinition, path: string, addFault: AddFault): void {
  const { config } = step;
  const fields = editableOf(step);
  const at = `${path}.config.editable`;
  if (fields.length === 0) return;
  if (fields.length > FIELDS_AT_MOST) {
    addFault(at, `has ${fields.length} fields, the limit is ${FIELDS_AT_MOST}`);
    return;
  }
  for (const [place, field] of fields.entries()) {
    const covers = (other: string, index: number) =>
      (other === field && index < place) || field.startsWith(`${other}.`);
    const other = fields.find(covers);
    if (other !== undefined)
      addFault(`${at}[${place}]`, `is within "${other}", which is named too`);
  }
  const approvers = ownValue(config, "approvers");
  const required = ownValue(config, "required");
  const asked = Array.isArray(approvers) ? approvers.length : 1;
  const needed = typeof required === "number" ? required : asked;
  if (needed > 1) {
    addFault(
      at,
      `needs a gate that one approval ends, for no other approver sees the edits: name one approver, or set required to 1`,
    );
  }
}

/** A place in a patch, and what is wrong with it. */
export interface EditFault {
  /** Path in the patch; "" for all of it. */
  readonly path: string;
  readonly problem: string;
}

/** The first change of the patch that the version does not allow; undefined: there is none. */
export function findEditFault(
  editable: readonly string[],
  input: JsonObject,
  patch: JsonObject,
): EditFault | undefined {
  if (editable.length === 0) return { path: "", problem: "the gate has no config.editable" };
  return faultIn(editable, input, patch, "");
}

// No deeper than the fields that are named.
function faultIn(
  editable: readonly string[],
  target: JsonObject,
  patch: JsonObject,
  above: string,
): EditFault | undefined {
  for (const [key, value] of Object.entries(patch)) {
    const path = above === "" ? key : `${above}.${key}`;
    // A name with a dot would pass for a path.
    if (!key.includes(".") && editable.includes(path)) continue;
    const isAbove = editable.some((field) => field.startsWith(`${path}.`));
    if (key.includes(".") || !isAbove) return { path, problem: notEditable(editable) };
    const inner = ownValue(target, key);
    if (inner !== undefined && !isJsonObject(inner)) {
      return { path, problem: "is no object in the input: none of its fields can be changed" };
    }
    if (!isJsonObject(value) || Object.keys(value).length === 0) {
      return { path, problem: "must be an object with fields that are editable" };
    }
    const fault = faultIn(editable, inner ?? {}, value, path);
    if (fault !== undefined) return fault;
  }
  return undefined;
}

function notEditable(editable: readonly string[]): string {
  const shown = editable.slice(0, FIELDS_SHOWN).join(", ");
  return `is not editable; config.editable has ${shown}${editable.length > FIELDS_SHOWN ? ", …" : ""}`;
}

/** The fields of config.editable that a patch changes, with commas. */
export function fieldsOf(editable: readonly string[], patch: JsonObject): string {
  return editable.filter((field) => isIn(patch, field.split("."))).join(", ");
}

function isIn(patch: JsonObject, [name = "", ...rest]: readonly string[]): boolean {
  const value: Json | undefined = ownValue(patch, name);
  if (rest.length === 0) return value !== undefined;
  return isJsonObject(value) && isIn(value, rest);
}

const MARK = /^\[edited sha256:([0-9a-f]{64})\] ?/;

/** The reason of a decision on an edited input, which names the digest of that input. */
export function markedReason(digest: string | undefined, reason: string): string {
  return digest === undefined ? reason : `[edited sha256:${digest}] ${reason}`.trimEnd();
}

/** The digest that a reason names, and the reason without it. */
export function readMark(reason: string): { readonly digest?: string; readonly reason: string } {
  const [mark, digest] = MARK.exec(reason) ?? [];
  if (mark === undefined || digest === undefined) return { reason };
  return { digest, reason: reason.slice(mark.length) };
}

/** The edits that an approval brings; undefined: it names none; "unknown": it names some that the run does not have. */
export function editsOfDecision(
  { edits = [] }: StepDetail,
  { requestId, decision, decidedBy, reason }: ApprovalReport,
): KeptEdits | "unknown" | undefined {
  const { digest } = readMark(reason);
  if (decision !== "APPROVED" || digest === undefined) return undefined;
  const found = edits.find(
    (kept) => kept.requestId === requestId && kept.by === decidedBy && kept.digest === digest,
  );
  return found ?? "unknown";
}
