/**
 * The RPCs of Workflows about source texts: CheckVersion and PublishSource.
 * Boundary: requests and answers; a text is read in a thread of its own (source-reader.ts).
 */
import { StepKind } from "../../../gen/workflows/ops/v1/step_kinds_pb.ts";
import {
  type CheckVersionRequest,
  PublishOutcome,
  type PublishSourceRequest,
  PublishSourceRequestSchema,
} from "../../../gen/workflows/ops/v1/workflows_pb.ts";
import type { PublishVersionRequest } from "../../../gen/workflows/v1/workflows_pb.ts";
import { shownKindOf } from "../../engine/steps/shown-kind.ts";
import type { ShownKind } from "../../engine/steps/types.ts";
import { worstCaseOf } from "../../engine/steps/worst-case.ts";
import type { StepDefinition, VersionSpec } from "../../engine/values/definition.ts";
import { versionDigest } from "../../engine/values/digest.ts";
import { PRODUCTION } from "../../engine/values/environment.ts";
import type { FileFault } from "../../file/faults.ts";
import type { FieldFault } from "../../process/refusal.ts";
import { inPieces } from "../../runtime/in-pieces.ts";
import {
  readPublishedId,
  type SourcePublication,
  type SourcePublished,
} from "../../runtime/publish-source.ts";
import { findVersions, specOfVersion } from "../../store/reads/definitions.ts";
import { readVersionSpec, toDefinitionMessage } from "../../wire/definitions.ts";
import { recordedActor, refuseAgent } from "./actor.ts";
import { requireDefinition } from "./definitions.ts";
import { requireDeployer } from "./deployer.ts";
import { checkFields, checkText, invalidFields } from "./fields.ts";
import { FAULTS_LISTED, type ReadSource } from "./read-source.ts";
import type { ReadDeps, WriteDeps } from "./service-deps.ts";
import type { SourceReader } from "./source-reader.ts";
import { checkedBeside, schemaFaults, shortText } from "./version-faults.ts";
import { headMessage, requireHead } from "./workflow-message.ts";

/** workflows.ops.v1.PublishOutcome */
export const OUTCOMES: Readonly<Record<SourcePublished["outcome"], PublishOutcome>> = {
  created: PublishOutcome.CREATED,
  published: PublishOutcome.PUBLISHED,
  unchanged: PublishOutcome.UNCHANGED,
};

/** Steps without an end that an answer names. */
const ENDLESS_LISTED = 20;

/** CheckVersion. */
export function checkVersionWith(sources: SourceReader) {
  return async (
    { caller }: Pick<WriteDeps, "caller">,
    { sourceText, version }: CheckVersionRequest,
  ) => {
    const faults: FieldFault[] = [];
    checkText("source_text", sourceText, faults);
    if ((sourceText === "") === (version === undefined)) {
      faults.push({ field: "source_text", description: "or version is required, and not both" });
    }
    if (faults.length > 0) throw invalidFields(faults);
    if (version !== undefined) return checkedVersion(version);
    const read = await sources.read(caller?.workspaceId ?? "", sourceText);
    const { workflow } = read;
    const { faultCount, warnings } = read;
    return {
      faults: read.faults.map(ofText),
      faultCount,
      warnings: warnings.map(ofText),
      ...(workflow === undefined
        ? {}
        : {
            ...{ name: workflow.name, digest: workflow.digest },
            stepKinds: stepKindsOf(workflow.spec.steps),
            worstCase: worstCaseMessage(workflow.spec),
          }),
    };
  };
}

async function checkedVersion(request: PublishVersionRequest) {
  const { spec, faults: unread } = readVersionSpec(request);
  const faults = await inPieces(checkedBeside(spec, unread));
  faults.push(...(await inPieces(schemaFaults(spec.steps))));
  return {
    faults: faults.slice(0, FAULTS_LISTED).map(({ field, description }) => ({
      ...{ field: shortText(field), description: shortText(description) },
    })),
    faultCount: faults.length,
    ...(faults.length === 0
      ? {
          ...{ digest: versionDigest(spec), stepKinds: stepKindsOf(spec.steps) },
          worstCase: worstCaseMessage(spec),
        }
      : {}),
  };
}

