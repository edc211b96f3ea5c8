/**
 * Cursors: places in the history of one run, as callers hold them.
 * Boundary: text; opaque to callers, so that its form may change.
 * Invariant: a cursor of another run, or of a place that its run has not reached, is refused.
 */
import type { Refusal } from "../../process/refusal.ts";
import { invalidFields } from "./fields.ts";

/** The cursor of a row of the run's history; `order` tells the tokens of a list in another order apart. */
export function cursorOf(runId: string, seq: number, order: "" | "desc" = ""): string {
  const text = order === "" ? `${runId}/${seq}` : `${runId}/${seq}/${order}`;
  return Buffer.from(text).toString("base64url");
}

/** The row that a cursor stands for; invalid_fields, naming `field`, when it is not one of this run so far. */
export function readCursor(
  cursor: string,
  field: string,
  run: { readonly id: string; readonly seq: number },
  order: "" | "desc" = "",
): number {
  const text = Buffer.from(cursor, "base64url").toString();
  const [, runId = "", digits = "", ofOrder = ""] = CURSOR.exec(text) ?? [];
  const seq = Number(digits);
  if (digits === "" || cursorOf(runId, seq, order) !== cursor)
    throw refused(field, problemOf(digits, ofOrder, order));
  if (runId !== run.id) throw refused(field, `is of the run ${runId}`);
  // A token of a list that begins with the newest names the row before which the page begins.
  if (seq > run.seq) throw refused(field, `is of a place that the run has not reached`);
  return seq;
}

/** The run of a cursor; "" of a text that is none. */
export function runOfCursor(cursor: string): string {
  const [, runId = ""] = CURSOR.exec(Buffer.from(cursor, "base64url").toString()) ?? [];
  return runId;
}

const CURSOR = /^([A-Za-z0-9_-]{1,64})\/(0|[1-9][0-9]{0,9})(?:\/(desc))?$/;

function problemOf(digits: string, ofOrder: string, order: string): string {
  if (digits !== "" && ofOrder !== order) return "is of a list in another order";
  return "is no cursor of this service";
}

function refused(field: string, description: string): Refusal {
  return invalidFields([{ field, description }]);
}
