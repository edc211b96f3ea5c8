/** A run in memory whose step `call` runs other workflows, and the reports that it gets of them. */
import type { ChildReport } from "../../../src/engine/values/child-run.ts";
import type { JsonObject } from "../../../src/engine/values/json.ts";
import type { Reply } from "../../../src/engine/values/reply.ts";
import { type EngineRun, step } from "./engine-run.ts";

/** An AGENT_ACTION `call` that runs the workflow `child`. */
export function calling(workflow: JsonObject = {}, more: JsonObject = {}) {
  return step({
    id: "call",
    stepType: "AGENT_ACTION",
    config: { workflow: { name: "child", ...workflow }, ...more },
  });
}

/** A child's report: COMPLETED, unless given otherwise. */
export function childReports(
  run: EngineRun,
  child: number,
  more: Partial<ChildReport> = {},
): Reply {
  const attempt = (run.rows.get(run.index("call"))?.retryCount ?? 0) + 1;
  const report: ChildReport = {
    stepIndex: run.index("call"),
    attempt,
    child,
    runId: `child-${attempt}-${child}`,
    seq: 5,
    state: "COMPLETED",
    output: { n: child },
    errorMessage: "",
    costUsd: 1,
    undoing: "no",
    ...more,
  };
  return run.put({ kind: "child_ended", report });
}

/** The answer to the start of a child; a text refuses it. */
export function started(run: EngineRun, child: number, attempt = 1, refusal?: string): Reply {
  const id = `wfr_test/call/${attempt}/start_run-${child}`;
  if (!run.openCalls.has(id)) throw new Error(`no start ${id} among ${[...run.openCalls.keys()]}`);
  const value = { kind: "start_run", runId: `child-${attempt}-${child}` } as const;
  return run.put({
    kind: "call_returned",
    callId: id,
    call: "start_run",
    stepIndex: run.index("call"),
    attempt,
    result: refusal === undefined ? { ok: true, value } : { ok: false, message: refusal },
  });
}

/** Ids of open calls of a kind, without the run. */
export function open(run: EngineRun, kind: string): string[] {
  return [...run.openCalls.values()]
    .filter(({ call }) => call.kind === kind)
    .map(({ id }) => id.slice("wfr_test/".length));
}

/** CompensateRun. */
export const compensate = { kind: "compensate_requested", reason: "" } as const;
