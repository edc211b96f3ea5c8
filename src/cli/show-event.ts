/** Published events for people and programs. */
import type { JsonObject } from "@bufbuild/protobuf";
import { timestampDate } from "@bufbuild/protobuf/wkt";
import type { PublishedEvent } from "../../gen/workflows/ops/v1/runs_pb.ts";
import { isJsonObject, type Json, ownValue } from "../engine/values/json.ts";

const PREFIX = "workflows.changes.";
/** What happened, by the end of the type. */
const WORDS: Readonly<Record<string, string>> = {
  "run.started": "started",
  "run.completed": "completed",
  "run.failed": "failed",
  "run.pause": "was paused",
  "run.resume": "was resumed",
  "run.cancel": "was cancelled",
  "run.compensate": "is being compensated",
  "run.compensated": "was compensated",
  "step.started": "started",
  "step.waiting": "waits",
  "step.completed": "completed",
  "step.retrying": "failed and is tried again",
  "step.failed": "failed",
  "step.skipped": "was skipped",
  "step.cancelled": "was cancelled",
  "step.compensated": "was compensated",
  "definition.create": "was made",
  "version.publish": "was published",
  "workflow.paused": "was paused",
  "workflow.resumed": "was resumed",
  "workflow.high_failure_rate": "has many failed runs",
  "workflow.created": "was made",
  "workflow.updated": "was updated",
  "workflow.archived": "was archived",
  "workflow.deleted": "was deleted",
  "workflow.edited": "is being edited",
  "workflow.draft_saved": "has a new draft",
  "workflow.published": "was published",
};

/** The event as structured CloudEvents JSON. */
export function eventJson(event: PublishedEvent): Json {
  const { id, source, type, subject, time, dataSchema, extensions, data } = event;
  const { workflowhops, ...texts } = extensions;
  return {
    ...{ specversion: "1.0", id, source, type, subject },
    ...(time === undefined ? {} : { time: timestampDate(time).toISOString() }),
    ...{ datacontenttype: "application/json", dataschema: dataSchema },
    data: (data ?? {}) as Json,
    ...texts,
    ...(workflowhops === undefined ? {} : { workflowhops: Number(workflowhops) }),
  };
}

/** What it is about, and what happened with it. */
export function eventWords({ type, runId, extensions, data = {} }: PublishedEvent): string[] {
  const kind = type.startsWith(PREFIX) ? type.slice(PREFIX.length) : type;
  const words = WORDS[kind] ?? kind;
  if (runId === "") return [changedThing(data), words];
  const step = objectOf(data, "step");
  const stepId = textOf(step, "step_id");
  const error = textOf(step, "error_message");
  const why = kind.startsWith("run.") ? (extensions.reason ?? "") : error;
  const about = stepId === "" ? `run ${runId}` : `step ${stepId} of ${runId}`;
  return [about, why === "" ? words : `${words}: ${why}`];
}

function changedThing(data: JsonObject): string {
  const changed = objectOf(data, "payload");
  const [name, id] = [
    textOf(changed, "name"),
    textOf(changed, "id") || textOf(changed, "definition_id"),
  ];
  const version = ownValue(changed, "version");
  return version === undefined ? `workflow ${name} (${id})` : `version ${version} of ${name}`;
}

function objectOf(data: JsonObject, name: string): JsonObject {
  const value = ownValue(data as { [name: string]: Json }, name);
  return isJsonObject(value) ? value : {};
}

function textOf(data: JsonObject, name: string): string {
  const value = ownValue(data as { [name: string]: Json }, name);
  return typeof value === "string" ? value : "";
}
