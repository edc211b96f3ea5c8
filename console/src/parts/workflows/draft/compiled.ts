/** What a text compiles to, by the code of the service. Boundary: loaded when it is needed: it has the engine and a reader of YAML. */
import type { JsonObject } from "@bufbuild/protobuf";
import type { WorkflowVersion } from "../../../../../gen/workflows/v1/workflows_pb.ts";
import { readWorkflowFile } from "../../../../../src/file/read-file.ts";
import { unstoredVersion } from "../../../../../src/wire/definitions.ts";

/** A text without faults; `version` has no number. */
export interface Compiled {
  readonly version: WorkflowVersion | undefined;
  readonly inputSchema: JsonObject | undefined;
}

/** With faults there is nothing in it. */
export function compileText(text: string): Compiled {
  const { workflow } = readWorkflowFile(new TextEncoder().encode(text));
  if (workflow === undefined) return { version: undefined, inputSchema: undefined };
  const { spec, inputSchema } = workflow;
  const isObject =
    typeof inputSchema === "object" && inputSchema !== null && !Array.isArray(inputSchema);
  return {
    version: unstoredVersion(spec),
    inputSchema: isObject ? (inputSchema as JsonObject) : undefined,
  };
}
