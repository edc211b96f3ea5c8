/**
 * Starts by webhook are about a canonical entity, not about the tap's record of it.
 *
 * Boundary: looks entities up (engine/values/entities.ts) before anything is submitted. It looks up all records of a
 * batch at once, so that a batch waits as long as one record.
 * Invariant: a record without a known entity keeps the tap's own words; a start never fails by it.
 */

import type { Entities } from "../../engine/values/entities.ts";
import type { BusEvent } from "../../engine/values/event.ts";
import type { AimedSubmission } from "./route-submit.ts";

/** Whether the submission is a start about a record of another system. */
export function isAboutRecord({ submission }: AimedSubmission): boolean {
  return (
    submission.kind === "start" &&
    submission.start.triggerType === "WEBHOOK" &&
    submission.start.entityId !== ""
  );
}

/** The starts with the canonical entity of each, where it is known. */
export function resolveEntities(
  entities: Entities,
  events: readonly BusEvent[],
  starts: readonly AimedSubmission[],
): Promise<AimedSubmission[]> {
  return Promise.all(
    starts.map((aimed) => resolveEntity(entities, events[aimed.place]?.tap?.provider ?? "", aimed)),
  );
}

async function resolveEntity(
  entities: Entities,
  provider: string,
  aimed: AimedSubmission,
): Promise<AimedSubmission> {
  const { submission } = aimed;
  if (submission.kind !== "start" || provider === "") return aimed;
  const { start } = submission;
  const { workspaceId, entityId: recordId, entityType } = start;
  const entity = await entities.resolve({ workspaceId, provider, recordId, entityType });
  if (entity === undefined) return aimed;
  return { ...aimed, submission: { ...submission, start: { ...start, ...entity } } };
}
