/**
 * A caller as the service asks for it: every write carries an Idempotency-Key, and is repeated with it at another replica
 * until it is answered.
 * Boundary: which replicas there are is asked before each try.
 */
import { setTimeout as delay } from "node:timers/promises";
import { type CallOptions, type Client, Code, ConnectError } from "@connectrpc/connect";
import type { WorkflowService } from "../../../../gen/workflows/v1/workflows_pb.ts";

/** What is called. */
export type Workflows = Client<typeof WorkflowService>;

/** See the file's head. */
export interface PatientClient {
  /** Rejects with an answer that a repeat cannot change, and when no answer came for a minute. */
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

/** `replicas` gives those that can be asked now, perhaps none. */
export function createPatientClient(replicas: () => readonly Workflows[]): PatientClient {
  let turn = 0;
  return {
    async call(key, ask) {
      const until = performance.now() + PATIENCE_MS;
      for (;;) {
        const asked = replicas();
        turn += 1;
        const workflows = asked[turn % Math.max(1, asked.length)];
        let failure: unknown = new Error("there is no replica");
        try {
          if (workflows !== undefined) {
            const headers = { "idempotency-key": key };
            return await ask(workflows, { headers, timeoutMs: TRY_MS });
          }
        } catch (error) {
          if (!AGAIN.has(ConnectError.from(error).code)) throw error;
          failure = error;
        }
        if (performance.now() > until) throw new Error(`no answer to ${key}`, { cause: failure });
        await delay(PAUSE_MS);
      }
    },
  };
}
