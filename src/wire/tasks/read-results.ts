/**
 * What workers send: results, returned tasks, heartbeats, questions (docs/worker-protocol.md).
 * Boundary: pure; bytes in, values out. Never throws, whatever the bytes are.
 * Invariant: a result whose id can be read always gives a report: one that is wrong fails its attempt, and says why.
 */
import {
  isJsonObject,
  type Json,
  type JsonObject,
  jsonSizeBytes,
} from "../../engine/values/json.ts";
import { MAX_COST_USD, payloadProblem } from "../../engine/values/limits.ts";
import {
  MAX_TASK_OUTPUT_BYTES,
  parseTaskId,
  type TaskPlace,
  type TaskReport,
} from "../../engine/values/task.ts";
import { decodeUtf8 } from "../bus/data.ts";
import { parseJson } from "../bus/loose-fields.ts";

/** A message of results, as far as it can be read. */
export type ReadResults =
  | {
      readonly ok: true;
      readonly reports: readonly { readonly place: TaskPlace; readonly report: TaskReport }[];
      readonly returned: readonly TaskPlace[];
      /** What of it cannot be read; "": nothing. */
      readonly problem: string;
    }
  | { readonly ok: false; readonly problem: string };

/** What a worker says of itself. */
export interface Heartbeat {
  readonly worker: string;
  readonly running: number;
  readonly concurrency: number;
  /** Of its code; "" where it said none that can be shown. */
  readonly version: string;
}

const RESULTS_AT_MOST = 256;
const IDS_AT_MOST = 256;
const BYTES_AT_MOST = 512 * 1024;
const RETRY_AFTER_AT_MOST_MS = 86_400_000;
const WORKER = /^\P{Cc}{1,128}$/u;

/** Reads a message of the stream of results. */
export function readResults(data: Uint8Array): ReadResults {
  if (data.byteLength > BYTES_AT_MOST) {
    return refused(`has ${data.byteLength} bytes, the limit is ${BYTES_AT_MOST}`);
  }
  const message = objectOf(data);
  if (message === undefined) return refused("is no JSON object");
  const { worker } = message;
  if (!isWorkerId(worker)) return refused("has no worker of 1 to 128 characters");
  const results = message.results ?? [];
  const returned = message.returned ?? [];
  if (!Array.isArray(results) || !Array.isArray(returned)) {
    return refused("has results or returned that are no lists");
  }
  if (message.results === undefined && message.returned === undefined) {
    return refused("has neither results nor returned");
  }
  if (results.length > RESULTS_AT_MOST) return refused(`has more than ${RESULTS_AT_MOST} results`);
  if (returned.length > IDS_AT_MOST) return refused(`returns more than ${IDS_AT_MOST} tasks`);
  const reports = results.flatMap((result) => reportOf(worker, result) ?? []);
  const places = returned.flatMap(placeOf);
  const unreadable = results.length - reports.length + returned.length - places.length;
  const problem =
    unreadable === 0 ? "" : `the message has ${unreadable} results without a readable id`;
  return { ok: true, reports, returned: places, problem };
}

/** Reads a heartbeat; undefined when it is none. */
export function readHeartbeat(data: Uint8Array): Heartbeat | undefined {
  const message = objectOf(data);
  if (message === undefined) return undefined;
  const { worker, running, concurrency } = message;
  if (!isWorkerId(worker) || !isCount(running) || !isCount(concurrency)) return undefined;
  const version = isWorkerId(message.version) ? message.version : "";
  return { worker, running, concurrency: Math.max(1, concurrency), version };
}

/** Reads the question which tasks are open; undefined when it is none. */
export function readOpenQuestion(data: Uint8Array): TaskPlace[] | undefined {
  const ids = objectOf(data)?.ids;
  if (!Array.isArray(ids) || ids.length > IDS_AT_MOST) return undefined;
  return ids.flatMap(placeOf);
}

function refused(problem: string): ReadResults {
  return { ok: false, problem: `the message ${problem}` };
}

function objectOf(data: Uint8Array): JsonObject | undefined {
  const text = decodeUtf8(data);
  const value = text === undefined ? undefined : parseJson(text);
  return isJsonObject(value) ? value : undefined;
}

function placeOf(id: Json): TaskPlace[] {
  const place = typeof id === "string" ? parseTaskId(id) : undefined;
  return place === undefined ? [] : [place];
}

function reportOf(worker: string, result: Json) {
  if (!isJsonObject(result)) return undefined;
  const [place] = placeOf(result.id ?? null);
  if (place === undefined) return undefined;
  const costUsd = result.cost_usd ?? 0;
  const isCost = typeof costUsd === "number" && costUsd >= 0 && costUsd <= MAX_COST_USD;
  const end = isCost ? endOf(result) : wrong(`cost_usd is no number from 0 to ${MAX_COST_USD}`);
  return { place, report: { worker, costUsd: isCost ? costUsd : 0, end } };
}

function endOf(result: JsonObject): TaskReport["end"] {
  const { status } = result;
  if (status === "completed") return completed(result.output ?? {});
  return status === "failed" ? failed(result.error) : wrong("status is not completed or failed");
}

function completed(output: Json): TaskReport["end"] {
  if (!isJsonObject(output)) return wrong("output is no object");
  const bytes = jsonSizeBytes(output);
  if (bytes > MAX_TASK_OUTPUT_BYTES) {
    return wrong(`output has ${bytes} bytes, over the limit of ${MAX_TASK_OUTPUT_BYTES}`);
  }
  const problem = payloadProblem("output", output);
  return problem === undefined ? { state: "COMPLETED", output } : wrong(problem);
}

function failed(error: Json | undefined): TaskReport["end"] {
  if (!isJsonObject(error)) return wrong("error is no object");
  const { message, type = "", retryable = true } = error;
  const retryAfterMs = error.retry_after_ms ?? 0;
  if (typeof message !== "string") return wrong("error.message is no text");
  if (typeof type !== "string") return wrong("error.type is no text");
  if (typeof retryable !== "boolean") return wrong("error.retryable is not true or false");
  const isPause =
    typeof retryAfterMs === "number" && retryAfterMs >= 0 && retryAfterMs <= RETRY_AFTER_AT_MOST_MS;
  if (!isPause)
    return wrong(`error.retry_after_ms is no number from 0 to ${RETRY_AFTER_AT_MOST_MS}`);
  const text = storable(type === "" ? message : `${type}: ${message}`);
  // Times are whole milliseconds.
  return { state: "FAILED", message: text, retryable, retryAfterMs: Math.ceil(retryAfterMs) };
}

/** A result that breaks the protocol would break it on the next attempt too. */
function wrong(problem: string): TaskReport["end"] {
  const message = `the worker's result cannot be used: ${problem}`;
  return { state: "FAILED", message, retryable: false, retryAfterMs: 0 };
}

/** Postgres stores neither NUL nor half a surrogate pair. */
function storable(text: string): string {
  return text.replaceAll("\0", "").toWellFormed();
}

/** Also of a version. */
function isWorkerId(value: Json | undefined): value is string {
  return typeof value === "string" && WORKER.test(value) && value.isWellFormed();
}

function isCount(value: Json | undefined): value is number {
  return typeof value === "number" && Number.isSafeInteger(value) && value >= 0;
}
