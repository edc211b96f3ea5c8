/**
 * What an action of `do` is, and how its arguments are read and its answer is made.
 * Boundary: types and small readers; the actions are actions.ts and people-actions.ts.
 */
import { type WorkflowRun, WorkflowState } from "../../gen/workflows/v1/workflows_pb.ts";
import { isJsonObject, type Json, type JsonObject } from "../engine/values/json.ts";
import { getWorkflow } from "./fetch.ts";
import { workflowFound } from "./found.ts";
import { wordOf } from "./shapes.ts";
import { linkTo, type McpWorld, ToolFault } from "./world.ts";

/** Who calls. */
export interface ActionCaller {
  readonly isAgent: boolean;
  /** "": unknown. */
  readonly subject: string;
}

/** A call of an action. */
export interface ActionCall {
  readonly world: McpWorld;
  readonly caller: ActionCaller;
  readonly args: JsonObject;
  /** For each request that writes: what makes a repeat of it one call. */
  readonly options: { readonly headers: Readonly<Record<string, string>> };
}

/** One action. */
export interface Action {
  readonly about: string;
  /** The RPC that its caller needs, `workflows.v1.WorkflowService/StartRun`. */
  readonly rpc: string;
  /** Names of its arguments; the first ones in the order of the code form. */
  readonly args: readonly string[];
  /** In the code form: how many stand in order. The object after them, or one object alone, has arguments by name. */
  readonly places: number;
  readonly isForAgents?: true;
  run(call: ActionCall): Promise<Json>;
}

/** A run as an answer names it. */
export function runAnswer(world: McpWorld, { id, state, definitionId }: WorkflowRun): JsonObject {
  const url = linkTo(world, "runs", id);
  return { runId: id, state: wordOf(WorkflowState, state), workflowId: definitionId, url };
}

/** A workflow as it stands after an action. */
export async function workflowAnswer(world: McpWorld, id: string): Promise<JsonObject> {
  const { title, status, url, version } = workflowFound(world, await getWorkflow(world, id));
  return { id, title, url, status: status ?? "", version: version ?? 0 };
}

/** The id of the workflow that the argument `id` names by its id or name. */
export async function definitionIdOf(world: McpWorld, args: JsonObject): Promise<string> {
  const id = textOf(args, "id");
  if (id.startsWith("wf_")) return id;
  return (await getWorkflow(world, id)).definition?.id ?? "";
}

/** A text. Throws a ToolFault without one, unless something stands in for it. */
export function textOf(args: JsonObject, name: string, otherwise?: string): string {
  const value = args[name] ?? otherwise;
  if (value === undefined) throw new ToolFault(`${name} is required`);
  if (typeof value !== "string") throw new ToolFault(`${name} must be a text`);
  return value;
}

/** An object; empty without one. */
export function objectOf(args: JsonObject, name: string): JsonObject {
  const value = args[name] ?? {};
  if (isJsonObject(value)) return value;
  throw new ToolFault(`${name} must be an object`);
}
