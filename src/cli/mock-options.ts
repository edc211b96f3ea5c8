/** Options that say how steps answer in a simulation. Boundary: forms; file/read-mocks.ts reads the mocks. */
import { isJsonObject, type Json, type JsonObject, putValue } from "../engine/values/json.ts";
import { type Call, listOption, textOption } from "./call.ts";
import { usageFault } from "./failure.ts";

/** `--mock` gives a mock, several of one step answer its attempts; `--deny`, `--fail` and `--silent` are short for the usual ones. */
export function readMockOptions(call: Call): JsonObject {
  const mocks: JsonObject = {};
  const add = (step: string, mock: Json) => {
    const before = Object.hasOwn(mocks, step) ? mocks[step] : undefined;
    putValue(mocks, step, Array.isArray(before) ? [...before, mock] : [mock]);
  };
  for (const text of listOption(call, "mock")) {
    const [, step = "", value = ""] = /^([^=]+)=(.*)$/s.exec(text) ?? [];
    if (step === "") throw usageFault(`--mock ${text}: write a step and its mock`);
    add(step, readMockText(step, value));
  }
  for (const step of stepsOf(call, "deny")) add(step, { outcome: "denied" });
  for (const step of stepsOf(call, "fail")) add(step, { error: "it failed in the simulation" });
  for (const step of stepsOf(call, "silent")) add(step, { silent: true });
  return mocks;
}

function readMockText(step: string, text: string): Json {
  let value: Json;
  try {
    value = JSON.parse(text) as Json;
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw usageFault(`--mock ${step}=${text} is no JSON: ${reason}`, error);
  }
  if (isJsonObject(value)) return value;
  throw usageFault(
    `--mock ${step}=${text}: a mock is an object such as {"output": {"paid": true}, "delay": "2h"}`,
  );
}

function stepsOf(call: Call, name: string): string[] {
  return (textOption(call, name) ?? "").split(",").filter((step) => step !== "");
}
