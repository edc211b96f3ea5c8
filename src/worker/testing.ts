/**
 * Runs a handler in a test, without a server: `import { testWorker } from "workflows/testing"`. Inputs and outputs are judged as
 * a worker judges them.
 */
import type { Handlers, WorkerLog } from "./handlers.ts";
import { perform } from "./perform.ts";
import type { JsonObject, Task } from "./protocol.ts";

/** What a test may say of a task; the rest has a fixed value. */
export interface TestTask {
  readonly attempt?: number;
  readonly runId?: string;
  readonly stepId?: string;
  readonly title?: string;
  readonly instructions?: string;
  readonly parameters?: JsonObject;
  /** Aborts as a cancel or a timeout does. */
  readonly signal?: AbortSignal;
}

/** What came of a task. */
export interface TestResult {
  readonly status: "completed" | "failed";
  /** Of a completed task, as the service gets it. */
  readonly output?: JsonObject;
  /** Of a failed one. */
  readonly error?: {
    readonly message: string;
    readonly type?: string;
    /** False: the step is not retried. */
    readonly retryable: boolean;
    readonly retryAfterMs?: number;
  };
  readonly costUsd: number;
}

/** A worker without a server. */
export interface TestWorker {
  /** Does one task by the handler of that action. It never rejects. */
  run(action: string, input: JsonObject, task?: TestTask): Promise<TestResult>;
}

const silent: WorkerLog = { info() {}, warn() {}, error() {} };

/** Makes a worker that needs no server. */
export function testWorker({
  handlers,
  log = silent,
}: {
  readonly handlers: Handlers;
  readonly log?: WorkerLog;
}): TestWorker {
  return {
    async run(action, input, given = {}) {
      const signal = given.signal ?? new AbortController().signal;
      const task = taskOf(action, input, given);
      const result = await perform({ handlers, log, signal, beat() {} }, task);
      const costUsd = result.cost_usd ?? 0;
      if (result.status === "completed") {
        const output: JsonObject = JSON.parse(result.output);
        return { status: "completed", output, costUsd };
      }
      const { message, type, retryable = true, retry_after_ms: retryAfterMs } = result.error;
      const error = {
        message,
        retryable,
        ...(type === undefined ? {} : { type }),
        ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
      };
      return { status: "failed", error, costUsd };
    },
  };
}

function taskOf(action: string, input: JsonObject, given: TestTask): Task {
  const { attempt = 1, runId = "wfr_test", stepId = "step" } = given;
  return {
    id: `${runId}/${stepId}/${attempt}`,
    run_id: runId,
    step_id: stepId,
    attempt,
    idempotency_key: `${runId}/${stepId}`,
    definition_id: "wf_test",
    action_type: action,
    title: given.title ?? "",
    instructions: given.instructions ?? "",
    parameters: given.parameters ?? {},
    // As it comes over the wire: a copy, without what JSON does not have.
    input: JSON.parse(JSON.stringify(input)),
    queued_at: new Date(0).toISOString(),
  };
}
