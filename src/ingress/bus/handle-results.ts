/**
 * A batch of messages from workers: results end attempts, returned tasks are published again.
 * Boundary: between JetStream's messages and submissions; what is late or superseded the engine decides.
 * Invariants:
 * 1. A message is acknowledged after all that it brought is committed, or put aside.
 * 2. The results of a batch share commits: a slice of them is submitted before the first is waited for. What waits in the lanes
 *    is a slice, not a batch: 200 messages may hold 51,200 results, more than the lanes do.
 */
import { createHash } from "node:crypto";
import type { JsMsg } from "nats";
import { type TaskPlace, taskIdOf } from "../../engine/values/task.ts";
import { reached } from "../../process/crash-points.ts";
import { count } from "../../process/metrics.ts";
import { Refusal } from "../../process/refusal.ts";
import type { Processor, Submission } from "../../runtime/processor.ts";
import { isTemporary } from "../../runtime/temporary.ts";
import { readResults } from "../../wire/tasks/read-results.ts";
import { placeOfSubject } from "../../wire/tasks/subjects.ts";
import { restAfterMs } from "./deliveries.ts";
import {
  type EndDeps,
  type Failure,
  finish,
  judgeFailures,
  type Reject,
  rejectAll,
} from "./message-ends.ts";

/** What handling results needs. */
export interface ResultsDeps extends EndDeps {
  readonly processor: Pick<Processor, "submit">;
}

/** Submissions that wait at once. A message with more of them is a slice of its own. */
const SLICE = 1_024;
const MARK_CHARS = 16;

interface Arrival {
  readonly message: JsMsg;
  readonly submissions: readonly Submission[];
  /** What of the message cannot be read; "": nothing. */
  readonly problem: string;
}

/** Handles the batch. Never rejects. */
export async function handleResults(deps: ResultsDeps, messages: readonly JsMsg[]): Promise<void> {
  const inHand = new Set(messages);
  const end = (message: JsMsg) => inHand.delete(message);
  try {
    await reached("results.delivered");
    count("workflows_messages_in_total", { stream: deps.stream }, messages.length);
    const rejects: Reject[] = [];
    const failures: Failure[] = [];
    const done: JsMsg[] = [];
    for (const slice of slicesOf(messages.map(arrivalOf))) {
      await Promise.all(
        slice.map(async ({ message, submissions, problem }) => {
          const failure = await submitAll(deps, submissions);
          if (failure === "away") return;
          if (failure !== undefined) failures.push({ message, problem: failure });
          else if (problem === "") done.push(message);
          else rejects.push({ message, reason: "bad_result", problem });
        }),
      );
    }
    await reached("results.committed");
    for (const message of done) finish(message, end);
    await rejectAll(deps, rejects, end);
    await reached("results.acked");
    await judgeFailures(deps, failures, end);
  } catch (error) {
    deps.log.error("a batch of results failed", { stream: deps.stream, error });
  } finally {
    for (const message of inHand) message.nak(restAfterMs(message.info.deliveryCount));
  }
}

function slicesOf(arrivals: readonly Arrival[]): Arrival[][] {
  const slices: Arrival[][] = [];
  let room = 0;
  for (const arrival of arrivals) {
    const size = arrival.submissions.length;
    const last = slices.at(-1);
    if (last === undefined || size > room) {
      slices.push([arrival]);
      room = SLICE - size;
    } else {
      last.push(arrival);
      room -= size;
    }
  }
  return slices;
}

function arrivalOf(message: JsMsg): Arrival {
  const { subject, data, headers, seq, info } = message;
  const id = headers?.get("Nats-Msg-Id") || `${seq}/${info.timestampNanos}`;
  const { submissions, problem } = submissionsOf({ subject, data, id });
  return { message, submissions, problem };
}

/**
 * What a message of results brings. `id` is the same for every delivery of the message, and for one that a worker published
 * twice.
 */
export function submissionsOf(message: {
  readonly subject: string;
  readonly data: Uint8Array;
  readonly id: string;
}): { workspaceId?: string; submissions: readonly Submission[]; problem: string } {
  const place = placeOfSubject(message.subject);
  const read = readResults(message.data);
  if (place === undefined) {
    return { submissions: [], problem: "the subject names no workspace and queue" };
  }
  const { workspaceId, queue } = place;
  if (!read.ok) return { workspaceId, submissions: [], problem: read.problem };
  const results = read.reports.map(({ place: { runId, stepId, attempt }, report }): Submission => {
    const cause = causeOf({ runId, stepId, attempt }, report.worker);
    const input = { kind: "task_reported", stepId, attempt, queue, report, cause } as const;
    return { kind: "input", runId, workspaceId, input };
  });
  const by = read.returned.length > 0 ? markOf(message.id) : "";
  const returned = read.returned.map(({ runId, stepId, attempt }): Submission => {
    const cause = causeOf({ runId, stepId, attempt }, "");
    const unsent = { kind: "task_unsent", stepId, attempt, returned: { queue, by } } as const;
    return { kind: "input", runId, workspaceId, input: { ...unsent, cause } };
  });
  count("workflows_task_results_total", {}, results.length);
  count("workflows_tasks_sent_again_total", { reason: "returned" }, returned.length);
  return { workspaceId, submissions: [...results, ...returned], problem: read.problem };
}

function markOf(id: string): string {
  return createHash("sha256").update(id).digest("base64url").slice(0, MARK_CHARS);
}

function causeOf(place: TaskPlace, by: string) {
  return { kind: "event", id: taskIdOf(place), ...(by === "" ? {} : { by }) } as const;
}

/** Submits all of a message; gives why it comes again: what is away, or what failed. Undefined: all is done. */
export async function submitAll(
  { processor, stream, log }: Pick<ResultsDeps, "processor" | "stream" | "log">,
  submissions: readonly Submission[],
): Promise<string | undefined> {
  const settled = await Promise.allSettled(submissions.map((each) => processor.submit(each)));
  const errors = settled.flatMap((each) => (each.status === "rejected" ? [each.reason] : []));
  if (errors.some(isTemporary)) {
    count("workflows_events_delayed_total", { stream });
    return "away";
  }
  const failed = errors.find((error) => !(error instanceof Refusal));
  if (failed === undefined) return undefined;
  count("workflows_events_failed_total", { stream });
  log.error("handling a result failed", { stream, error: failed });
  return failed instanceof Error ? `${failed.name}: ${failed.message}` : String(failed);
}
