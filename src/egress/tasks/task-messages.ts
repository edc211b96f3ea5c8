/**
 * Tasks of one commit as messages: one or several of a queue share a message.
 * Boundary: pure but for the hash of a trace; sending is task-publisher.ts.
 */
import { createHash } from "node:crypto";
import type { WorkerTask } from "../../engine/values/task.ts";
import { subjectOf } from "../../wire/tasks/subjects.ts";
import { tasksBody, taskText } from "../../wire/tasks/write-tasks.ts";

/** A message of tasks of one queue. */
export interface TaskMessage {
  readonly id: string;
  readonly subject: string;
  readonly contentType: string;
  readonly body: string;
  readonly traceparent: string;
  readonly tasks: readonly WorkerTask[];
}

const TASKS_AT_MOST = 64;
const CHARS_AT_MOST = 256 * 1024 - 64;
const CONTENT_TYPE = "application/json";

/**
 * Puts tasks into messages, in their order. `sharedBy` gives how many of a queue's tasks may share a message; `mark`
 * tells the messages' ids apart from those of other tries. A returned task has the same id at each delivery of its return.
 */
export function messagesOf(
  tasks: readonly WorkerTask[],
  sharedBy: (task: WorkerTask) => number,
  mark: () => string,
): TaskMessage[] {
  const messages: TaskMessage[] = [];
  const open = new Map<string, Gathering>();
  const close = (subject: string, gathering: Gathering) => {
    open.delete(subject);
    messages.push(messageOf(subject, gathering, mark));
  };
  for (const task of tasks) {
    const subject = subjectOf("tasks", task);
    const traceparent = traceOf(task);
    const text = taskText(task, traceparent);
    if (task.alone === true) {
      const alone = { tasks: [task], texts: [text], traceparent };
      messages.push(messageOf(subject, alone, () => task.returnedBy ?? mark()));
      continue;
    }
    const waiting = open.get(subject);
    if (waiting !== undefined && waiting.chars + text.length > CHARS_AT_MOST)
      close(subject, waiting);
    const gathering = open.get(subject) ?? {
      ...{ tasks: [], texts: [], traceparent, chars: 0 },
      atMost: Math.min(TASKS_AT_MOST, Math.max(1, sharedBy(task))),
    };
    open.set(subject, gathering);
    gathering.tasks.push(task);
    gathering.texts.push(text);
    gathering.chars += text.length + 1;
    if (gathering.tasks.length >= gathering.atMost) close(subject, gathering);
  }
  for (const [subject, gathering] of [...open]) close(subject, gathering);
  return messages;
}

/** The message with those of its tasks that are open, under the same id: the stream may have it already. */
export function messageOfOpen(
  message: TaskMessage,
  isOpen: (task: WorkerTask) => boolean,
): TaskMessage {
  const tasks = message.tasks.filter(isOpen);
  if (tasks.length === message.tasks.length) return message;
  return { ...message, tasks, body: tasksBody(tasks.map((task) => taskText(task, traceOf(task)))) };
}

interface Gathering {
  readonly tasks: WorkerTask[];
  readonly texts: string[];
  readonly traceparent: string;
  readonly atMost: number;
  chars: number;
}

function messageOf(
  subject: string,
  { tasks, texts, traceparent }: Pick<Gathering, "tasks" | "texts" | "traceparent">,
  mark: () => string,
): TaskMessage {
  const [first] = tasks;
  const id = `${first?.id ?? ""}:${mark()}`;
  return { id, subject, contentType: CONTENT_TYPE, body: tasksBody(texts), traceparent, tasks };
}

/** A trace of the run and a span of the task: the same on every delivery. */
function traceOf({ runId, id }: WorkerTask): string {
  return `00-${hashOf(runId).slice(0, 32)}-${hashOf(id).slice(0, 16)}-01`;
}

function hashOf(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}
