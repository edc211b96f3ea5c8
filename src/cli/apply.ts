/** `workflows apply`: makes definitions and publishes versions, where the service has not got them yet. */
import { ConnectError } from "@connectrpc/connect";
import { ResourceInfoSchema } from "../../gen/google/rpc/error_details_pb.ts";
import { DeploymentState } from "../../gen/workflows/ops/v1/deployments_pb.ts";
import { PublishOutcome } from "../../gen/workflows/ops/v1/workflows_pb.ts";
import type { WorkflowDefinition, WorkflowVersion } from "../../gen/workflows/v1/workflows_pb.ts";
import type { VersionSpec } from "../engine/values/definition.ts";
import { versionDigest } from "../engine/values/digest.ts";
import type { Json } from "../engine/values/json.ts";
import { MAX_SOURCE_BYTES } from "../file/source-text.ts";
import { specOfMessage, unstoredVersion } from "../wire/definitions.ts";
import { type Call, flagOption, textOption } from "./call.ts";
import { findDefinition, findVersion } from "./definitions.ts";
import { CliFailure, EXIT, findFailure } from "./failure.ts";
import { faultLine, requireSound, type SoundFile } from "./files.ts";
import { oneLine } from "./one-line.ts";
import { connectService, FieldsRefused, isUnimplemented, type Service } from "./service.ts";
import { readSettings, requireHeaderText } from "./settings.ts";

/** What became of a file. */
interface Applied {
  readonly definitionId: string;
  readonly version: number;
  readonly action: "created" | "published" | "unchanged" | "would create" | "would publish";
}

/** All files are checked before the first one is sent. */
export async function run(call: Call): Promise<number> {
  const { args, options, out } = call;
  const files = requireSound(args, out);
  refuseTwice(files);
  const environment = textOption(call, "to");
  const service = connectService({
    ...(await readSettings(options)),
    ...(environment === undefined
      ? {}
      : { environment: requireHeaderText(environment, "the name of --to") }),
  });
  for (const file of files) {
    const { name } = file.workflow;
    const applied = flagOption(call, "dryRun")
      ? await plan(service, file)
      : await apply(service, file, (text) => out.talk(text));
    const { definitionId, version, action } = applied;
    if (out.json)
      out.object({ file: file.path, name, definition_id: definitionId, version, action });
    else if (out.quiet) out.line(definitionId);
    else
      out.line(
        `${oneLine(name)}: ${action}${version === 0 ? "" : `, version ${version}`} ${definitionId}`.trimEnd(),
      );
  }
  return EXIT.done;
}

function refuseTwice(files: readonly SoundFile[]): void {
  const seen = new Map<string, string>();
  for (const { path, workflow } of files) {
    const first = seen.get(workflow.name);
    if (first !== undefined) {
      throw new CliFailure(
        `${first} and ${path} are both the workflow "${workflow.name}"`,
        EXIT.usage,
      );
    }
    seen.set(workflow.name, path);
  }
}

async function plan(service: Service, { workflow }: SoundFile): Promise<Applied> {
  const definition = await findDefinition(service, workflow.name);
  if (definition === undefined) return { definitionId: "", version: 1, action: "would create" };
  const latest = await findVersion(service, definition);
  const there = await findDeployedThere(service, definition);
  const same = [there, latest].find((each) => each && isSameVersion(each, workflow.spec));
  if (same !== undefined && (await takesSameInput(service, same, workflow.inputSchema))) {
    return { definitionId: definition.id, version: same.version, action: "unchanged" };
  }
  const version = (latest?.version ?? 0) + 1;
  return { definitionId: definition.id, version, action: "would publish" };
}

/** Whether a version has the input schema; true where the service is of an older release, and keeps none. */
async function takesSameInput(
  { sources }: Service,
  { definitionId, version }: WorkflowVersion,
  inputSchema: Json | undefined,
): Promise<boolean> {
  try {
    const found = await sources.getVersion({ definitionId, version });
    return JSON.stringify(found.inputSchema) === JSON.stringify(inputSchema);
  } catch (error) {
    if (isUnimplemented(error)) return true;
    throw error;
  }
}

/** The version that is deployed where the files go; undefined: it is not, or the latest one counts. */
async function findDeployedThere(service: Service, definition: WorkflowDefinition) {
  const { environment } = service.settings;
  if (environment === undefined) return undefined;
  const { deployments } = await service.sources.listDeployments({
    ...{ definitionId: definition.id, environment, states: [DeploymentState.ACTIVE], pageSize: 1 },
  });
  const number = deployments[0]?.version;
  return number === undefined ? undefined : findVersion(service, definition, number);
}

