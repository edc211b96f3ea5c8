/** Numbers of a workflow's runs in words. */
import { Ban, CircleCheck, CircleDashed, CirclePlay, CircleX, TimerOff, Undo2 } from "lucide-react";
import { Link } from "wouter";
import { RunOutcome } from "../../../../gen/workflows/ops/v1/runs_pb.ts";
import type { Metrics, RecentRun } from "../../../../gen/workflows/ops/v1/workflow_stats_pb.ts";
import { paths } from "../../paths.ts";
import { Badge } from "../badge.tsx";
import { RelativeTime } from "../relative-time.tsx";
import { type Look, lookOfRun } from "../state-badge.tsx";

const UNKNOWN: Look = { word: "Unknown", tone: "idle", icon: CircleDashed };
const OUTCOMES: Readonly<Record<RunOutcome, Look>> = {
  [RunOutcome.UNSPECIFIED]: { word: "Not ended", tone: "info", icon: CirclePlay },
  [RunOutcome.SUCCEEDED]: { word: "Succeeded", tone: "ok", icon: CircleCheck },
  [RunOutcome.FAILED]: { word: "Failed", tone: "bad", icon: CircleX },
  [RunOutcome.TIMED_OUT]: { word: "Timed out", tone: "bad", icon: TimerOff },
  [RunOutcome.CANCELLED]: { word: "Cancelled", tone: "idle", icon: Ban },
  [RunOutcome.COMPENSATED]: { word: "Undone", tone: "warn", icon: Undo2 },
  [RunOutcome.COMPENSATION_FAILED]: { word: "Undo failed", tone: "bad", icon: CircleX },
};

/** The look of an outcome; one that this page does not know is "Unknown". */
const lookOfOutcome = (outcome: RunOutcome): Look => OUTCOMES[outcome] ?? UNKNOWN;

export function OutcomeBadge({ outcome }: { readonly outcome: RunOutcome }) {
  const { word, tone, icon } = lookOfOutcome(outcome);
  return (
    <Badge tone={tone} icon={icon}>
      {word}
    </Badge>
  );
}

/** The newest runs as a strip, the newest at its end; below it how the run went that ended last, and when the last one started. */
export function LastRuns({ metrics }: { readonly metrics: Metrics | undefined }) {
  const { recentRuns = [], lastRunAt, lastRunOutcome = RunOutcome.UNSPECIFIED } = metrics ?? {};
  if (lastRunAt === undefined && recentRuns.length === 0) {
    return <span className="muted">none</span>;
  }
  const { word } = lookOfOutcome(lastRunOutcome);
  return (
    <span className="workflow-status">
      <span className="strip">
        {recentRuns.toReversed().map((run) => (
          <StripRun key={run.runId} run={run} />
        ))}
      </span>
      <span className="muted">
        {lastRunOutcome !== RunOutcome.UNSPECIFIED && `${word}, `}
        <RelativeTime at={lastRunAt ?? recentRuns[0]?.createdAt} />
      </span>
    </span>
  );
}

function StripRun({ run: { runId, state } }: { readonly run: RecentRun }) {
  const { word, tone, icon: Icon } = lookOfRun(state);
  return (
    <Link href={paths.run(runId)} data-tone={tone} title={`${word}: ${runId}`}>
      <Icon size={13} aria-hidden="true" />
      <span className="spoken">{`${word} run ${runId}`}</span>
    </Link>
  );
}

/** From 0 to 1 as `98 %`; where nothing has ended, a dash. */
export function rateWords(rate: number | undefined): string {
  if (rate === undefined) return "–";
  const percent = rate * 100;
  // What is not all is not shown as all, and what is not none not as none.
  if (percent > 99 && percent < 100) return `${Math.min(99.9, Math.round(percent * 10) / 10)} %`;
  if (percent > 0 && percent < 1) return "under 1 %";
  return `${Math.round(percent)} %`;
}
