/**
 * A source text → what it describes, or all its faults.
 * Boundary: takes seconds for a large text, so it runs in a thread of its own (source-worker.ts). What it gives can be cloned.
 */
import { create, toBinary } from "@bufbuild/protobuf";
import {
  CreateDefinitionRequestSchema,
  WorkflowVersionSchema,
} from "../../../gen/workflows/v1/workflows_pb.ts";
import { allPieces } from "../../engine/graph/parse-texts.ts";
import type { VersionSpec } from "../../engine/values/definition.ts";
import { versionDigest } from "../../engine/values/digest.ts";
import { isJsonObject, type JsonObject } from "../../engine/values/json.ts";
import { payloadProblem } from "../../engine/values/limits.ts";
import type { FileFault } from "../../file/faults.ts";
import { type ReadFile, readWorkflowFile, type WorkflowFile } from "../../file/read-file.ts";
import { MAX_FILE_BYTES } from "../../file/source-text.ts";
import type { FieldFault } from "../../process/refusal.ts";
import { specOfMessage, unstoredVersion } from "../../wire/definitions.ts";
import { checkFields } from "./fields.ts";
import { findSchemaProblem } from "./output-schema.ts";
import { schemaFaults, shortText } from "./version-faults.ts";

/** What a source text describes. */
interface SourceWorkflow {
  readonly name: string;
  readonly description: string;
  readonly tags: readonly string[];
  readonly inputSchema: JsonObject | undefined;
  /** The version that `workflows apply` publishes by PublishVersion. */
  readonly spec: VersionSpec;
  /** Of `spec`. */
  readonly digest: string;
  /** Where the text has the name. */
  readonly nameAt: Omit<FileFault, "message">;
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
    return { faults: listed(faults), faultCount: faults.length, warnings: [] };
  }
  const { name, description, tags, inputSchema, spec: written } = file.workflow;
  const spec = specOfMessage(unstoredVersion(written));
  const schema = isJsonObject(inputSchema) ? inputSchema : undefined;
  return {
    workflow: {
      ...{ name, description, tags, inputSchema: schema, spec },
      ...{ digest: versionDigest(spec), nameAt: file.locate("name") },
    },
    ...{ faults: [], faultCount: 0, warnings: listed(file.warnings) },
  };
}

/** What an answer has room for. */
function listed(faults: readonly FileFault[]): FileFault[] {
  return faults.slice(0, FAULTS_LISTED).map(({ path, message, ...place }) => ({
    ...{ ...place, path: shortText(path), message: shortText(message) },
  }));
}

/** The faults that the rules of a file leave to the service. */
function serviceFaults(workflow: WorkflowFile, { locate }: ReadFile): FileFault[] {
  const { name, description, tags, inputSchema, spec } = workflow;
  const named = create(CreateDefinitionRequestSchema, { name, description, tags: [...tags] });
  const faults: FieldFault[] = [...checkFields(CreateDefinitionRequestSchema, named).list];
  if (isJsonObject(inputSchema)) {
    const problem = payloadProblem("the schema", inputSchema) ?? findSchemaProblem(inputSchema);
    if (problem !== undefined) faults.push({ field: "input", description: problem });
  }
  // PublishVersion takes no larger request. One text of a short form may stand at many edges.
  const bytes = toBinary(WorkflowVersionSchema, unstoredVersion(spec)).length;
  if (bytes > MAX_FILE_BYTES) {
    const description = `the version has ${bytes} bytes, over the limit of ${MAX_FILE_BYTES}`;
    faults.push({ field: "", description });
  }
  faults.push(...allPieces(schemaFaults(spec.steps)));
  return faults.map(({ field, description: message }) => ({ ...locate(field), message }));
}