async function apply(
  service: Service,
  file: SoundFile,
  talk: (text: string) => void,
): Promise<Applied> {
  const published = await publishSource(service, file);
  if (published === undefined) {
    const { environment } = service.settings;
    if (environment === undefined) return publishVersion(service, file, talk);
    const message = `${file.path} cannot be published to ${environment} as a text: it has more than ${MAX_SOURCE_BYTES} bytes, or the service is of an older release`;
    throw new CliFailure(message, EXIT.usage);
  }
  const { definition, version, outcome } = published;
  const isNew = outcome === PublishOutcome.CREATED;
  if (definition !== undefined && !isNew) warnOfOthers(definition, file, talk);
  const isSame = outcome === PublishOutcome.UNCHANGED;
  return {
    definitionId: definition?.id ?? "",
    version: version?.version ?? 0,
    action: isNew ? "created" : isSame ? "unchanged" : "published",
  };
}

/** Undefined for a text that the service does not take: it is of an older release, or the text is too large to be kept. */
async function publishSource(service: Service, { path, text }: SoundFile) {
  if (Buffer.byteLength(text) > MAX_SOURCE_BYTES) return undefined;
  try {
    const { workspace: workspaceId } = service.settings;
    return await service.sources.publishSource({ workspaceId, sourceText: text });
  } catch (error) {
    if (isUnimplemented(error)) return undefined;
    const failure = findFailure(error);
    if (failure instanceof FieldsRefused) {
      const { faults } = await service.sources.checkVersion({ sourceText: text });
      const lines = faults.map((fault) =>
        faultLine(path, { ...fault, message: fault.description }),
      );
      if (lines.length > 0) throw refusedVersion(lines, failure);
    }
    throw error;
  }
}

async function publishVersion(
  service: Service,
  file: SoundFile,
  talk: (text: string) => void,
): Promise<Applied> {
  const { workflow } = file;
  const { definition, isNew } = await makeDefinition(service, file);
  if (!isNew) warnOfOthers(definition, file, talk);
  const latest = isNew ? undefined : await findVersion(service, definition);
  if (latest !== undefined && isSameVersion(latest, workflow.spec)) {
    return { definitionId: definition.id, version: latest.version, action: "unchanged" };
  }
  const { steps, edges, trigger, defaultRetryPolicy, timeoutSeconds, author } = unstoredVersion(
    workflow.spec,
  );
  try {
    const { version } = await service.workflows.publishVersion({
      definitionId: definition.id,
      steps,
      edges,
      timeoutSeconds,
      author,
      ...(trigger === undefined ? {} : { trigger }),
      ...(defaultRetryPolicy === undefined ? {} : { defaultRetryPolicy }),
    });
    const action = isNew ? "created" : "published";
    return { definitionId: definition.id, version: version?.version ?? 0, action };
  } catch (error) {
    const failure = findFailure(error);
    throw failure instanceof FieldsRefused ? atPlaces(failure, file) : error;
  }
}

/** The faults of the service, which knows rules that another release of this program may not, at their places. */
function atPlaces(error: FieldsRefused, { path, locate }: SoundFile): CliFailure {
  const lines = error.violations.map(({ field, description }) =>
    faultLine(path, { ...locate(field), message: description }),
  );
  return refusedVersion(lines, error);
}

function refusedVersion(lines: readonly string[], cause: FieldsRefused): CliFailure {
  const message = ["the service refuses the version", ...lines].join("\n");
  return new CliFailure(message, EXIT.usage, { cause });
}

/** The definition of the file's name, made when there is none. */
async function makeDefinition(service: Service, { workflow }: SoundFile) {
  const { name, description, tags } = workflow;
  try {
    const { definition } = await service.workflows.createDefinition({
      workspaceId: service.settings.workspace,
      name,
      description,
      tags: [...tags],
    });
    if (definition !== undefined) return { definition, isNew: true };
  } catch (error) {
    const id = existingId(error);
    if (id === undefined) throw error;
    const { definition } = await service.workflows.getDefinition({ id });
    if (definition !== undefined) return { definition, isNew: false };
  }
  throw new CliFailure("the service answers without a definition", EXIT.failed);
}

/** The id of the definition that has the name already. */
function existingId(error: unknown): string | undefined {
  const failure = findFailure(error);
  if (failure?.exitCode !== EXIT.refused || !(failure.cause instanceof ConnectError))
    return undefined;
  return failure.cause.findDetails(ResourceInfoSchema)[0]?.resourceName;
}

function warnOfOthers(
  definition: WorkflowDefinition,
  { path, workflow }: SoundFile,
  talk: (text: string) => void,
) {
  const { description, tags } = workflow;
  const isSame =
    definition.description === description && definition.tags.join("\n") === tags.join("\n");
  if (!isSame)
    talk(`${path}: warning: description and tags of a definition that is there stay as they are`);
}

/** Whether a published version has this content. Spellings of one word, such as HIGH and RISK_LEVEL_HIGH, are equal. */
function isSameVersion(version: WorkflowVersion, spec: VersionSpec): boolean {
  return (
    versionDigest(specOfMessage(version)) === versionDigest(specOfMessage(unstoredVersion(spec)))
  );
}
