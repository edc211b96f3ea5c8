/**
 * A caller as the service asks for it: every write carries an Idempotency-Key, and is repeated with it at another replica
 * until it is answered.
 * Boundary: which replicas there are is asked before each try.
 */
import { setTimeout as delay } from "node:timers/promises";
import { type CallOptions, type Client, Code, ConnectError } from "@connectrpc/connect";
import type { WorkflowService } from "../../../../gen/workflows/v1/workflows_pb.ts";
import { describeError } from "../describe-error.ts";

/** What is called. */
type Workflows = Client<typeof WorkflowService>;

/** See the file's head. */
export interface PatientClient {
  /** Rejects with an answer that a repeat cannot change, and, with evidence, when no answer came for a minute. */
  call<T>(key: string, ask: (workflows: Workflows, options: CallOptions) => Promise<T>): Promise<T>;
}

const TRY_MS = 3_000;
const PAUSE_MS = 50;
const PATIENCE_MS = 60_000;

/** Codes after which the same call may be answered otherwise. */
const AGAIN: ReadonlySet<Code> = new Set([
  Code.Unavailable,
  Code.Aborted,
  Code.DeadlineExceeded,
  Code.ResourceExhausted,
  Code.Internal,
  Code.Unknown,
  Code.Canceled,
]);

/** A replica that can be asked. */
export interface Asked {
  readonly url: string;
  readonly workflows: Workflows;
}

/** `replicas` gives those that can be asked now, perhaps none; `evidence` is told with a call that got no answer. */
export function createPatientClient(
  replicas: () => readonly Asked[],
  evidence: () => Promise<string>,
): PatientClient {
  let turn = 0;
  return {
    async call(key, ask) {
      const until = performance.now() + PATIENCE_MS;
      const failures = new Map<string, string>();
      for (;;) {
        const asked = replicas();
        turn += 1;
        const replica = asked[turn % Math.max(1, asked.length)];
        try {
          if (replica !== undefined) {
            const headers = { "idempotency-key": key };
            return await ask(replica.workflows, { headers, timeoutMs: TRY_MS });
          }
        } catch (error) {
          if (!AGAIN.has(ConnectError.from(error).code)) throw error;
          failures.set(replica?.url ?? "", describeError(error));
        }
        if (performance.now() > until) {
          const last = [...failures].map(([url, failure]) => `${url}: ${failure}`);
          throw new Error(
            `the workflow service gave no answer to ${key} in ${PATIENCE_MS / 1000} s, at last ` +
              `${last.join("; ") || "there was no replica"}\n${await evidence()}`,
          );
        }
        await delay(PAUSE_MS);
      }
    },
  };
}
