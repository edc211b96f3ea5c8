/** `workflows export`: a published version as a workflow file. */
import { writeFileSync } from "node:fs";
import type { WorkflowDefinition, WorkflowVersion } from "../../gen/workflows/v1/workflows_pb.ts";
import { writeWorkflowJson, writeWorkflowYaml } from "../file/write-file.ts";
import { specOfMessage } from "../wire/definitions.ts";
import { type Call, textOption } from "./call.ts";
import { requireDefinition, requireVersion } from "./definitions.ts";
import { CliFailure, EXIT } from "./failure.ts";
import { readCount } from "./numbers.ts";
import { connectService, isUnimplemented, type Service } from "./service.ts";
import { readSettings } from "./settings.ts";

/** YAML, or JSON with --json, to standard output or a file. */
export async function run(call: Call): Promise<number> {
  const { args, options, out } = call;
  const service = connectService(await readSettings(options));
  const definition = await requireDefinition(service, args[0] ?? "");
  const version = await requireVersion(service, definition, readCount(call, "version"));
  const kept = await keptText(service, version);
  const text = kept === undefined || out.json ? written(definition, version, out.json) : kept;
  const path = textOption(call, "output");
  if (path === undefined) {
    process.stdout.write(text);
    return EXIT.done;
  }
  try {
    writeFileSync(path, text);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new CliFailure(`cannot write ${path}: ${reason}`, EXIT.failed, { cause: error });
  }
  out.talk(`${path}: version ${version.version} of ${definition.name}`);
  return EXIT.done;
}

/** The text that a version was made from; undefined where there is none, or the service is of an older release. */
async function keptText(
  { sources }: Service,
  { definitionId, version }: WorkflowVersion,
): Promise<string | undefined> {
  try {
    const { sourceText } = await sources.getVersion({ definitionId, version });
    return sourceText === "" ? undefined : sourceText;
  } catch (error) {
    if (isUnimplemented(error)) return undefined;
    throw error;
  }
}

function written(
  { name, description, tags }: WorkflowDefinition,
  version: WorkflowVersion,
  asJson: boolean,
): string {
  const workflow = { name, description, tags, spec: specOfMessage(version) };
  return asJson ? writeWorkflowJson(workflow) : writeWorkflowYaml(workflow);
}
