/** A JSON object that a command is given: as text, or in a file. */
import type { JsonObject } from "@bufbuild/protobuf";
import { type Call, textOption } from "./call.ts";
import { CliFailure, EXIT } from "./failure.ts";
import { readTextAtMost } from "./read-at-most.ts";

/** The text; the service takes 1 MiB of values. */
const MAX_BYTES = 4_194_304;

/** The object of one of two options, `input` and `inputFile` say; undefined without both. */
export function readJsonObject(
  call: Call,
  name: "input" | "output" | "data",
  fileName: "inputFile" | "outputFile" | "dataFile",
): JsonObject | undefined {
  const [text, path] = [textOption(call, name), textOption(call, fileName)];
  if (text !== undefined && path !== undefined) {
    throw new CliFailure(`give --${name} or --${name}-file, not both`, EXIT.usage);
  }
  const source = path === undefined ? text : readTextAtMost(path, MAX_BYTES, `the ${name}`);
  if (source === undefined) return undefined;
  let value: unknown;
  try {
    value = JSON.parse(source);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new CliFailure(`the ${name} is no JSON: ${reason}`, EXIT.usage, { cause: error });
  }
  if (typeof value === "object" && value !== null && !Array.isArray(value))
    return value as JsonObject;
  throw new CliFailure(`the ${name} must be a JSON object such as {"amount_usd": 12}`, EXIT.usage);
}
