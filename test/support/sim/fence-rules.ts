/**
 * I5 and I6 of a world that came to rest, by the checks that operators have (tools/verify): nothing begins in a run that has
 * stopped, and nothing that belongs to an older attempt, or to an older writer, has changed a row.
 * Boundary: reads the model's tables and the owners' ledger.
 */
import { checkAfterStop, LATE_OBJECTS_MS } from "../../../tools/verify/after-stop.ts";
import { checkFencing } from "../../../tools/verify/fencing.ts";
import { type LedgerItem, readKey } from "../../../tools/verify/ledgers.ts";
import { beginFindings } from "../../../tools/verify/report.ts";
import type { StoredMoves } from "../../../tools/verify/stored-runs.ts";
import type { RunRow } from "./model/rows.ts";
import { PUBLISHED } from "./versions.ts";
import type { World } from "./world.ts";

const STEPS = new Map(
  [...PUBLISHED.values()].map(({ versionId, spec }) => [versionId, spec.steps]),
);
/** Calls that make an object. */
const MAKING = ["create_objective", "request_approval", "send_notification"];

/** Adds what breaks I5 or I6 in a run to the world's faults. */
export function judgeFences(world: World, run: RunRow, rows: readonly StoredMoves[]): void {
  const { owners, witness, server } = world;
  const version = STEPS.get(run.versionId) ?? [];
  const ofRun = [...server.tables.steps.committed.values()].filter((row) => row.runId === run.id);
  const steps = ofRun.map(({ stepIndex: index, ...row }) => ({ ...row, index }));
  const whole = { run, rows, steps, version };
  const entries = new Map([[run.id, madeFor(world, run)]]);
  const [stopped, fenced] = [beginFindings("I5"), beginFindings("I6")];
  const made = { entries, cancelled: owners.cancelled, lateObjectsMs: LATE_OBJECTS_MS };
  checkAfterStop(stopped, whole, made);
  checkFencing(fenced, whole, entries);
  const { counts, violations } = stopped.report();
  if ((counts["objects after a cancel"] ?? 0) > 0) witness.count("object made after a cancel");
  for (const line of violations) world.broken(`I5: ${line}`);
  for (const line of fenced.report().violations) world.broken(`I6: ${line}`);
  // Owners and workers put the attempt that they did into its output.
  for (const { index, retryCount, output } of steps) {
    const attempt = output?.[version[index]?.id ?? ""];
    if (typeof attempt === "number" && attempt !== retryCount + 1) {
      world.broken(
        `I6: ${run.id} step ${index}, in attempt ${retryCount + 1}, has the output of ${attempt}`,
      );
    }
  }
}

function madeFor({ owners }: World, run: RunRow): LedgerItem[] {
  return [...owners.ledger.values()].flatMap(({ key, madeAtMs, objectId }) => {
    const parts = readKey(key);
    const kind = MAKING.find((call) => parts?.call.startsWith(call));
    if (parts?.runId !== run.id || kind === undefined) return [];
    return [{ id: objectId, parts, kind, recordedAt: new Date(madeAtMs), line: objectId }];
  });
}
