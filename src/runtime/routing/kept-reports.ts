/**
 * What was kept about objects before any step knew their ids (early-reports.ts), as inputs of the steps that know them now.
 * Boundary: reads; submitting is the caller's.
 */
import { reportInput } from "../../engine/matching/arrival.ts";
import type { Input } from "../../engine/values/input.ts";
import type { Database } from "../../store/database.ts";
import { type EarlyReport, findEarlyReports, type LearnedObject } from "../../store/events.ts";

/** A step that knows the id of an object. */
export interface KnownObject extends LearnedObject {
  readonly stepIndex: number;
}

/** What was kept about each object, in the order in which it came, as inputs of its step. */
export async function findKeptInputs(
  { read }: Pick<Database, "read">,
  objects: readonly KnownObject[],
): Promise<Input[][]> {
  if (objects.length === 0) return [];
  const reports = await findEarlyReports(read, objects);
  return objects.map(({ workspaceId, objectId, stepIndex }) =>
    reports
      .filter((report) => report.workspaceId === workspaceId && report.objectId === objectId)
      .map((report) => keptInput(stepIndex, report)),
  );
}

function keptInput(stepIndex: number, { eventId, report }: EarlyReport): Input {
  const { actorAgentId = "" } = report;
  return reportInput(stepIndex, report, { kind: "event", id: eventId, actorAgentId });
}
