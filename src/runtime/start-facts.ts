/**
 * What a start needs besides its submission: the vars of its deployment, the id by which it is unique, and the start before it.
 * Boundary: one read a batch, and only for versions that read `run.vars`.
 */
import { PRODUCTION, startKeyOf } from "../engine/values/environment.ts";
import type { JsonObject } from "../engine/values/json.ts";
import type { Database } from "../store/database.ts";
import type { ClaimedStart } from "../store/run-starts.ts";
import { findRunVars } from "../store/run-vars.ts";
import type { GraphCache } from "./graphs.ts";
import type { RunStart, Submission } from "./submission.ts";

/** `run.vars` by the place of a start in its batch. */
export type VarsOfStarts = ReadonlyMap<number, JsonObject>;

const NONE: VarsOfStarts = new Map();

/** The vars of the starts of a batch. */
export async function findVarsOfStarts(
  { graphs, database }: { graphs: GraphCache; database: Pick<Database, "write"> },
  items: readonly { readonly submission: Submission }[],
): Promise<VarsOfStarts> {
  const starts = items.flatMap(({ submission }, place) =>
    submission.kind === "start" ? [{ place, start: submission.start }] : [],
  );
  if (starts.length === 0) return NONE;
  const found = await graphs.require([...new Set(starts.map(({ start }) => start.versionId))]);
  const reading = starts.filter(({ start }) => found.get(start.versionId)?.readsVars === true);
  if (reading.length === 0) return NONE;
  return findRunVars(
    database.write,
    reading.map(({ place, start }) => ({
      place,
      definitionId: start.definitionId,
      environment: start.environment ?? PRODUCTION,
      versionId: start.versionNamed === true ? "" : start.versionId,
      // A rerun is of the version of its run, or of one that its caller named: it may be deployed nowhere.
      elseAny: start.rerun !== undefined,
    })),
  );
}

/** The id of a start by event. That of a step's call, or of a rerun, is of one run, and so of one environment. */
export function startKeyOfStart(start: RunStart): string {
  const isOfCall = start.parentStep !== undefined || start.rerun !== undefined;
  return isOfCall ? start.triggerEventId : startKeyOf(start.environment, start.triggerEventId);
}

/** What a start by event is looked up by. */
export function claimOf(start: RunStart): ClaimedStart {
  const { workspaceId, definitionId, triggerSource: source } = start;
  return { workspaceId, definitionId, eventId: startKeyOfStart(start), source, runId: "" };
}

/** The claim among these by which this start was made before. */
export function findEarlier(
  claims: readonly ClaimedStart[],
  start: ClaimedStart,
): ClaimedStart | undefined {
  return claims.find(
    ({ workspaceId, definitionId, eventId, source }) =>
      workspaceId === start.workspaceId &&
      definitionId === start.definitionId &&
      eventId === start.eventId &&
      (source === start.source || source === "" || start.source === ""),
  );
}
