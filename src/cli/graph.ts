/** `workflows graph`: the steps of a file or a published version as a drawing. */
import type { VersionSpec } from "../engine/values/definition.ts";
import { specOfMessage } from "../wire/definitions.ts";
import { type Call, textOption } from "./call.ts";
import { requireDefinition, requireVersion } from "./definitions.ts";
import { drawDot, drawMermaid, drawText } from "./draw.ts";
import { CliFailure, EXIT } from "./failure.ts";
import { isFile, requireSound } from "./files.ts";
import { readCount } from "./numbers.ts";
import { connectService } from "./service.ts";
import { readSettings } from "./settings.ts";

const FORMATS: Readonly<Record<string, (spec: VersionSpec) => string>> = {
  text: drawText,
  mermaid: drawMermaid,
  dot: drawDot,
};

/** Text for a terminal, Mermaid or DOT. */
export async function run(call: Call): Promise<number> {
  const format = textOption(call, "format") ?? "text";
  const draw = FORMATS[format];
  if (draw === undefined || !Object.hasOwn(FORMATS, format)) {
    throw new CliFailure(
      `"${format}" is no format: use ${Object.keys(FORMATS).join(", ")}`,
      EXIT.usage,
    );
  }
  call.out.line(draw(await readSpec(call)).trimEnd());
  return EXIT.done;
}

async function readSpec(call: Call): Promise<VersionSpec> {
  const [source = ""] = call.args;
  if (isFile(source)) {
    const [file] = requireSound([source], call.out);
    if (file !== undefined) return file.workflow.spec;
  }
  const service = connectService(await readSettings(call.options));
  const definition = await requireDefinition(service, source);
  return specOfMessage(await requireVersion(service, definition, readCount(call, "version")));
}
