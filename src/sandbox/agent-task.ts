/**
 * Reading an objective as a task: its description is a JSON object written by the service; what
 * is missing or no JSON reads as empty, for an agent must cope with any objective.
 *
 * Boundary: pure.
 */
import type { JsonObject } from "@bufbuild/protobuf";
import type { Objective } from "../../gen/objectives/v1/objectives_pb.ts";
import { isJsonObject } from "./bus.ts";
import type { AgentTask } from "./script.ts";

/** The task that an objective asks for. */
export function readTask(objective: Objective): AgentTask {
  const description = readJsonObject(objective.description);
  const attempt = description.attempt;
  return {
    objectiveId: objective.id,
    workspaceId: objective.workspaceId,
    agentId: objective.agentId,
    title: objective.title,
    runId: readText(description, "run_id") ?? "",
    stepId: readText(description, "step_id") ?? "",
    attempt: typeof attempt === "number" ? attempt : 1,
    actionType: readText(description, "action_type") ?? "",
    instructions: readText(description, "instructions") ?? "",
    parameters: readPart(description, "parameters"),
    input: readPart(description, "input"),
  };
}

/** A text field of an object, undefined when it is missing or no text. */
export function readText(object: JsonObject, name: string): string | undefined {
  const value = object[name];
  return typeof value === "string" ? value : undefined;
}

/** A JSON text as an object; an empty one when it is anything else. */
export function readJsonObject(text: string): JsonObject {
  try {
    const value: unknown = JSON.parse(text);
    return isJsonObject(value) ? value : {};
  } catch (error) {
    if (error instanceof SyntaxError) return {};
    throw error;
  }
}

function readPart(object: JsonObject, name: string): JsonObject {
  const value = object[name];
  return isJsonObject(value) ? value : {};
}
