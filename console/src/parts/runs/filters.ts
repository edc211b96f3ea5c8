/**
 * The filters of the page Runs: what stands in its address, as a request of Search and as a command line.
 * Boundary: no state; the names are those of the options of `workflows runs`.
 */
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import { ReasonCode, RunOutcome } from "../../../../gen/workflows/ops/v1/runs_pb.ts";
import { WorkflowState } from "../../../../gen/workflows/v1/workflows_pb.ts";

/** All filters as texts; "" is none. The lists have commas between their words. */
const FILTER_NAMES = [
  "state",
  "outcome",
  "workflow",
  "version",
  "environment",
  "waiting-for",
  "retrying",
  "error",
  "since",
  "open-for",
  "entity",
  "entity-type",
  "agent",
  "user",
  "parent",
] as const;

export type FilterName = (typeof FILTER_NAMES)[number];
export type Filters = Readonly<Partial<Record<FilterName, string>>>;

const MS_A_UNIT: Readonly<Record<string, number>> = {
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
};

/** The filters of an address; what it does not have, or has empty, is left out. */
export function readFilters(params: URLSearchParams): Filters {
  const found = FILTER_NAMES.flatMap((name) => {
    const value = params.get(name) ?? "";
    return value === "" ? [] : [[name, value] as const];
  });
  return Object.fromEntries(found);
}

/** The same filters as an address has them, in one order: two that select the same are the same text. */
export function queryOf(filters: Filters): string {
  const given = FILTER_NAMES.flatMap((name) => {
    const value = filters[name] ?? "";
    return value === "" ? [] : [[name, value]];
  });
  return new URLSearchParams(given).toString();
}

/** The words of a list. */
export function wordsIn(list: string | undefined): string[] {
  return (list ?? "").split(",").filter((word) => word !== "");
}

/** The list with the word, or without it where it was there. */
export function toggled(list: string | undefined, word: string): string {
  const words = wordsIn(list);
  const next = words.includes(word) ? words.filter((each) => each !== word) : [...words, word];
  return next.join(",");
}

/** The filters of a request of Search. A word that is none is left out. `nowMs` for those that count back from now. */
export function searchOf(filters: Filters, nowMs: number) {
  const since = lengthMs(filters.since);
  const openFor = lengthMs(filters["open-for"]);
  return {
    states: valuesOf(filters.state, WorkflowState),
    outcomes: valuesOf(filters.outcome, RunOutcome),
    waitingFor: valuesOf(filters["waiting-for"], ReasonCode),
    definitionId: filters.workflow ?? "",
    definitionVersion: filters.workflow === undefined ? 0 : wholeOf(filters.version),
    environment: filters.environment ?? "",
    retrying: filters.retrying === "yes",
    errorText: filters.error ?? "",
    entityId: filters.entity ?? "",
    entityType: filters["entity-type"] ?? "",
    initiatorAgentId: filters.agent ?? "",
    initiatorUserId: filters.user ?? "",
    parentRunId: filters.parent ?? "",
    ...(since === undefined ? {} : { startedFrom: timestampFromMs(minuteOf(nowMs - since)) }),
    ...(openFor === undefined ? {} : { openLongerThanSeconds: Math.round(openFor / 1_000) }),
  };
}

/** The command that lists the same. */
export function commandOf(filters: Filters): string[] {
  const args = FILTER_NAMES.flatMap((name) => {
    const value = filters[name];
    if (value === undefined) return [];
    return name === "retrying" ? ["--retrying"] : [`--${name}`, value];
  });
  return ["runs", ...args];
}

/** Whole minutes: the same request, and the same place in the cache, for a while. */
function minuteOf(ms: number): number {
  return Math.floor(ms / 60_000) * 60_000;
}

function lengthMs(text: string | undefined): number | undefined {
  const [, digits = "", unit = ""] = /^(\d{1,6})([mhd])$/.exec(text ?? "") ?? [];
  const size = MS_A_UNIT[unit];
  return size === undefined ? undefined : Number(digits) * size;
}

function wholeOf(text: string | undefined): number {
  return /^\d{1,9}$/.test(text ?? "") ? Number(text) : 0;
}

/** The values of an enum whose names are the words, as `timed-out` for TIMED_OUT. */
function valuesOf<E extends Readonly<Record<string, string | number>>>(
  list: string | undefined,
  names: E,
): Extract<E[keyof E], number>[] {
  return wordsIn(list).flatMap((word) => {
    const value = names[word.toUpperCase().replaceAll("-", "_")];
    return typeof value === "number" && value !== 0 ? [value as Extract<E[keyof E], number>] : [];
  });
}
