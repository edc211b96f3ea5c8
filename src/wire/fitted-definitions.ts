/**
 * Definitions and versions that fit into one answer: what is left out of the last ones.
 * Boundary: pure; sizes are upper bounds for both encodings. The caller sets the header that lists what is left out.
 */
import type { WorkflowDefinition } from "../../gen/workflows/v1/workflows_pb.ts";
import type {
  EdgeDefinition,
  StepDefinition,
  TriggerDefinition,
} from "../engine/values/definition.ts";
import { jsonSizeBytes } from "../engine/values/json.ts";
import { payloadSize } from "./payload-sizes.ts";

/** What of a listed version counts. */
interface Listed {
  readonly id: string;
  readonly author: string;
  readonly trigger: TriggerDefinition;
  readonly steps: StepDefinition[] | null;
  readonly edges: EdgeDefinition[] | null;
}

// Names of fields and values that are no text, as JSON.
const DEFINITION_BYTES = 400;
const HEAD_BYTES = 700;
const STEP_BYTES = 500;
const EDGE_BYTES = 100;
/** What versions without their graphs may take of a list. */
const HEADS_BYTES = 2 * 1024 * 1024;

/** The newest versions whole, older ones without steps and edges, and the ids of those; the oldest may be missing. */
export function fitVersions<Version extends Listed>(
  versions: readonly Version[],
  roomBytes: number,
) {
  const heads = takeWhile(versions, headBytes, Math.min(HEADS_BYTES, roomBytes));
  const room = roomBytes - heads.reduce((sum, version) => sum + headBytes(version), 0);
  const whole = takeWhile(heads, graphBytes, room).length;
  return {
    versions: heads.map((version, at) => ({
      ...version,
      steps: at < whole ? (version.steps ?? []) : [],
      edges: at < whole ? (version.edges ?? []) : [],
    })),
    leftOut: versions.slice(whole).map(({ id }) => id),
  };
}

/** The newest definitions whole, older ones without description and tags, and the ids of those. */
export function fitDefinitions(definitions: readonly WorkflowDefinition[], roomBytes: number) {
  const short = (one: WorkflowDefinition): WorkflowDefinition => ({
    ...one,
    description: "",
    tags: [],
  });
  const room = roomBytes - definitions.reduce((sum, one) => sum + definitionBytes(short(one)), 0);
  const whole = takeWhile(definitions, definitionBytes, room).length;
  return {
    definitions: definitions.map((one, at) => (at < whole ? one : short(one))),
    leftOut: definitions.slice(whole).map(({ id }) => id),
  };
}

/** The first items that take at most so many bytes together. */
function takeWhile<Item>(
  items: readonly Item[],
  bytesOf: (item: Item) => number,
  bytesAtMost: number,
): readonly Item[] {
  let bytes = 0;
  const over = items.findIndex((item) => {
    bytes += bytesOf(item);
    return bytes > bytesAtMost;
  });
  return over === -1 ? items : items.slice(0, over);
}

function headBytes({ trigger, author }: Listed): number {
  return HEAD_BYTES + textBytes([author, ...Object.values(trigger)]);
}

/** Infinite where the graph was not read. */
function graphBytes({ steps, edges }: Listed): number {
  if (steps === null || edges === null) return Number.POSITIVE_INFINITY;
  const ofSteps = steps.reduce(
    (sum, step) =>
      sum + STEP_BYTES + textBytes(Object.values(step)) + payloadSize(step.config ?? {}),
    0,
  );
  return edges.reduce((sum, edge) => sum + EDGE_BYTES + textBytes(Object.values(edge)), ofSteps);
}

function definitionBytes({ id, workspaceId, name, description, tags }: WorkflowDefinition): number {
  return DEFINITION_BYTES + textBytes([id, workspaceId, name, description, ...tags]);
}

function textBytes(values: readonly unknown[]): number {
  return values.reduce(
    (sum: number, value) => sum + (typeof value === "string" ? jsonSizeBytes(value) + 4 : 0),
    0,
  );
}
