/** `workflows diff`: what differs between a file, or a draft, and a published version, or between two versions. */
import { versionRisks } from "../engine/steps/version-risks.ts";
import type { Json } from "../engine/values/json.ts";
import {
  diffVersions,
  type FieldChange,
  NO_VERSION,
  type VersionChange,
} from "../engine/values/version-diff.ts";
import { readWorkflowFile } from "../file/read-file.ts";
import { specOfMessage, unstoredVersion } from "../wire/definitions.ts";
import { type Call, flagOption } from "./call.ts";
import { findDefinition, findVersion, requireDefinition, requireVersion } from "./definitions.ts";
import { CliFailure, EXIT, usageFault } from "./failure.ts";
import { isFile, requireSound } from "./files.ts";
import { readCount } from "./numbers.ts";
import { oneLine } from "./one-line.ts";
import { connectService, type Service } from "./service.ts";
import { readSettings } from "./settings.ts";

const MARKS = { added: "+", removed: "-", changed: "~" } as const;
const VALUE_CHARS = 120;
/** Exit 1 when they differ. */
export async function run(call: Call): Promise<number> {
  const [source = ""] = call.args;
  const { out } = call;
  const from = readCount(call, "from");
  const to = readCount(call, "to");
  const service = connectService(await readSettings(call.options));
  const [before, after] = flagOption(call, "draft")
    ? await ofDraft(service, source, { from, to })
    : isFile(source)
      ? await ofFile(service, call, { from, to })
      : await ofVersions(service, source, { from, to });
  const changes = diffVersions(before, after);
  for (const change of changes) {
    if (out.json) out.object(changeObject(change));
    else for (const line of changeLines(change)) out.line(line);
  }
  for (const { description } of versionRisks(before, after)) out.talk(`risk: ${description}`);
  return changes.length === 0 ? EXIT.done : EXIT.failed;
}

interface Numbers {
  readonly from: number | undefined;
  readonly to: number | undefined;
}

/** Everything of a file is added where its workflow is not published. */
async function ofFile(service: Service, { args, out }: Call, { from, to }: Numbers) {
  if (to !== undefined) throw usageFault("--to is for two versions: the file is the newer one");
  const [file] = requireSound(args, out);
  if (file === undefined) throw usageFault("give a file or a workflow");
  const { name, spec } = file.workflow;
  const definition = await findDefinition(service, name);
  const version =
    definition === undefined
      ? undefined
      : from === undefined
        ? await findVersion(service, definition)
        : await requireVersion(service, definition, from);
  const before = version === undefined ? NO_VERSION : specOfMessage(version);
  return [before, specOfMessage(unstoredVersion(spec))] as const;
}

/** The draft must be without faults. */
async function ofDraft(service: Service, source: string, { from, to }: Numbers) {
  if (to !== undefined) throw usageFault("--to is for two versions: the draft is the newer one");
  const definition = await requireDefinition(service, source);
  const { draft, faults } = await service.sources.getDraft({ definitionId: definition.id });
  if (draft === undefined) throw new CliFailure(`"${source}" has no draft`, EXIT.notFound);
  const { workflow } = readWorkflowFile(new TextEncoder().encode(draft.sourceText));
  if (workflow === undefined || faults.length > 0) {
    throw usageFault(`the draft has faults: workflows drafts get ${source}`);
  }
  const version =
    from === undefined
      ? await findVersion(service, definition)
      : await requireVersion(service, definition, from);
  const before = version === undefined ? NO_VERSION : specOfMessage(version);
  return [before, specOfMessage(unstoredVersion(workflow.spec))] as const;
}

async function ofVersions(service: Service, source: string, { from, to }: Numbers) {
  if (from === undefined) throw usageFault("give --from NUMBER, the version to compare with");
  const definition = await requireDefinition(service, source);
  const before = await requireVersion(service, definition, from);
  const after = await requireVersion(service, definition, to);
  return [specOfMessage(before), specOfMessage(after)] as const;
}

function changeObject({ change, part, id, fields }: VersionChange): Json {
  return { change, part, id, fields: fields.map(fieldObject) };
}

function fieldObject({ field, before, after }: FieldChange): Json {
  return {
    field,
    ...(before === undefined ? {} : { before }),
    ...(after === undefined ? {} : { after }),
  };
}

function changeLines({ change, part, id, fields }: VersionChange): string[] {
  const head = oneLine(`${MARKS[change]} ${part} ${id}`.trimEnd());
  return [
    head,
    ...fields.map(({ field, before, after }) =>
      oneLine(`    ${field}: ${valueText(before)} => ${valueText(after)}`),
    ),
  ];
}

function valueText(value: Json | undefined): string {
  if (value === undefined) return "unset";
  const text = JSON.stringify(value);
  return text.length <= VALUE_CHARS ? text : `${text.slice(0, VALUE_CHARS)}...`;
}
