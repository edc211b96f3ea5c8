/** Runs: a search whose filters are the address. */
import { X } from "lucide-react";
import { useCallback, useMemo } from "react";
import { useSearchParams } from "wouter";
import { CliLine } from "../parts/cli-line.tsx";
import { Empty } from "../parts/empty.tsx";
import { ErrorNote } from "../parts/error-note.tsx";
import { LiveNote } from "../parts/live-note.tsx";
import { Loading } from "../parts/loading.tsx";
import { PageHead } from "../parts/page-head.tsx";
import { FilterFields, type SetFilter, StateChips } from "../parts/runs/facets.tsx";
import { commandOf, type Filters, readFilters } from "../parts/runs/filters.ts";
import { SavedViews } from "../parts/runs/saved-views.tsx";
import { useRunCounts, useRunPages, useWorkflowNames } from "../parts/runs/search.ts";
import { VirtualRuns } from "../parts/runs/virtual-runs.tsx";

export default function RunsPage() {
  const [params, setParams] = useSearchParams();
  const filters = useMemo(() => readFilters(params), [params]);
  const set: SetFilter = useCallback(
    (name, value) =>
      setParams(
        (old) => {
          const next = new URLSearchParams(old);
          if (value === "") next.delete(name);
          else next.set(name, value);
          if (name === "workflow") next.delete("version");
          return next;
        },
        { replace: true },
      ),
    [setParams],
  );
  const isFiltered = Object.keys(filters).length > 0;
  return (
    <>
      <RunsHead filters={filters} />
      <SavedViews filters={filters}>
        {isFiltered && (
          <button type="button" className="quiet" onClick={() => setParams({})}>
            <X size={14} aria-hidden="true" />
            Take all filters away
          </button>
        )}
      </SavedViews>
      <RunFilters filters={filters} onSet={set} />
      <FoundRuns filters={filters} isFiltered={isFiltered} />
    </>
  );
}

function RunsHead({ filters }: { readonly filters: Filters }) {
  const counts = useRunCounts(filters).data?.counts;
  const { asOfMs } = useRunPages(filters);
  return (
    <PageHead title="Runs" aside={<CliLine args={commandOf(filters)} />}>
      {counts && (
        <span>
          {counts.atLeast ? "at least " : ""}
          {counts.totalSize.toLocaleString("en")} {counts.totalSize === 1 ? "run" : "runs"}
        </span>
      )}
      {asOfMs !== undefined && <LiveNote isLive={false} asOf={new Date(asOfMs)} />}
    </PageHead>
  );
}

function RunFilters({ filters, onSet }: { readonly filters: Filters; readonly onSet: SetFilter }) {
  const nameOf = useWorkflowNames();
  const { state: _, ...others } = filters;
  // How many runs each state has under the other filters.
  const byState = useRunCounts(others);
  const counts = useRunCounts(filters);
  return (
    <>
      <StateChips filters={filters} counts={byState.data?.counts} onSet={onSet} />
      <FilterFields filters={filters} counts={counts.data?.counts} nameOf={nameOf} onSet={onSet} />
    </>
  );
}

function FoundRuns({
  filters,
  isFiltered,
}: {
  readonly filters: Filters;
  readonly isFiltered: boolean;
}) {
  const { runs, isPending, isFetching, error, refetch, hasNextPage, fetchNextPage } =
    useRunPages(filters);
  const more = useCallback(() => {
    if (!isFetching) void fetchNextPage();
  }, [isFetching, fetchNextPage]);
  if (isPending) return <Loading rows={8} />;
  if (error && runs.length === 0) return <ErrorNote error={error} onRetry={refetch} />;
  if (runs.length === 0 && isFiltered) return <Empty title="No run matches these filters" />;
  if (runs.length === 0) {
    return (
      <Empty
        title="Nothing has run here yet"
        hint="Start a workflow from its page, or from a terminal:"
        cli={["start", "NAME", "--input", "{}"]}
      />
    );
  }
  return (
    <>
      {error && <ErrorNote error={error} onRetry={refetch} />}
      <VirtualRuns runs={runs} hasMore={hasNextPage} onMore={more} />
    </>
  );
}
