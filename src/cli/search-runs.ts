/** Runs by the filters of Runs.Search. Boundary: options to filters, and pages to one list; what is printed is runs.ts's. */
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import { ReasonCode, RunOutcome, type SearchRequest } from "../../gen/workflows/ops/v1/runs_pb.ts";
import type { WorkflowRun, WorkflowState } from "../../gen/workflows/v1/workflows_pb.ts";
import { DURATION_FORM, parseDuration } from "../file/durations.ts";
import { nearest } from "../file/faults.ts";
import { type Call, flagOption, textOption } from "./call.ts";
import { usageFault } from "./failure.ts";
import { readCount, readDurationMs } from "./numbers.ts";
import { SEARCH_OPTIONS } from "./search-options.ts";
import type { Service } from "./service.ts";

type Search = Omit<Partial<SearchRequest>, "$typeName" | "$unknown">;

/** What `runs` has found. */
export interface FoundRuns {
  readonly runs: readonly WorkflowRun[];
  /** A word on what is not shown; "": it is all. */
  readonly more: string;
}

const PAGES_AT_MOST = 100;
const PAGE_AT_MOST = 500;

/** Whether an option asks for a search. */
export function asksSearch(call: Call): boolean {
  return SEARCH_OPTIONS.some(([flags]) => call.options[nameOf(flags)] !== undefined);
}

/** What the list of runs has of filters too. */
export interface RunFilters {
  readonly definitionId: string;
  readonly states: WorkflowState[];
}

/** Up to `limit` runs, newest first. */
export async function searchRuns(
  service: Service,
  call: Call,
  { limit, ...filters }: RunFilters & { readonly limit: number },
): Promise<FoundRuns> {
  const { runs } = service;
  const request = requestOf(service, call, filters);
  const found: WorkflowRun[] = [];
  let pageToken = "";
  for (let page = 0; page < PAGES_AT_MOST; page += 1) {
    const pageSize = Math.min(PAGE_AT_MOST, limit - found.length);
    const answer = await runs.search({ ...request, pageSize, pageToken });
    found.push(...answer.runs);
    pageToken = answer.nextPageToken;
    if (pageToken === "") return { runs: found, more: "" };
    if (found.length >= limit)
      return { runs: found, more: "there may be more; --limit shows them" };
  }
  return { runs: found, more: "older runs were not searched; narrow the search, as by --before" };
}

/** The request for these options, but for its page. */
export function requestOf({ settings }: Service, call: Call, filters: RunFilters): Search {
  const entityId = textOption(call, "entity") ?? "";
  return { workspaceId: settings.workspace, entityId, ...filters, ...filtersOf(call) };
}

function filtersOf(call: Call): Search {
  const text = (name: string) => textOption(call, name) ?? "";
  const openForMs = readDurationMs(call, "openFor");
  return {
    definitionVersion: readCount(call, "version") ?? 0,
    entityType: text("entityType"),
    initiatorAgentId: text("agent"),
    initiatorUserId: text("user"),
    parentRunId: text("parent"),
    errorText: text("error"),
    ...timeOf(call, "since", "startedFrom"),
    ...timeOf(call, "before", "startedBefore"),
    ...timeOf(call, "endedSince", "endedFrom"),
    ...timeOf(call, "endedBefore", "endedBefore"),
    ...costOf(call, "costFrom", "costUsdFrom"),
    ...costOf(call, "costBelow", "costUsdBelow"),
    waitingFor: valuesOf(call, "waitingFor", ReasonCode, "nothing that a run waits for"),
    outcomes: valuesOf(call, "outcome", RunOutcome, "no way in which a run ends"),
    environment: text("environment"),
    retrying: flagOption(call, "retrying"),
    ...(openForMs === undefined ? {} : { openLongerThanSeconds: Math.ceil(openForMs / 1_000) }),
  };
}

function timeOf(call: Call, name: string, field: keyof Search): Search {
  const text = textOption(call, name);
  if (text === undefined) return {};
  const seconds = parseDuration(text);
  const ms = seconds === undefined ? Date.parse(text) : Date.now() - seconds * 1_000;
  if (Number.isFinite(ms)) return { [field]: timestampFromMs(ms) };
  throw usageFault(`"${text}" is no time such as 2026-11-29T08:00Z; ${DURATION_FORM}`);
}

function costOf(call: Call, name: string, field: keyof Search): Search {
  const text = textOption(call, name);
  if (text === undefined) return {};
  const usd = text.trim() === "" ? NaN : Number(text);
  if (Number.isFinite(usd) && usd >= 0) return { [field]: usd };
  throw usageFault(`"${text}" is no cost in USD such as 2.50`);
}

/** The values of an enum that an option names, in lower case and with commas between them. */
function valuesOf<Value>(
  call: Call,
  option: string,
  known: Readonly<Record<string, Value | string>>,
  problem: string,
): Value[] {
  const names = (textOption(call, option) ?? "").split(",").filter((name) => name !== "");
  const values = Object.entries(known).flatMap(([name, value]) =>
    typeof value === "string" || name === "UNSPECIFIED" ? [] : [[name, value] as const],
  );
  const words = values.map(([name]) => name);
  return names.map((name) => {
    const word = name.toUpperCase().replaceAll("-", "_");
    const found = values.find(([known]) => known === word);
    if (found !== undefined) return found[1];
    throw usageFault(`"${name}" is ${problem}${nearest(word, words)}`);
  });
}

/** `--open-for <duration>` is the option openFor. */
function nameOf(flags: string): string {
  const [, words = ""] = /^--([a-z-]+)/.exec(flags) ?? [];
  return words.replaceAll(/-([a-z])/g, (_, letter: string) => letter.toUpperCase());
}
