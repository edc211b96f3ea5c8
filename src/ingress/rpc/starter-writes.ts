/**
 * The changes of starters that a handler may make: a part of the Write (write.ts), with the same invariants.
 * Boundary: adds the workspace and the caller's key; what is changed is runtime's.
 */
import type { Cause } from "../../engine/values/input.ts";
import {
  createEndpoint,
  type MadeEndpoint,
  removeEndpoint,
  rotateUrl,
  type WantedEndpoint,
} from "../../runtime/endpoints.ts";
import type { RunStart } from "../../runtime/processor.ts";
import { isFull } from "../../runtime/run-limits.ts";
import type { Settled } from "../../runtime/submission.ts";
import {
  createSchedule,
  pauseSchedule,
  removeSchedule,
  resumeSchedule,
  type ScheduleChange,
  type ScheduleContent,
  updateSchedule,
  type WantedSchedule,
  type WorkflowScheduleRow,
} from "../../runtime/workflow-schedules.ts";
import type { KeyClaim } from "../../store/caller-keys.ts";
import type { ServiceParts } from "./service-parts.ts";

/** Each resolves after its commit and rejects with a Refusal; not_found for what the call does not see. */
export interface StarterWrites {
  /** The definition is one that the call has read. */
  createEndpoint(wanted: WantedEndpoint): Promise<MadeEndpoint>;
  rotateEndpoint(id: string, change: Parameters<typeof rotateUrl>[2]): Promise<MadeEndpoint>;
  deleteEndpoint(id: string): Promise<void>;
  /** The definition is one that the call has read. */
  createSchedule(wanted: WantedSchedule, by: ScheduleChange): Promise<WorkflowScheduleRow>;
  /** `change` makes the new content of the one that is stored. */
  updateSchedule(
    id: string,
    by: ScheduleChange,
    change: (content: ScheduleContent) => ScheduleContent,
  ): Promise<WorkflowScheduleRow>;
  pauseSchedule(id: string, by: ScheduleChange): Promise<WorkflowScheduleRow>;
  resumeSchedule(id: string, by: ScheduleChange): Promise<WorkflowScheduleRow>;
  deleteSchedule(id: string, by: ScheduleChange): Promise<void>;
  /** Starts runs of a schedule that the call has read; each has an event id by which a repeat starts none. */
  startSlots(starts: readonly RunStart[], cause: Cause): Promise<Settled[]>;
}

/** Starts under way at one time: the lanes have room for others. */
const AT_ONCE = 100;

/** `workspaceId` "" is any workspace's. */
export function createStarterWrites(
  parts: ServiceParts,
  workspaceId: string,
  callerKey: KeyClaim | undefined,
): StarterWrites {
  const deps = { ...parts, callerKey };
  const keyOf = (id: string) => ({ id, workspaceId });
  return {
    createEndpoint: (wanted) => createEndpoint(deps, wanted),
    rotateEndpoint: (id, change) => rotateUrl(deps, keyOf(id), change),
    deleteEndpoint: (id) => removeEndpoint(deps, keyOf(id)),
    createSchedule: (wanted, by) => createSchedule(deps, wanted, by),
    updateSchedule: (id, by, change) => updateSchedule(deps, keyOf(id), by, change),
    pauseSchedule: (id, by) => pauseSchedule(deps, keyOf(id), by),
    resumeSchedule: (id, by) => resumeSchedule(deps, keyOf(id), by),
    deleteSchedule: (id, by) => removeSchedule(deps, keyOf(id), by),
    async startSlots(starts, cause) {
      const settled: Settled[] = [];
      for (let at = 0; at < starts.length; at += AT_ONCE) {
        const some = starts.slice(at, at + AT_ONCE);
        // Without the key: several starts of one commit could not mark it.
        const submit = (start: RunStart) => parts.processor.submit({ kind: "start", start, cause });
        const results = await Promise.allSettled(some.map(submit));
        for (const result of results) {
          if (result.status === "fulfilled") settled.push(result.value);
          // The workflow drops what it has no room for.
          else if (!isFull(result.reason)) throw result.reason;
        }
      }
      return settled;
    },
  };
}
