/**
 * Questions among replicas over the bus: each replica has a subject of its own, and answers there.
 * Boundary: plain NATS messages; what is asked, and whether an answer counts, is shared-reports.ts.
 * Invariants:
 * 1. A replica is asked while it holds a lease in the database. One that does not answer in time is left alone for a while.
 * 2. Nothing here rejects: a question that fails has no answer.
 */
import type { NatsConnection } from "nats";
import type { Log } from "../../process/log.ts";
import type { OtherReplicas } from "../../runtime/routing/shared-reports.ts";

/** What questions need. */
export interface ReplicaMessagesDeps {
  readonly connection: NatsConnection;
  readonly replicaId: string;
  readonly log: Log;
  /** Ids of the other replicas at work. */
  others(): readonly string[];
}

/** Questions in and out. */
export interface ReplicaMessages extends OtherReplicas {
  /** Starts to answer; "" is no answer that counts. `answer` never rejects. */
  listen(answer: (text: string) => Promise<string>): void;
  stop(): void;
}

const SUBJECTS = "workflows.replicas";
/** A commit takes some ms. The messages whose reports were offered wait as long. */
const ANSWER_WITHIN_MS = 1_000;
/** After an answer that did not come; doubled while none comes. */
const FIRST_REST_MS = 1_000;
const LONGEST_REST_MS = 5_000;
/** With more replicas than that a report is not worth so many messages. */
const ASKED_AT_MOST = 4;

/** Makes it; nothing is asked or answered yet. */
export function openReplicaMessages(deps: ReplicaMessagesDeps): ReplicaMessages {
  const { connection, replicaId, log } = deps;
  const rests = new Map<string, { readonly ms: number; readonly untilMs: number }>();
  let stop = () => {};

  const asked = () => {
    const nowMs = performance.now();
    const awake = deps.others().filter((id) => (rests.get(id)?.untilMs ?? 0) <= nowMs);
    return awake.slice(0, ASKED_AT_MOST);
  };

  async function askOne(id: string, text: string): Promise<string[]> {
    try {
      const options = { timeout: ANSWER_WITHIN_MS };
      const answer = await connection.request(`${SUBJECTS}.${id}`, text, options);
      rests.delete(id);
      return [answer.string()];
    } catch (error) {
      log.debug("another replica did not answer", { other: id, error });
      const ms = Math.min(LONGEST_REST_MS, 2 * (rests.get(id)?.ms ?? FIRST_REST_MS / 2));
      if (rests.size > ASKED_AT_MOST) rests.clear();
      rests.set(id, { ms, untilMs: performance.now() + ms });
      return [];
    }
  }

  return {
    get areThere() {
      return asked().length > 0;
    },
    async ask(text) {
      return (await Promise.all(asked().map((id) => askOne(id, text)))).flat();
    },
    listen(answer) {
      const subscription = connection.subscribe(`${SUBJECTS}.${replicaId}`, {
        callback(error, message) {
          if (error !== null) return log.warn("other replicas are not heard", { error });
          void answer(message.string()).then((said) => {
            if (!connection.isClosed()) message.respond(said);
          });
        },
      });
      stop = () => subscription.unsubscribe();
    },
    stop: () => stop(),
  };
}