/** PublishSource. */
export function publishSourceWith(sources: SourceReader) {
  return async (deps: WriteDeps, request: PublishSourceRequest) => {
    const { workspaceId, sourceText, layout, note, definitionId, baseVersion } = request;
    const faults = checkFields(PublishSourceRequestSchema, request);
    faults.require("workspace_id", workspaceId);
    faults.require("source_text", sourceText);
    if (baseVersion < 0) faults.add("base_version", "is below 0");
    if (baseVersion > 0) faults.require("definition_id", definitionId);
    faults.refuseIfAny();
    refuseAgent(deps.caller, "an agent deploys nothing: save a draft, which a person publishes");
    const deployTo = deps.environment ?? PRODUCTION;
    requireDeployer(deps, deployTo);
    if (definitionId !== "") await requireDefinition(deps, definitionId);
    const next = definitionId === "" ? undefined : { definitionId, baseVersion };
    return publishText(deps, sources, { workspaceId, sourceText, layout, note, deployTo, next });
  };
}

/** A text to publish, for a workspace. */
interface TextToPublish
  extends Pick<PublishSourceRequest, "workspaceId" | "sourceText" | "layout" | "note"> {
  /** True: its name must not be taken. */
  readonly mustBeNew?: boolean;
  /** Production unless given. */
  readonly deployTo?: string;
  /** Whose next version it is; unless given that of its name. */
  readonly next?: SourcePublication["next"];
}

/** Publishes a text. Refuses invalid_fields (every fault of the text), and already_exists where it must be new. */
export async function publishText(deps: WriteDeps, sources: SourceReader, text: TextToPublish) {
  const { workspaceId, sourceText, layout, note, mustBeNew = false } = text;
  const { deployTo = PRODUCTION, next } = text;
  const { name, description, tags, inputSchema, spec, digest } = requireWorkflow(
    await sources.read(workspaceId, sourceText),
  );
  const publishedBy = recordedActor(deps) ?? "";
  const published = await deps.write.publishSource({
    ...{ workspaceId, name, description, tags, spec, digest, mustBeNew, deployTo, next },
    source: { sourceText, layout, inputSchema, note, publishedBy },
  });
  return {
    definition: toDefinitionMessage(published.definition),
    version: await headOf(deps, published.version.id),
    outcome: OUTCOMES[published.outcome],
    digest,
  };
}

/** What was published by a call whose answer was lost. */
export async function readPublishedSource(deps: ReadDeps, _request: unknown, madeId: string) {
  const { versionId, outcome } = readPublishedId(madeId);
  const [row] = await findVersions(deps.database.callers, deps.visibility, [versionId]);
  if (row === undefined) throw new Error(`version ${versionId} is not stored`);
  const definition = await requireDefinition(deps, row.definitionId);
  return {
    definition: toDefinitionMessage(definition),
    version: await headOf(deps, versionId),
    outcome: OUTCOMES[outcome],
    digest: versionDigest(specOfVersion(row)),
  };
}

/** The head of a version, as a message. */
export async function headOf(deps: ReadDeps, versionId: string) {
  return headMessage(await requireHead(deps, versionId));
}

/** Refuses invalid_fields: each fault by its path in the text, with its line and column. */
export function requireWorkflow({ workflow, faults, faultCount }: ReadSource) {
  if (workflow !== undefined) return workflow;
  const fields = faults.map(({ path, line, column, message }) => ({
    field: path === "" ? "source_text" : path,
    description: `line ${line}, column ${column}: ${message}`,
  }));
  const unlisted = faultCount - faults.length;
  if (unlisted > 0) {
    fields.push({ field: "source_text", description: `${unlisted} more faults are not listed` });
  }
  throw invalidFields(fields);
}

/** workflows.ops.v1.StepOfKind of the steps of a version. */
export function stepKindsOf(steps: readonly StepDefinition[]) {
  return steps.map((step) => {
    const kind = shownKindOf(step)?.toUpperCase() as Uppercase<ShownKind> | undefined;
    return { stepId: step.id, kind: StepKind[kind ?? "UNSPECIFIED"] };
  });
}

/** workflows.ops.v1.WorstCase of a version without faults. */
export function worstCaseMessage(spec: VersionSpec) {
  const { seconds, attempts, endlessStepIds } = worstCaseOf(spec);
  return {
    ...(seconds === undefined ? {} : { seconds: BigInt(Math.ceil(seconds)) }),
    ...(attempts === undefined ? {} : { attempts: BigInt(attempts) }),
    endlessStepIds: endlessStepIds.slice(0, ENDLESS_LISTED),
  };
}

/** workflows.ops.v1.VersionFault of a text. */
export function ofText({ path, line, column, message }: FileFault) {
  return { path, line, column, description: message };
}
