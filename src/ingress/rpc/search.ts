/**
 * Runs.Search of workflows.ops.v1: runs by filters, page by page.
 * Boundary: the request and its page token; how runs are found is store/reads/search-runs.ts.
 */
import { createHash } from "node:crypto";
import type { Timestamp } from "@bufbuild/protobuf/wkt";
import { timestampMs } from "@bufbuild/protobuf/wkt";
import {
  ReasonCode,
  type SearchRequest,
  SearchRequestSchema,
} from "../../../gen/workflows/ops/v1/runs_pb.ts";
import { entityTypeName } from "../../engine/values/enum-names.ts";
import { ENVIRONMENT_FORM, isEnvironment } from "../../engine/values/environment.ts";
import { findRuns } from "../../store/reads/runs.ts";
import { countFoundRuns, type FacetName, type RunCounts } from "../../store/reads/search-facets.ts";
import { RUN_OUTCOMES, type RunOutcome } from "../../store/reads/search-outcomes.ts";
import { type RunPlace, type RunSearch, searchRuns } from "../../store/reads/search-runs.ts";
import { WAIT_KINDS, type WaitKind } from "../../store/reads/search-waits.ts";
import { findRunState } from "../../wire/runs.ts";
import { checkFields, type Faults, readPageSize } from "./fields.ts";
import { ANSWER_BYTES, nameLeftOut } from "./left-out.ts";
import { bareRuns } from "./run-answers.ts";
import type { ReadDeps } from "./service-deps.ts";

const LATEST_MS = Date.UTC(9_999, 11, 31);
const KINDS: ReadonlySet<string> = new Set(WAIT_KINDS.filter((kind) => kind !== "CALL"));
const NAMES: ReadonlyMap<number, string> = new Map(
  Object.entries(ReasonCode).map(([name, code]) => [code, name]),
);
const FILTERS_AT_MOST = 32;
/** In the order of the answer. */
const FACETS: readonly FacetName[] = [
  ...(["state", "definition_id", "definition_version", "entity_type"] as const),
  ...(["initiator_agent_id", "waiting_for"] as const),
];

/** Search: newest first, without payloads. */
export async function answerSearch(deps: ReadDeps, request: SearchRequest) {
  const faults = checkFields(SearchRequestSchema, request);
  faults.require("workspace_id", request.workspaceId);
  const search = readSearch(request, faults);
  const size = readPageSize(request.pageSize, faults);
  const after = readToken(request.pageToken, search, faults);
  faults.refuseIfAny();
  const { lists } = deps.database;
  const [{ ids, next }, counts] = await Promise.all([
    searchRuns(lists, deps.visibility, search, size, after),
    request.counts ? countFoundRuns(lists, deps.visibility, search) : undefined,
  ]);
  const found = new Map(
    (await findRuns(lists, deps.visibility, ids)).map((run) => [run.id, run] as const),
  );
  const runs = ids.flatMap((id) => found.get(id) ?? []);
  const graphs = await deps.graphs.require(runs.map((run) => run.versionId));
  const { messages, withoutSteps } = bareRuns(runs, graphs, ANSWER_BYTES);
  nameLeftOut(deps, withoutSteps);
  const nextPageToken = next === undefined ? "" : tokenOf(next, search);
  const environments = runs.flatMap(({ id, environment }) =>
    environment === undefined ? [] : [{ runId: id, environment }],
  );
  return {
    ...{ runs: messages, nextPageToken, environments },
    ...(counts === undefined ? {} : { counts: countsMessage(counts) }),
  };
}

function countsMessage({ total, isMinimum, isMinimumOfWaits, facets }: RunCounts) {
  return {
    totalSize: total,
    atLeast: isMinimum,
    facets: FACETS.map((field) => ({
      field,
      values: facets
        .filter(({ facet }) => facet === field)
        .map(({ value, count }) => ({ value: shown(field, value), totalSize: count })),
      atLeast: isMinimum || (field === "waiting_for" && isMinimumOfWaits),
    })),
  };
}

/** Enums by their names. */
function shown(field: FacetName, value: string): string {
  if (field === "state") return `WORKFLOW_STATE_${value}`;
  return field === "waiting_for" ? `REASON_CODE_${value}` : value;
}

