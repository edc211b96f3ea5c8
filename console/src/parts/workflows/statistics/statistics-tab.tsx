/** How the runs of a workflow went within the last days: by day, by outcome, how long, what they cost and where they fail. */
import type { ReactNode } from "react";
import { Link } from "wouter";
import type {
  FailingStep,
  GetStatsResponse,
} from "../../../../../gen/workflows/ops/v1/workflow_stats_pb.ts";
import type { Workflow } from "../../../../../gen/workflows/ops/v1/workflows_pb.ts";
import { useCall } from "../../../api/queries.ts";
import { dateOf, lengthWords } from "../../../api/times.ts";
import { paths } from "../../../paths.ts";
import { CliLine } from "../../cli-line.tsx";
import { Empty } from "../../empty.tsx";
import { ErrorNote } from "../../error-note.tsx";
import { Loading } from "../../loading.tsx";
import { costWords } from "../../money.ts";
import { PlainText } from "../../plain-text.tsx";
import { useNow } from "../../relative-time.tsx";
import { useSearchParam } from "../../search-param.ts";
import { absoluteWords, useZone } from "../../zone.tsx";
import { OutcomeBadge, rateWords } from "../metrics.tsx";
import { DayBars } from "./day-bars.tsx";
import { chartDays } from "./days.ts";
import "./statistics.css";

const WINDOWS = ["7", "30", "90"];
const USUAL = "30";
const EVERY_MS = 30_000;

export function StatisticsTab({ workflow }: { readonly workflow: Workflow }) {
  const [chosen, choose] = useSearchParam("days");
  const days = WINDOWS.includes(chosen) ? chosen : USUAL;
  const { id: definitionId = "", name = "" } = workflow.definition ?? {};
  const found = useCall(
    ["stats", definitionId, days],
    ({ sources }, options) => sources.getStats({ definitionId, days: Number(days) }, options),
    { everyMs: EVERY_MS, isKept: true },
  );
  return (
    <section aria-label="Statistics" className="statistics">
      <div className="version-row">
        <fieldset className="chips">
          <legend className="spoken">How many days</legend>
          {WINDOWS.map((count) => (
            <button
              type="button"
              key={count}
              className="chip"
              data-tone="info"
              aria-pressed={count === days}
              onClick={() => choose(count === USUAL ? "" : count)}
            >
              {count} days
            </button>
          ))}
        </fieldset>
        <CliLine args={["stats", name, ...(days === USUAL ? [] : ["--days", days])]} />
      </div>
      {found.data === undefined ? (
        found.isPending ? (
          <Loading rows={8} />
        ) : (
          <ErrorNote error={found.error} onRetry={found.refetch} />
        )
      ) : (
        <Numbers stats={found.data} definitionId={definitionId} name={name} />
      )}
    </section>
  );
}

function Numbers({
  stats,
  definitionId,
  name,
}: {
  readonly stats: GetStatsResponse;
  readonly definitionId: string;
  readonly name: string;
}) {
  const { zone } = useZone();
  const nowMs = useNow();
  const { started, ended, successRate, p50Seconds, p95Seconds, costUsd, failingSteps } = stats;
  const counted = dateOf(stats.countedSince);
  const since = dateOf(stats.since);
  const endedCount = ended.reduce((sum, { runs }) => sum + Number(runs), 0);
  if (Number(started) + endedCount === 0) {
    return (
      <Empty
        title="No run has started or ended in these days"
        hint="Start one:"
        cli={["start", name]}
      />
    );
  }
  return (
    <>
      <dl className="stat-tiles">
        <Tile name="Runs started">{String(started)}</Tile>
        <Tile name="Succeeded">{rateWords(successRate)}</Tile>
        <Tile name="Half took at most">{secondsWords(p50Seconds)}</Tile>
        <Tile name="95 of 100 took at most">{secondsWords(p95Seconds)}</Tile>
        <Tile name="Cost">{costWords(costUsd)}</Tile>
      </dl>
      {since !== undefined && (
        <div className="card card-body">
          <DayBars days={chartDays(stats.days, since.getTime(), nowMs)} />
        </div>
      )}
      <div className="stat-columns">
        <section className="card" aria-label="How runs ended">
          <div className="card-head">
            <h2>How runs ended</h2>
          </div>
          <ul className="card-body stat-list">
            {ended.map(({ outcome, runs }) => (
              <li key={outcome}>
                <OutcomeBadge outcome={outcome} />
                <span className="number">{String(runs)}</span>
              </li>
            ))}
            {ended.length === 0 && <li className="muted">None has ended yet.</li>}
          </ul>
        </section>
        <Failing steps={failingSteps} definitionId={definitionId} />
      </div>
      {counted !== undefined && since !== undefined && counted > since && (
        <p className="muted">
          Runs are counted since {absoluteWords(counted, zone)}. What was before is in no count.
        </p>
      )}
    </>
  );
}

function Tile({ name, children }: { readonly name: string; readonly children: ReactNode }) {
  return (
    <div className="card card-body">
      <dt>{name}</dt>
      <dd>{children}</dd>
    </div>
  );
}

function Failing({
  steps,
  definitionId,
}: {
  readonly steps: readonly FailingStep[];
  readonly definitionId: string;
}) {
  const most = Math.max(1, ...steps.map(({ runs }) => Number(runs)));
  return (
    <section className="card" aria-label="Where runs fail">
      <div className="card-head">
        <h2>Where runs fail</h2>
        {steps.length > 0 && (
          <Link href={paths.runsWith({ workflow: definitionId, outcome: "failed,timed-out" })}>
            The runs
          </Link>
        )}
      </div>
      <ul className="card-body stat-list">
        {steps.map(({ stepId, runs }) => (
          <li key={stepId}>
            <code>
              <PlainText most={200}>{stepId}</PlainText>
            </code>
            <span className="stat-share" data-tone="bad" aria-hidden="true">
              <span style={{ inlineSize: `${(Number(runs) / most) * 100}%` }} />
            </span>
            <span className="number">{String(runs)}</span>
          </li>
        ))}
        {steps.length === 0 && <li className="muted">No step has failed a run.</li>}
      </ul>
    </section>
  );
}

const MS_A_SECOND = 1_000;

function secondsWords(seconds: number | undefined): string {
  return seconds === undefined ? "–" : lengthWords(seconds * MS_A_SECOND);
}
