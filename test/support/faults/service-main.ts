/**
 * The service with faults at its crash points: what tests compile in place of src/main.ts.
 * Reads TEST_FAULTS, a JSON list of PlannedFault, and on SIGHUP such a list from the file TEST_FAULTS_FILE: visits count
 * from then on, and `{"planned":<n>}` is reported. Where that file says "heap" it collects garbage and reports what is left
 * as `{"heapBytes":<n>}`. Reports each point that is reached for the first time as a line `{"crashPoint":"<name>"}` on
 * standard error, and each fault as `{"fault":"<mode>","at":"<name>"}` before it happens for the first time.
 */
import { readFileSync, writeSync } from "node:fs";
import { setImmediate as immediate } from "node:timers/promises";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { Code } from "@connectrpc/connect";
import { CallFailure } from "../../../src/collaborators/call-failure.ts";
import { type CrashPoint, installCrashHook } from "../../../src/process/crash-points.ts";
import type { PlannedFault } from "./planned-fault.ts";

const STANDARD_ERROR = 2;

let planned: readonly PlannedFault[] = JSON.parse(process.env.TEST_FAULTS ?? "[]");
const hits = new Map<PlannedFault, number>();
const reported = new Set<PlannedFault>();
const seen = new Set<CrashPoint>();

// Written at once: the process may end with the next statement.
function report(line: object): void {
  writeSync(STANDARD_ERROR, `${JSON.stringify(line)}\n`);
}

/** The fault of this visit. Every fault of the point counts the visit, from 1, whichever of them happens. */
function due(point: CrashPoint, detail: string): PlannedFault | undefined {
  const visited = planned.filter(
    (fault) => fault.point === point && (fault.detail ?? detail) === detail,
  );
  for (const fault of visited) hits.set(fault, (hits.get(fault) ?? 0) + 1);
  return visited.find((fault) => isDue(fault, hits.get(fault) ?? 0));
}

function isDue({ hit, lasts }: PlannedFault, visits: number): boolean {
  return lasts === true ? visits >= hit : visits === hit;
}

function happen(fault: PlannedFault): Promise<void> | undefined {
  const { mode, point, ms = 0 } = fault;
  if (!reported.has(fault)) report({ fault: mode, at: point });
  reported.add(fault);
  switch (mode) {
    case "kill":
      process.kill(process.pid, "SIGKILL");
      return undefined;
    case "stop":
      process.kill(process.pid, "SIGSTOP");
      return undefined;
    case "throw":
      return Promise.reject(new Error(`a fault planned at ${point}`));
    case "delay":
      return new Promise((resolve) => setTimeout(resolve, ms));
    case "lose":
      return Promise.reject(lostReply(point));
  }
}

/** What the code at the point would get if the connection broke before the answer. */
function lostReply(point: CrashPoint): Error {
  if (point.startsWith("call.")) {
    return new CallFailure("the answer is lost", { kind: "broken", code: Code.Unavailable });
  }
  return Object.assign(new Error("the answer is lost"), { code: "ECONNRESET" });
}

installCrashHook((point, detail) => {
  if (!seen.has(point)) {
    seen.add(point);
    report({ crashPoint: point });
  }
  const fault = due(point, detail);
  return fault === undefined ? undefined : happen(fault);
});

process.on("SIGHUP", () => {
  const asked: "heap" | PlannedFault[] = JSON.parse(
    readFileSync(process.env.TEST_FAULTS_FILE ?? "", "utf8"),
  );
  if (asked === "heap") {
    void reportHeap();
    return;
  }
  planned = asked;
  report({ planned: asked.length });
});

/** What the second collection frees besides, finalizers let go behind the first one. */
async function reportHeap(): Promise<void> {
  setFlagsFromString("--expose-gc");
  const collect: () => void = runInNewContext("gc");
  collect();
  await immediate();
  collect();
  const { heapUsed, external } = process.memoryUsage();
  report({ heapBytes: heapUsed + external });
}

await import("../../../src/main.ts");
