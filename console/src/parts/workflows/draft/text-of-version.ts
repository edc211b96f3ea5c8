/** A version without a file as one. Boundary: loaded when it is needed; the words of files are those of src/file. */
import type { GetVersionResponse } from "../../../../../gen/workflows/ops/v1/workflows_pb.ts";
import type { WorkflowDefinition } from "../../../../../gen/workflows/v1/workflows_pb.ts";
import { writeWorkflowYaml } from "../../../../../src/file/write-file.ts";
import { specOfMessage } from "../../../../../src/wire/definitions.ts";

export function textOfVersion(
  { version, inputSchema }: GetVersionResponse,
  { name, description, tags }: WorkflowDefinition,
): string {
  if (version === undefined) throw new Error("the answer has no version");
  const schema = inputSchema === undefined ? {} : { inputSchema };
  return writeWorkflowYaml({ name, description, tags, ...schema, spec: specOfMessage(version) });
}
