/** A version of a workflow as state of a page. Boundary: one call; a version never changes. */
import { useCall } from "../../api/queries.ts";

/** The version; it is asked for once. `definitionId` empty, or `version` 0: it is not known yet. */
export function useVersion(definitionId: string, version: number) {
  return useCall(
    ["version", definitionId, version],
    ({ sources }, options) => sources.getVersion({ definitionId, version }, options),
    { isEnabled: definitionId !== "" && version > 0, staleMs: Number.POSITIVE_INFINITY },
  );
}
