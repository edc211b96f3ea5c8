/** `workflows export`: a published version as a workflow file. */
import { writeFileSync } from "node:fs";
import { writeWorkflowJson, writeWorkflowYaml } from "../file/write-file.ts";
import { type Call, textOption } from "./call.ts";
import { requireDefinition, requireVersion, specOf } from "./definitions.ts";
import { CliFailure, EXIT } from "./failure.ts";
import { readCount } from "./numbers.ts";
import { connectService } from "./service.ts";
import { readSettings } from "./settings.ts";

/** YAML, or JSON with --json, to standard output or a file. */
export async function run(call: Call): Promise<number> {
  const { args, options, out } = call;
  const service = connectService(await readSettings(options));
  const definition = await requireDefinition(service, args[0] ?? "");
  const version = await requireVersion(service, definition, readCount(call, "version"));
  const { name, description, tags } = definition;
  const workflow = { name, description, tags, spec: specOf(version) };
  const text = out.json ? writeWorkflowJson(workflow) : writeWorkflowYaml(workflow);
  const path = textOption(call, "output");
  if (path === undefined) {
    out.line(text.trimEnd());
    return EXIT.done;
  }
  try {
    writeFileSync(path, text);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new CliFailure(`cannot write ${path}: ${reason}`, EXIT.failed, { cause: error });
  }
  out.talk(`${path}: version ${version.version} of ${name}`);
  return EXIT.done;
}
