/** The newest runs of a workflow. */
import { Link } from "wouter";
import { paths } from "../../paths.ts";
import { Empty } from "../empty.tsx";
import { ErrorNote } from "../error-note.tsx";
import { Loading } from "../loading.tsx";
import { RunList } from "../runs/run-list.tsx";
import { useRuns } from "../runs/search.ts";

const RUNS_SHOWN = 25;

export function Runs({ definitionId }: { readonly definitionId: string }) {
  const filters = { workflow: definitionId };
  const { data, error, isPending, refetch } = useRuns(filters, RUNS_SHOWN);
  if (isPending) return <Loading rows={8} />;
  if (data === undefined) return <ErrorNote error={error} onRetry={refetch} />;
  if (data.runs.length === 0) {
    return <Empty title="It has not run yet" hint="Start it here, or from a terminal." />;
  }
  return (
    <>
      <RunList label="Runs of this workflow" runs={data.runs} />
      <p className="below">
        <Link href={paths.runsWith(filters)}>All its runs</Link>
      </p>
    </>
  );
}