function readSearch(request: SearchRequest, faults: Faults): RunSearch {
  const { workspaceId, definitionId, definitionVersion, entityId } = request;
  const { initiatorAgentId, initiatorUserId, parentRunId, errorText, retrying } = request;
  checkVersion(request, faults);
  const costUsdFrom = readCost("cost_usd_from", request.costUsdFrom, faults);
  const costUsdBelow = readCost("cost_usd_below", request.costUsdBelow, faults);
  return {
    ...{ workspaceId, definitionId, entityId, entityType: entityTypeName(request.entityType) },
    ...{ initiatorAgentId, initiatorUserId, parentRunId, errorText, costUsdFrom, costUsdBelow },
    definitionVersion: definitionVersion === 0 ? undefined : definitionVersion,
    states: readStates(request, faults),
    outcomes: readOutcomes(request, faults),
    startedFromMs: readTime("started_from", request.startedFrom, faults),
    startedBeforeMs: readTime("started_before", request.startedBefore, faults),
    endedFromMs: readTime("ended_from", request.endedFrom, faults),
    endedBeforeMs: readTime("ended_before", request.endedBefore, faults),
    waitingFor: readWaits(request, faults),
    isRetrying: retrying,
    openLongerThanMs: readAge(request, faults),
    // Tokens of pages hold what is set alone, as those of the release before do.
    ...(request.environment === "" ? {} : { environment: readEnvironment(request, faults) }),
  };
}

function readEnvironment({ environment }: SearchRequest, faults: Faults): string {
  if (!isEnvironment(environment)) faults.add("environment", ENVIRONMENT_FORM);
  return environment;
}

function checkVersion({ definitionId, definitionVersion }: SearchRequest, faults: Faults): void {
  if (definitionVersion < 0) faults.add("definition_version", "is negative");
  else if (definitionVersion > 0) faults.require("definition_id", definitionId);
}

function readStates({ states }: SearchRequest, faults: Faults): RunSearch["states"] {
  const found = states.map(findRunState);
  if (found.includes(undefined)) faults.add("states", "has WORKFLOW_STATE_UNSPECIFIED");
  if (states.length > FILTERS_AT_MOST) faults.add("states", `has more than ${FILTERS_AT_MOST}`);
  return found.flatMap((state) => state ?? []);
}

function readOutcomes({ outcomes }: SearchRequest, faults: Faults): RunOutcome[] {
  if (outcomes.length > FILTERS_AT_MOST) faults.add("outcomes", `has more than ${FILTERS_AT_MOST}`);
  // Numbers of the enum count from 1.
  const found = outcomes.map((outcome) => RUN_OUTCOMES[outcome - 1]);
  if (found.includes(undefined)) faults.add("outcomes", "has RUN_OUTCOME_UNSPECIFIED");
  return found.flatMap((outcome) => outcome ?? []);
}

function readWaits({ waitingFor }: SearchRequest, faults: Faults): WaitKind[] {
  if (waitingFor.length > FILTERS_AT_MOST) {
    faults.add("waiting_for", `has more than ${FILTERS_AT_MOST}`);
  }
  return waitingFor.flatMap((code, place) => {
    const name = NAMES.get(code) ?? "";
    if (isKind(name)) return [name];
    faults.add(
      `waiting_for[${place}]`,
      `is ${name}; runs are searched by ${[...KINDS].join(", ")}`,
    );
    return [];
  });
}

function isKind(name: string): name is WaitKind {
  return KINDS.has(name);
}

function readTime(field: string, time: Timestamp | undefined, faults: Faults) {
  if (time === undefined) return undefined;
  const ms = timestampMs(time);
  if (ms >= 0 && ms <= LATEST_MS) return Math.ceil(ms);
  faults.add(field, "is before 1970 or after 9999");
  return undefined;
}

function readAge({ openLongerThanSeconds: age }: SearchRequest, faults: Faults) {
  if (age !== undefined && age < 0) faults.add("open_longer_than_seconds", "is negative");
  return age === undefined ? undefined : age * 1_000;
}

function readCost(field: string, cost: number | undefined, faults: Faults): number | undefined {
  if (cost !== undefined && cost < 0) faults.add(field, "is negative");
  return cost;
}

function tokenOf({ createdAtMs, runId }: RunPlace, search: RunSearch): string {
  return Buffer.from(JSON.stringify([createdAtMs, runId, hashOf(search)])).toString("base64url");
}

function readToken(token: string, search: RunSearch, faults: Faults): RunPlace | undefined {
  if (token === "") return undefined;
  const place = placeOf(token, hashOf(search));
  if (place === undefined) faults.add("page_token", "is not of a search with these filters");
  return place;
}

function placeOf(token: string, hash: string): RunPlace | undefined {
  try {
    const parts: unknown = JSON.parse(Buffer.from(token, "base64url").toString("utf8"));
    if (!Array.isArray(parts) || parts[2] !== hash) return undefined;
    const [createdAtMs, runId]: unknown[] = parts;
    const isTime = typeof createdAtMs === "number" && createdAtMs >= 0 && createdAtMs <= LATEST_MS;
    if (!isTime || typeof runId !== "string" || !RUN_ID.test(runId)) return undefined;
    return { createdAtMs, runId };
  } catch {
    return undefined;
  }
}

const RUN_ID = /^[A-Za-z0-9_-]{1,64}$/;

function hashOf(search: RunSearch): string {
  return createHash("sha256").update(JSON.stringify(search)).digest("hex").slice(0, 16);
}
