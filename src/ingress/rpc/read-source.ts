/**
 * A source text → what it describes, or all its faults.
 * Boundary: takes seconds for a large text, so it runs in a thread of its own (source-worker.ts). What it gives can be cloned.
 */
import { create } from "@bufbuild/protobuf";
import { CreateDefinitionRequestSchema } from "../../../gen/workflows/v1/workflows_pb.ts";
import { allPieces } from "../../engine/graph/parse-texts.ts";
import type { VersionSpec } from "../../engine/values/definition.ts";
import { isJsonObject, type JsonObject } from "../../engine/values/json.ts";
import type { FileFault } from "../../file/faults.ts";
import { type ReadFile, readWorkflowFile, type WorkflowFile } from "../../file/read-file.ts";
import type { FieldFault } from "../../process/refusal.ts";
import { specOfMessage, unstoredVersion } from "../../wire/definitions.ts";
import { checkFields } from "./fields.ts";
import { findSchemaProblem } from "./output-schema.ts";
import { schemaFaults } from "./version-faults.ts";

/** What a source text describes. */
interface SourceWorkflow {
  readonly name: string;
  readonly description: string;
  readonly tags: readonly string[];
  readonly inputSchema: JsonObject | undefined;
  /** The version that `workflows apply` publishes by PublishVersion. */
  readonly spec: VersionSpec;
}

/** A text that was read: with faults there is no workflow. */
export interface ReadSource {
  readonly workflow?: SourceWorkflow;
  /** The first FAULTS_LISTED. */
  readonly faults: readonly FileFault[];
  readonly faultCount: number;
  /** The first FAULTS_LISTED. */
  readonly warnings: readonly FileFault[];
}

/** Faults of an answer. */
export const FAULTS_LISTED = 500;

/** Reads YAML or JSON: the rules of a file, of PublishVersion and of CreateDefinition. */
export function readSource(text: string): ReadSource {
  const file = readWorkflowFile(new TextEncoder().encode(text));
  const faults = file.workflow === undefined ? file.faults : serviceFaults(file.workflow, file);
  if (file.workflow === undefined || faults.length > 0) {
    return { faults: faults.slice(0, FAULTS_LISTED), faultCount: faults.length, warnings: [] };
  }
  const { name, description, tags, inputSchema, spec: written } = file.workflow;
  const spec = specOfMessage(unstoredVersion(written));
  const schema = isJsonObject(inputSchema) ? inputSchema : undefined;
  return {
    workflow: { name, description, tags, inputSchema: schema, spec },
    ...{ faults: [], faultCount: 0, warnings: file.warnings.slice(0, FAULTS_LISTED) },
  };
}

/** The faults that the rules of a file leave to the service. */
function serviceFaults(workflow: WorkflowFile, { locate }: ReadFile): FileFault[] {
  const { name, description, tags, inputSchema, spec } = workflow;
  const named = create(CreateDefinitionRequestSchema, { name, description, tags: [...tags] });
  const faults: FieldFault[] = [...checkFields(CreateDefinitionRequestSchema, named).list];
  if (isJsonObject(inputSchema)) {
    const problem = findSchemaProblem(inputSchema);
    if (problem !== undefined) faults.push({ field: "input", description: problem });
  }
  faults.push(...allPieces(schemaFaults(spec.steps)));
  return faults.map(({ field, description: message }) => ({ ...locate(field), message }));
}
