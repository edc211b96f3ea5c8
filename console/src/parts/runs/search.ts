/** Runs of a search as state of a page. Boundary: calls and their keys in the cache. */
import { useInfiniteQuery } from "@tanstack/react-query";
import { useMemo } from "react";
import { useApi } from "../../api/api.tsx";
import { useCall } from "../../api/queries.ts";
import { type Filters, searchOf } from "./filters.ts";

const PAGE_SIZE = 100;
const RUNS_EVERY_MS = 5_000;
const COUNTS_EVERY_MS = 10_000;

/** The newest runs that match, `size` of them at most, and how many there are. */
export function useRuns(filters: Filters, size: number) {
  const { workspaceId } = useApi();
  return useCall(
    ["runs", "newest", workspaceId, filters, size],
    ({ runs }, options) =>
      runs.search(
        { ...searchOf(filters, Date.now()), workspaceId, pageSize: size, counts: true },
        options,
      ),
    { everyMs: RUNS_EVERY_MS, isKept: true },
  );
}

/** How many runs match, by their values. */
export function useRunCounts(filters: Filters) {
  const { workspaceId } = useApi();
  return useCall(
    ["runs", "counts", workspaceId, filters],
    ({ runs }, options) =>
      runs.search(
        { ...searchOf(filters, Date.now()), workspaceId, pageSize: 1, counts: true },
        options,
      ),
    { everyMs: COUNTS_EVERY_MS, isKept: true },
  );
}

/** Where a page begins. `nowMs` is that of the first page: a page token is good for the same filters alone. */
interface PageStart {
  readonly pageToken: string;
  readonly nowMs: number;
}

/**
 * All runs that match, page by page. While the first page alone is there, it is asked for again; of several none is: that would be a request
 * for each. `asOfMs`: when the first page was asked for.
 */
export function useRunPages(filters: Filters) {
  const { client, workspaceId, isSignedOut } = useApi();
  const pages = useInfiniteQuery({
    enabled: !isSignedOut,
    // It would compare all pages, run by run, whenever another one comes.
    structuralSharing: false,
    queryKey: ["runs", "pages", workspaceId, filters],
    queryFn: async ({ pageParam, signal }) => {
      const { pageToken, nowMs } = pageParam ?? { pageToken: "", nowMs: Date.now() };
      const { runs, nextPageToken } = await client.runs.search(
        { ...searchOf(filters, nowMs), workspaceId, pageSize: PAGE_SIZE, pageToken },
        { signal },
      );
      return { runs, nextPageToken, nowMs };
    },
    initialPageParam: undefined as PageStart | undefined,
    getNextPageParam: ({ nextPageToken: pageToken, nowMs }) =>
      pageToken === "" ? undefined : { pageToken, nowMs },
    refetchInterval: ({ state }) => (hasOnePage(state) ? RUNS_EVERY_MS : false),
    refetchOnMount: ({ state }) => hasOnePage(state),
    refetchOnWindowFocus: ({ state }) => hasOnePage(state),
    refetchOnReconnect: ({ state }) => hasOnePage(state),
  });
  const { data } = pages;
  const runs = useMemo(() => data?.pages.flatMap((page) => page.runs) ?? [], [data]);
  return { ...pages, runs, asOfMs: data?.pages[0]?.nowMs };
}

function hasOnePage({ data }: { readonly data?: { readonly pages: unknown[] } | undefined }) {
  return data?.pages.length === 1;
}

/** The newest 500 workflows of the workspace, archived ones too: what they are called, without what is counted for lists. */
function useDefinitions() {
  const { workspaceId } = useApi();
  return useCall(
    ["definitions", workspaceId],
    ({ workflows }, options) =>
      workflows.listDefinitions({ workspaceId, limit: MOST_WORKFLOWS }, options),
    { staleMs: NAMES_STALE_MS, isKept: true },
  );
}

const MOST_WORKFLOWS = 500;
const NAMES_STALE_MS = 15_000;

/** The names of workflows by their ids; an id of another one is its own name. Until they are known, an ellipsis. */
export function useWorkflowNames(): (definitionId: string) => string {
  const { data, isPending } = useDefinitions();
  return useMemo(() => {
    const names = new Map(data?.definitions.map(({ id, name }) => [id, name]));
    return (definitionId) => names.get(definitionId) ?? (isPending ? "…" : definitionId);
  }, [data, isPending]);
}
