/**
 * What workers say and ask outside of streams: heartbeats, and which tasks are open.
 * Boundary: plain NATS messages, no more than hints; results are handle-results.ts.
 * Invariant: few questions are asked of the database at once. One that has waited for longer than a worker does is dropped.
 */
import type { Msg, NatsConnection, Subscription } from "nats";
import { reached } from "../../process/crash-points.ts";
import type { Log } from "../../process/log.ts";
import { type OpenTasksDeps, openTasksOf } from "../../runtime/open-tasks.ts";
import type { WorkersSeen } from "../../runtime/workers-seen.ts";
import { readHeartbeat, readOpenQuestion } from "../../wire/tasks/read-results.ts";
import { HEARTBEAT_SUBJECTS, OPEN_SUBJECTS, placeOfSubject } from "../../wire/tasks/subjects.ts";
import { openBody } from "../../wire/tasks/write-tasks.ts";

/** What listening needs. */
export interface WorkerMessagesDeps extends OpenTasksDeps {
  readonly connection: NatsConnection;
  readonly workers: WorkersSeen;
  readonly log: Log;
}

/** One replica answers a question. */
const QUEUE_GROUP = "workflows";
/** After a restart of NATS all workers ask at once; the connections for reads serve others too. */
const QUESTIONS_AT_ONCE = 2;
const QUESTIONS_AT_MOST = 256;
/** A worker waits for so long. */
const QUESTION_MS = 2_000;

/** Starts listening; gives what ends it. */
export function listenToWorkers(deps: WorkerMessagesDeps): () => void {
  const { connection, workers, log } = deps;
  const ask = createQuestions(deps);
  const subscriptions: Subscription[] = [
    connection.subscribe(HEARTBEAT_SUBJECTS, {
      callback(error, message) {
        if (error !== null) return log.warn("heartbeats of workers are not received", { error });
        const place = placeOfSubject(message.subject);
        const heartbeat = readHeartbeat(message.data);
        if (place !== undefined && heartbeat !== undefined) workers.note(place, heartbeat);
      },
    }),
    connection.subscribe(OPEN_SUBJECTS, {
      queue: QUEUE_GROUP,
      callback(error, message) {
        if (error !== null) return log.warn("questions of workers are not received", { error });
        ask(message);
      },
    }),
  ];
  return () => {
    for (const subscription of subscriptions) subscription.unsubscribe();
  };
}

function createQuestions(deps: WorkerMessagesDeps): (message: Msg) => void {
  const waiting: { readonly message: Msg; readonly atMs: number }[] = [];
  let underWay = 0;
  const work = async () => {
    underWay += 1;
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
      if (performance.now() - next.atMs > QUESTION_MS) continue;
      try {
        await answer(deps, next.message);
      } catch (error) {
        deps.log.debug("a question of a worker is not answered; the worker asks again", { error });
      }
    }
    underWay -= 1;
  };
  return (message) => {
    if (waiting.length >= QUESTIONS_AT_MOST) return;
    waiting.push({ message, atMs: performance.now() });
    if (underWay < QUESTIONS_AT_ONCE) void work();
  };
}

async function answer(deps: WorkerMessagesDeps, message: Msg): Promise<void> {
  const place = placeOfSubject(message.subject);
  const asked = readOpenQuestion(message.data);
  if (place === undefined || asked === undefined) return;
  const open = await openTasksOf(deps, place, asked);
  await reached("tasks.asked");
  message.respond(Buffer.from(openBody(open)));
}
