/**
 * Mocks of a simulation as people write them, in JSON or YAML: `{ pay: { output: { id: 7 }, delay: 2h } }`, or a list for several attempts.
 * Boundary: forms. Whether they fit a version is the engine's check (engine/simulation/mocks.ts).
 */
import type { GraphFault } from "../engine/graph/graph.ts";
import {
  MOCK_DECISIONS,
  MOCK_OUTCOMES,
  MOCK_WORDS,
  type Mock,
  type Mocks,
} from "../engine/simulation/mocks.ts";
import { isJsonObject, type Json, type JsonObject, ownValue } from "../engine/values/json.ts";
import { DURATION_FORM, parseDuration } from "./durations.ts";

/** The mocks by step, and what is wrong with their forms, by `mocks.<step>`. */
export function readMocks(value: JsonObject): {
  readonly mocks: Mocks;
  readonly faults: GraphFault[];
} {
  const mocks = new Map<string, readonly Mock[]>();
  const faults: GraphFault[] = [];
  for (const [id, given] of Object.entries(value)) {
    const list = Array.isArray(given) ? given : [given];
    const read = list.map((each) => readMock(each, `mocks.${id}`, faults));
    mocks.set(id, read);
  }
  return { mocks, faults };
}

type Writable<Value> = { -readonly [Key in keyof Value]: Value[Key] };

function readMock(value: Json, field: string, faults: GraphFault[]): Mock {
  const words = Object.values(MOCK_WORDS);
  if (!isJsonObject(value)) {
    faults.push({ field, description: `is no object with some of ${words.join(", ")}` });
    return {};
  }
  for (const word of Object.keys(value)) {
    if (words.includes(word)) continue;
    const description = `is no word of a mock: the words are ${words.join(", ")}`;
    faults.push({ field: `${field}.${word}`, description });
  }
  const mock: Writable<Mock> = {};
  const read = <Value>(word: string, of: (value: Json) => Value | undefined, form: string) => {
    const given = ownValue(value, word);
    const found = given === undefined ? undefined : of(given);
    if (given !== undefined && found === undefined) {
      faults.push({ field: `${field}.${word}`, description: form });
    }
    return found;
  };
  const output = read("output", objectOf, "must be an object");
  if (output !== undefined) mock.output = output;
  const data = read("data", objectOf, "must be an object");
  if (data !== undefined) mock.data = data;
  const error = read("error", textOf, "must be a text that is not empty");
  if (error !== undefined) mock.error = error;
  const outcome = read("outcome", oneOf(MOCK_OUTCOMES), `must be ${listed(MOCK_OUTCOMES)}`);
  if (outcome !== undefined) mock.outcome = outcome;
  const decision = read("decision", oneOf(MOCK_DECISIONS), `must be ${listed(MOCK_DECISIONS)}`);
  if (decision !== undefined) mock.decision = decision;
  const seconds = read("delay", secondsOf, DURATION_FORM);
  if (seconds !== undefined) mock.delayMs = seconds * 1_000;
  const costUsd = read("cost", numberOf, "must be a number of USD");
  if (costUsd !== undefined) mock.costUsd = costUsd;
  if (read("silent", (given) => given === true || undefined, "must be true") === true) {
    mock.silent = true;
  }
  return mock;
}

function listed(words: readonly string[]): string {
  return `${words.slice(0, -1).join(", ")} or ${words.at(-1)}`;
}

function objectOf(value: Json): JsonObject | undefined {
  return isJsonObject(value) ? value : undefined;
}

function textOf(value: Json): string | undefined {
  return typeof value === "string" && value !== "" ? value : undefined;
}

function numberOf(value: Json): number | undefined {
  return typeof value === "number" ? value : undefined;
}

function secondsOf(value: Json): number | undefined {
  return typeof value === "string" ? parseDuration(value) : numberOf(value);
}

function oneOf<Word extends string>(words: readonly Word[]) {
  return (value: Json): Word | undefined => words.find((word) => word === value);
}
