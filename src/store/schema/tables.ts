/**
 * Every table, as drizzle sees it: the files beside this one are the sole description of rows.
 * Boundary: columns and indexes only; statements stand beside it, one verb a file.
 * Why few columns are indexed: an update that touches no index can stay on its page (HOT), which is most of a step's
 * cost.
 * Why the order of columns is no accident: an update on its page logs only what lies between the first and the last
 * byte that changed, so what changes together stands together; and 8-byte columns come first where they can, for a text
 * before them costs padding.
 */

import * as approvals from "./approvals.ts";
import * as calls from "./calls.ts";
import * as definitions from "./definitions.ts";
import * as deployments from "./deployments.ts";
import * as events from "./events.ts";
import * as health from "./health.ts";
import * as history from "./history.ts";
import * as inbox from "./inbox.ts";
import * as limits from "./limits.ts";
import * as notifications from "./notifications.ts";
import * as pauses from "./pauses.ts";
import * as runs from "./runs.ts";
import * as starters from "./starters.ts";
import * as statistics from "./statistics.ts";
import * as templates from "./templates.ts";
import * as workflowChanges from "./workflow-changes.ts";
import * as workflowHooks from "./workflow-hooks.ts";
import * as workflows from "./workflows.ts";

/** All tables by their names in code. */
export const tables: Readonly<Record<string, unknown>> = {
  ...definitions,
  ...deployments,
  ...runs,
  ...history,
  ...calls,
  ...events,
  ...health,
  ...approvals,
  ...inbox,
  ...limits,
  ...notifications,
  ...pauses,
  ...statistics,
  ...starters,
  ...templates,
  ...workflowChanges,
  ...workflowHooks,
  ...workflows,
};
