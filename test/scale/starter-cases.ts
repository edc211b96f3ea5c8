/** What statements about endpoints and schedules read: deliveries, rounds of firing, lists. */
import { createHash } from "node:crypto";
import { findEndpoint, listEndpoints } from "../../src/store/reads/endpoints.ts";
import { findStarterHeads } from "../../src/store/reads/starter-heads.ts";
import { EVERY_WORKSPACE } from "../../src/store/reads/visibility.ts";
import {
  findTriggerSchedule,
  findWorkflowSchedule,
  listTriggerSchedules,
  listWorkflowSchedules,
} from "../../src/store/reads/workflow-schedules.ts";
import {
  findDueWorkflowSchedules,
  findOpenRuns,
} from "../../src/store/service-reads/due-workflow-schedules.ts";
import { findEndpointsOfTokens } from "../../src/store/service-reads/endpoint-tokens.ts";
import { moveWorkflowSchedules } from "../../src/store/workflow-schedules.ts";
import type { Case } from "./cases.ts";
import { BIG, CLAIMED_RUN } from "./rows.ts";

const hashOf = (token: string) => createHash("sha256").update(token).digest("hex");
const OF_BIG = { workspaceId: BIG, definitionId: "" };
const OF_ONE = { workspaceId: BIG, definitionId: "wf_2" };
const PAGE = { after: "", limit: 51 };
const MOVE = { id: "wsc_2", revision: 1, lastJson: "[]" };

/** In the order of the file's head. */
export const starterCases: readonly Case[] = [
  {
    name: "endpoints: of tokens",
    ask: ({ callers }) =>
      findEndpointsOfTokens(callers, [
        hashOf("new2"),
        hashOf("old4"),
        hashOf("older4"),
        hashOf("none"),
      ]),
  },
  { name: "endpoints: one", ask: ({ callers }) => findEndpoint(callers, EVERY_WORKSPACE, "whk_2") },
  {
    name: "endpoints: of a workspace",
    ask: ({ lists }) => listEndpoints(lists, EVERY_WORKSPACE, OF_BIG, PAGE),
  },
  {
    name: "endpoints: of a workflow",
    ask: ({ lists }) => listEndpoints(lists, EVERY_WORKSPACE, OF_ONE, PAGE),
  },
  {
    name: "starters of workflows",
    ask: ({ lists }) => findStarterHeads(lists, EVERY_WORKSPACE, ["wf_2", "wf_4"]),
  },
  {
    name: "workflow schedules: due",
    ask: ({ read }) => findDueWorkflowSchedules(read, 500, []),
  },
  { name: "workflow schedules: open runs", ask: ({ read }) => findOpenRuns(read, [CLAIMED_RUN]) },
  {
    name: "workflow schedules: move",
    ask: ({ transaction }) =>
      transaction((tx) => {
        const at = new Date(0);
        const move = { ...MOVE, slotAt: at, dueAt: at, newSlotAt: at, newDueAt: at };
        return moveWorkflowSchedules(tx, [move]);
      }),
  },
  {
    name: "workflow schedules: one",
    ask: ({ callers }) => findWorkflowSchedule(callers, EVERY_WORKSPACE, "wsc_2"),
  },
  {
    name: "workflow schedules: a trigger",
    ask: ({ callers }) => findTriggerSchedule(callers, EVERY_WORKSPACE, "wf_2"),
  },
  {
    name: "workflow schedules: of a workspace",
    ask: ({ lists }) => listWorkflowSchedules(lists, EVERY_WORKSPACE, OF_BIG, PAGE),
  },
  {
    name: "workflow schedules: of a workflow",
    ask: ({ lists }) => listWorkflowSchedules(lists, EVERY_WORKSPACE, OF_ONE, PAGE),
  },
  {
    name: "workflow schedules: triggers of a workspace",
    ask: ({ lists }) => listTriggerSchedules(lists, EVERY_WORKSPACE, OF_BIG, PAGE),
  },
];
