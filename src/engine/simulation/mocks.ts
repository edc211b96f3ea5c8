/**
 * Mocks of a simulation: what a step is answered in place of the party that it asks.
 * Boundary: values, and whether they fit the steps of a version; answers.ts makes inputs of them.
 */
import type { Graph, GraphFault, GraphStep } from "../graph/graph.ts";
import { isSingleEdit } from "../graph/nearest-name.ts";
import { type Party, partyOf } from "../steps/party.ts";
import { isTimer } from "../steps/wait-for-event/timer.ts";
import type { JsonObject } from "../values/json.ts";
import { MAX_COST_USD, MAX_SECONDS, payloadProblem } from "../values/limits.ts";

/** How an approval request ends. */
export const MOCK_OUTCOMES = ["approved", "denied", "expired"] as const;
/** One of them. */
type MockOutcome = (typeof MOCK_OUTCOMES)[number];
/** What governance decides. */
export const MOCK_DECISIONS = ["allow", "deny", "require_approval"] as const;
/** One of them. */
type MockDecision = (typeof MOCK_DECISIONS)[number];

/** One answer. What is unset is assumed (answers.ts). */
export interface Mock {
  /** Of an agent, a worker, a child run, or a person with a task. */
  readonly output?: JsonObject;
  /** The attempt fails with this message. */
  readonly error?: string;
  /** Of an approval request. One that expires does so when its gate escalates, or at once where it does not. */
  readonly outcome?: MockOutcome;
  /** Of governance. */
  readonly decision?: MockDecision;
  /** Of the event. */
  readonly data?: JsonObject;
  /** How long the answer takes. Unset: none. */
  readonly delayMs?: number;
  /** What the attempt costs, in USD. Unset: nothing. */
  readonly costUsd?: number;
  /** Nobody answers: timers and deadlines alone go on. */
  readonly silent?: true;
}

/** The mocks of steps by their ids: the first answers the first attempt (of a gate the first request, of a repetition the first round), the last one all further ones. */
export type Mocks = ReadonlyMap<string, readonly Mock[]>;

type MockKey = keyof Mock;

/** Mocks of one simulation, and faults that are listed. */
const MOCKS_AT_MOST = 2_000;
const FAULTS_AT_MOST = 100;
const ERROR_CHARS_AT_MOST = 4_096;

const WORK: readonly MockKey[] = ["output", "error", "delayMs", "costUsd", "silent"];
const KEYS: Readonly<Record<Party, readonly MockKey[]>> = {
  agent: WORK,
  worker: WORK,
  child: WORK,
  approver: ["outcome", "delayMs", "silent"],
  governance: ["decision", "outcome", "error", "delayMs", "silent"],
  event: ["data", "delayMs", "silent"],
  person: ["output", "error", "delayMs", "silent"],
  notifier: ["error", "delayMs"],
  clock: [],
  none: [],
};

/** The names of a mock's keys, as people write them. */
export const MOCK_WORDS: Readonly<Record<MockKey, string>> = {
  output: "output",
  error: "error",
  outcome: "outcome",
  decision: "decision",
  data: "data",
  delayMs: "delay",
  costUsd: "cost",
  silent: "silent",
};

/** Whom a step of a version waits for. */
export function partyOfStep(step: GraphStep): Party {
  return partyOf(step.kind, isTimer(step.def));
}

function mockKeysOf(step: GraphStep): readonly MockKey[] {
  return KEYS[partyOfStep(step)];
}

/** What is wrong with mocks, by `mocks.<step>`; empty: each fits its step. */
export function checkMocks(graph: Graph, mocks: Mocks): GraphFault[] {
  const faults: GraphFault[] = [];
  const count = [...mocks.values()].reduce((sum, list) => sum + list.length, 0);
  if (count > MOCKS_AT_MOST) {
    return [{ field: "mocks", description: `are ${count}, over the limit of ${MOCKS_AT_MOST}` }];
  }
  for (const [id, list] of mocks) {
    if (faults.length >= FAULTS_AT_MOST) break;
    const step = graph.steps[graph.indexById.get(id) ?? -1];
    const field = `mocks.${id}`;
    if (step === undefined) faults.push({ field, description: unknownStep(graph, id) });
    else for (const mock of list) faults.push(...faultsOf(step, mock, field));
  }
  return faults;
}

function unknownStep(graph: Graph, id: string): string {
  const near = graph.steps.find(({ def }) => isSingleEdit(def.id, id));
  const hint = near === undefined ? "" : `; did you mean "${near.def.id}"?`;
  return `the version has no step "${id}"${hint}`;
}

function faultsOf(step: GraphStep, mock: Mock, field: string): GraphFault[] {
  const allowed = mockKeysOf(step);
  const faults: GraphFault[] = [];
  for (const key of Object.keys(MOCK_WORDS) as MockKey[]) {
    const value = mock[key];
    if (value === undefined) continue;
    const description = allowed.includes(key) ? problemOf(key, mock) : wrongKey(step, key, allowed);
    if (description !== undefined) {
      faults.push({ field: `${field}.${MOCK_WORDS[key]}`, description });
    }
  }
  if (mock.error !== undefined && mock.output !== undefined) {
    faults.push({ field, description: "has an error and an output: give one of them" });
  }
  return faults;
}

function wrongKey(step: GraphStep, key: MockKey, allowed: readonly MockKey[]): string {
  if (allowed.length === 0) return `step "${step.def.id}" asks nobody: it needs no mock`;
  const names = allowed.map((each) => MOCK_WORDS[each]).join(", ");
  return `a mock of step "${step.def.id}" has no ${MOCK_WORDS[key]}: it may have ${names}`;
}

function problemOf(key: MockKey, mock: Mock): string | undefined {
  const { output, data, error = "", delayMs = 0, costUsd = 0 } = mock;
  switch (key) {
    case "output":
      return output && payloadProblem("the output", output);
    case "data":
      return data && payloadProblem("the data", data);
    case "error":
      return error.length > ERROR_CHARS_AT_MOST
        ? `has ${error.length} characters, over the limit of ${ERROR_CHARS_AT_MOST}`
        : undefined;
    case "delayMs":
      return delayMs >= 0 && delayMs <= MAX_SECONDS * 1_000
        ? undefined
        : `is no time from 0 to ${MAX_SECONDS} seconds`;
    case "costUsd":
      return costUsd >= 0 && costUsd <= MAX_COST_USD
        ? undefined
        : `is no amount from 0 to ${MAX_COST_USD}`;
    default:
      return undefined;
  }
}

/** Mocks beside those that are found elsewhere, of which each keeps what fits its step. */
export function withFound(graph: Graph, mocks: Mocks, found: Mocks): Mocks {
  const all = new Map(mocks);
  for (const [id, list] of found) {
    const step = graph.steps[graph.indexById.get(id) ?? -1];
    if (step === undefined || all.has(id)) continue;
    const allowed = mockKeysOf(step);
    if (allowed.length > 0)
      all.set(
        id,
        list.map((mock) => fitted(mock, allowed)),
      );
  }
  return all;
}

function fitted(mock: Mock, allowed: readonly MockKey[]): Mock {
  const kept = Object.entries(mock).filter(([key]) => allowed.includes(key as MockKey));
  return Object.fromEntries(kept);
}
