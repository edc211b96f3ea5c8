/** A search for runs. */
import type { RunSearch } from "../../../src/store/reads/search-runs.ts";

/** Without a filter, in no workspace. */
export const ANY_RUN: RunSearch = {
  ...{ workspaceId: "", states: [], definitionId: "", definitionVersion: undefined },
  ...{ entityId: "", entityType: "", initiatorAgentId: "", initiatorUserId: "" },
  ...{ parentRunId: "", errorText: "", startedFromMs: undefined, startedBeforeMs: undefined },
  ...{ endedFromMs: undefined, endedBeforeMs: undefined, costUsdFrom: undefined },
  ...{
    costUsdBelow: undefined,
    waitingFor: [],
    outcomes: [],
    isRetrying: false,
    openLongerThanMs: undefined,
  },
};
