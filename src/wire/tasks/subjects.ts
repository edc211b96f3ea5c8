/**
 * Subjects, streams and names of the worker protocol (docs/worker-protocol.md).
 * Boundary: pure; texts only. Two names never share a token.
 */

/** Streams of the protocol; both are made by the service. */
export const TASKS_STREAM = "WORKFLOWS_TASKS";
export const RESULTS_STREAM = "WORKFLOWS_RESULTS";
/** What the streams store. */
export const TASKS_SUBJECTS = "workflows.tasks.*.*";
export const RESULTS_SUBJECTS = "workflows.results.*.*";
/** Plain subjects that the service listens to. */
export const HEARTBEAT_SUBJECTS = "workflows.workers.*.*";
export const OPEN_SUBJECTS = "workflows.open.*.*";

/** A queue of a workspace. */
export interface QueuePlace {
  readonly workspaceId: string;
  readonly queue: string;
}

const PLAIN = /^[A-Za-z0-9_-]+$/;
const ENCODED = "=";
const tokens = new Map<string, string>();
const TOKENS_AT_MOST = 10_000;

/** The subject of a queue's tasks or cancels. */
export function subjectOf(kind: "tasks" | "cancels", { workspaceId, queue }: QueuePlace): string {
  return `workflows.${kind}.${tokenOf(workspaceId)}.${tokenOf(queue)}`;
}

/** What the stream of tasks stores of a workspace; of every one for "". */
export function tasksOf(workspaceId: string): string {
  return workspaceId === "" ? TASKS_SUBJECTS : `workflows.tasks.${tokenOf(workspaceId)}.*`;
}

/** The queue that a subject of four tokens names; undefined when a token is no name. */
export function placeOfSubject(subject: string): QueuePlace | undefined {
  const [, , workspace = "", queue = "", ...rest] = subject.split(".");
  const place = { workspaceId: nameOf(workspace), queue: nameOf(queue) };
  const isWhole = rest.length === 0 && place.workspaceId !== "" && place.queue !== "";
  return isWhole ? place : undefined;
}

/** A name as one token of a subject. */
function tokenOf(name: string): string {
  if (PLAIN.test(name)) return name;
  const known = tokens.get(name);
  if (known !== undefined) return known;
  const token = ENCODED + Buffer.from(name).toString("base64url");
  if (tokens.size >= TOKENS_AT_MOST) tokens.clear();
  tokens.set(name, token);
  return token;
}

/** The name of a token; "" of a text that is none, or that is not written as tokenOf does. */
function nameOf(token: string): string {
  if (PLAIN.test(token)) return token;
  if (!token.startsWith(ENCODED)) return "";
  const name = Buffer.from(token.slice(1), "base64url").toString();
  return tokenOf(name) === token ? name : "";
}
