/**
 * Workflows.DiffVersions: two versions, or a version and the draft.
 * Boundary: request and answer; what differs is engine/values/version-diff.ts, what is risky engine/steps/version-risks.ts.
 */
import {
  ChangeKind,
  type DiffVersionsRequest,
  DiffVersionsRequestSchema,
  RiskCode,
  VersionPart,
} from "../../../gen/workflows/ops/v1/version_diffs_pb.ts";
import { versionRisks } from "../../engine/steps/version-risks.ts";
import type { VersionSpec } from "../../engine/values/definition.ts";
import { type Json, jsonSizeBytes } from "../../engine/values/json.ts";
import { diffVersions, NO_VERSION, type VersionChange } from "../../engine/values/version-diff.ts";
import { type DefinitionRow, findVersion, specOfVersion } from "../../store/reads/definitions.ts";
import { findDraft } from "../../store/reads/drafts.ts";
import { requireDefinition } from "./definitions.ts";
import { checkFields } from "./fields.ts";
import type { ReadDeps } from "./service-deps.ts";
import type { SourceReader } from "./source-reader.ts";
import { requireWorkflow } from "./sources.ts";
import { shortText } from "./version-faults.ts";
import { readDraft } from "./workflow-drafts.ts";
import { noDraft, unknownVersion } from "./workflow-message.ts";

const CHANGES_LISTED = 1_000;
const RISKS_LISTED = 200;
/** What values, and names of fields, may take of an answer together. */
const VALUES_BYTES = 1024 * 1024;
const NAMES_BYTES = 1024 * 1024;
const KINDS: Readonly<Record<VersionChange["change"], ChangeKind>> = {
  added: ChangeKind.ADDED,
  removed: ChangeKind.REMOVED,
  changed: ChangeKind.CHANGED,
};
const PARTS: Readonly<Record<VersionChange["part"], VersionPart>> = {
  step: VersionPart.STEP,
  edge: VersionPart.EDGE,
  version: VersionPart.VERSION,
};

/** DiffVersions. */
export function diffVersionsWith(sources: SourceReader) {
  return async (deps: ReadDeps, request: DiffVersionsRequest) => {
    const { definitionId, from, to, toDraft } = request;
    const faults = checkFields(DiffVersionsRequestSchema, request);
    faults.require("definition_id", definitionId);
    if (from < 0) faults.add("from", "is negative");
    if (to < 0) faults.add("to", "is negative");
    if (toDraft && to !== 0) faults.add("to", "and to_draft are both given");
    faults.refuseIfAny();
    const definition = await requireDefinition(deps, definitionId);
    const older = await readVersion(deps, definition, from);
    const newer = toDraft
      ? await readDraftSpec(deps, sources, definition)
      : await readVersion(deps, definition, to);
    const changes = diffVersions(older.spec, newer.spec);
    return {
      ...{ definitionId, from: older.number, to: newer.number, changeCount: changes.length },
      changes: changeMessages(changes.slice(0, CHANGES_LISTED)),
      risks: versionRisks(older.spec, newer.spec)
        .slice(0, RISKS_LISTED)
        .map(({ code, stepId, description }) => ({
          ...{ code: RiskCode[code], stepId: shortText(stepId) },
          description: shortText(description),
        })),
    };
  };
}

interface Side {
  /** 0: nothing is published, or it is the draft. */
  readonly number: number;
  readonly spec: VersionSpec;
}

async function readVersion(
  { database, visibility }: ReadDeps,
  { id, latestVersion }: DefinitionRow,
  wanted: number,
): Promise<Side> {
  const number = wanted || latestVersion;
  if (number === 0) return { number, spec: NO_VERSION };
  const row = await findVersion(database.callers, visibility, id, number);
  if (row === undefined) throw unknownVersion(id, number);
  return { number, spec: specOfVersion(row) };
}

async function readDraftSpec(
  { database, visibility }: ReadDeps,
  sources: SourceReader,
  definition: DefinitionRow,
): Promise<Side> {
  const row = await findDraft(database.callers, visibility, definition.id);
  if (row === undefined) throw noDraft(definition.id);
  const { spec } = requireWorkflow(await readDraft(sources, definition, row.sourceText));
  return { number: 0, spec };
}

/** The first ones whose names have room, with the first values that have room. */
function changeMessages(changes: readonly VersionChange[]) {
  let [names, values] = [NAMES_BYTES, VALUES_BYTES];
  const messages = [];
  for (const { change, part, id, fields } of changes) {
    names -= jsonSizeBytes(id) + fields.reduce((sum, { field }) => sum + jsonSizeBytes(field), 0);
    if (names < 0) break;
    const shown = fields.map(({ field, before, after }) => {
      const [beforeJson, afterJson] = [textOf(before), textOf(after)];
      const bytes = jsonSizeBytes(beforeJson) + jsonSizeBytes(afterJson);
      if (bytes > values) return { field, valuesLeftOut: true };
      values -= bytes;
      return { field, beforeJson, afterJson };
    });
    messages.push({ change: KINDS[change], part: PARTS[part], id, fields: shown });
  }
  return messages;
}

function textOf(value: Json | undefined): string {
  return value === undefined ? "" : JSON.stringify(value);
}
