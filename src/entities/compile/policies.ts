/**
 * Retry policies, what follows a failed step, and deadlines: the entity's words ↔ those of a workflow file.
 * Boundary: pure; ranges of numbers are the engine's check, but for what a file cannot say.
 */
import { parseDuration } from "../../file/durations.ts";
import { nearest } from "../../file/faults.ts";
import { isObject, type Json } from "./json.ts";

/** What a run does when a step has failed for good. */
export type ErrorHandling = "Stop" | "Continue" | "Fallback";
const ERROR_HANDLINGS: readonly ErrorHandling[] = ["Stop", "Continue", "Fallback"];

/** `retry` of a workflow file. */
export interface FileRetry {
  readonly max: number;
  /** Whole seconds. */
  readonly backoff: number;
  readonly factor: number;
}

/** Takes a fault, without a full stop. */
export type TellFault = (description: string) => void;

const RETRY_FORM =
  'write "3 x exponential 10s", "3 x fixed 10s", or JSON such as {"maxAttempts": 4, "backoff": "exponential", "delay": "10s"}';
const RETRY_KEYS = ["maxAttempts", "maxRetries", "backoff", "delay", "factor"];
const FACTORS: Readonly<Record<string, number>> = { fixed: 1, exponential: 2 };

/** Reads a retry policy: text, JSON text, or the object that JSON text stands for. */
export function compileRetry(value: unknown, fault: TellFault): FileRetry | undefined {
  if (isObject(value)) return retryOfObject(value, fault);
  if (typeof value !== "string") {
    fault(`is no retry policy: ${RETRY_FORM}`);
    return undefined;
  }
  if (value.trimStart().startsWith("{")) {
    const parsed = parseJson(value);
    if (isObject(parsed)) return retryOfObject(parsed, fault);
    fault(`is no JSON: ${RETRY_FORM}`);
    return undefined;
  }
  const [, max, strategy, delay = "0s"] =
    /^\s*(\d{1,4})\s*x(?:\s+([a-z]+)(?:\s+(\d+[a-z0-9]*))?)?\s*$/i.exec(value) ?? [];
  if (max === undefined) {
    fault(`is no retry policy: ${RETRY_FORM}`);
    return undefined;
  }
  return retryOf(Number(max), strategy ?? "fixed", delay, fault);
}

function retryOfObject(
  policy: { readonly [key: string]: unknown },
  fault: TellFault,
): FileRetry | undefined {
  const unknown = Object.keys(policy).find((key) => !RETRY_KEYS.includes(key));
  if (unknown !== undefined) {
    fault(
      `has an unknown field "${unknown}"${nearest(unknown, RETRY_KEYS)}; it has ${RETRY_KEYS.join(", ")}`,
    );
    return undefined;
  }
  const { maxAttempts, maxRetries, backoff = "fixed", delay = 0, factor } = policy;
  if ((maxAttempts === undefined) === (maxRetries === undefined)) {
    fault("needs exactly one of maxAttempts (with the first attempt) and maxRetries (without it)");
    return undefined;
  }
  const given = maxRetries ?? maxAttempts;
  if (
    typeof given !== "number" ||
    !Number.isSafeInteger(given) ||
    given < (maxRetries === undefined ? 1 : 0)
  ) {
    fault(
      `has ${maxRetries === undefined ? "maxAttempts" : "maxRetries"} that is no whole number of tries`,
    );
    return undefined;
  }
  const retry = retryOf(maxRetries === undefined ? given - 1 : given, backoff, delay, fault);
  if (retry === undefined || factor === undefined) return retry;
  if (typeof factor === "number" && factor >= 1 && Number.isFinite(factor))
    return { ...retry, factor };
  fault("has a factor that is no number from 1 on");
  return undefined;
}

function retryOf(
  max: number,
  strategy: unknown,
  delay: unknown,
  fault: TellFault,
): FileRetry | undefined {
  const factor = typeof strategy === "string" ? FACTORS[strategy.toLowerCase()] : undefined;
  if (factor === undefined) {
    fault(
      `has an unknown backoff ${JSON.stringify(strategy)}${nearest(String(strategy), Object.keys(FACTORS))}; it is fixed or exponential`,
    );
    return undefined;
  }
  const backoff = typeof delay === "number" ? wholeSeconds(delay) : secondsOfText(delay);
  if (backoff !== undefined) return { max, backoff, factor };
  fault(
    `has a delay ${JSON.stringify(delay)}: write 500ms, 10s, 5m or 1h, or a number of milliseconds`,
  );
  return undefined;
}

function secondsOfText(text: unknown): number | undefined {
  if (typeof text !== "string") return undefined;
  const [, ms] = /^(\d{1,12})ms$/.exec(text) ?? [];
  return ms === undefined ? parseDuration(text) : wholeSeconds(Number(ms));
}

/** Milliseconds as whole seconds, rounded up; undefined for what is no time. */
export function wholeSeconds(ms: number): number | undefined {
  return Number.isFinite(ms) && ms >= 0 ? Math.ceil(ms / 1_000) : undefined;
}

/** A retry policy of a file as the text that compiles to it; undefined: it has none. */
export function readRetry(value: unknown): string | undefined {
  if (!isObject(value)) return undefined;
  const { max = 0, backoff = 0, factor = 1 } = value;
  const seconds = typeof backoff === "string" ? parseDuration(backoff) : Number(backoff);
  const strategy = Object.keys(FACTORS).find((name) => FACTORS[name] === factor);
  if (strategy !== undefined) return `${Number(max)} x ${strategy} ${seconds ?? 0}s`;
  return JSON.stringify({ maxRetries: max, delay: `${seconds ?? 0}s`, factor });
}

/** Reads `Stop`, `Continue` or `Fallback`. */
export function checkErrorHandling(value: unknown, fault: TellFault): ErrorHandling | undefined {
  const found = ERROR_HANDLINGS.find((each) => each === value);
  if (found === undefined) {
    fault(
      `is ${JSON.stringify(value)}${nearest(String(value), ERROR_HANDLINGS)}; it is ${ERROR_HANDLINGS.join(", ")}`,
    );
  }
  return found;
}

/** `on_error` of a step. */
export function onErrorOf(handling: ErrorHandling, fallback: Json): Json {
  if (handling === "Fallback") return { fallback };
  return handling === "Stop" ? "stop" : "continue";
}

/** What follows a failed step of a file; undefined: it has no such word, as of `hold`. */
export function readErrorHandling(onError: unknown): ErrorHandling | undefined {
  if (onError === undefined || onError === "stop") return "Stop";
  if (onError === "continue") return "Continue";
  return isObject(onError) && "fallback" in onError ? "Fallback" : undefined;
}

/** A deadline of a file in milliseconds; undefined: it has none. */
export function readTimeout(value: unknown): number | undefined {
  const seconds = typeof value === "string" ? parseDuration(value) : value;
  return typeof seconds === "number" && seconds > 0 ? seconds * 1_000 : undefined;
}

/** The value of a JSON text; undefined: it is none. */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
