/** Statements of the standing loops: timers, sweeps, steps long in flight, child targets. */
import type { RunRow, StepRow } from "./rows.ts";
import { stepKey } from "./rows.ts";
import { type At, by, type ModelStatements, zip } from "./statement.ts";

/** See the file's head. */
export const dueStatements: ModelStatements = {
  find_due: findDue,
  find_next_due: findNextDue,
  find_unfinished_runs: ({ tx, tables }, [limit]: [number]) =>
    [...tx.rows(tables.runs)]
      .filter(({ continueAt }) => continueAt !== null && continueAt.getTime() <= tx.beganAtMs)
      .sort(by(({ continueAt }) => continueAt?.getTime() ?? 0))
      .slice(0, limit)
      .map(({ id: runId, workspaceId }) => ({ runId, workspaceId })),
  list_missed_reports: listMissedReports,
  list_open_waits: listOpenWaits,
  find_unreported_steps: findUnreported,
  claim_checks: claimChecks,
  find_child_target(
    { tx, tables },
    [workspaceId, id, name, wanted]: [string, string, string, number],
  ) {
    const target = [...tx.rows(tables.definitions)].find(
      (row) => row.workspaceId === workspaceId && (id === "" ? row.name === name : row.id === id),
    );
    if (target === undefined) return [];
    const { id: definitionId, latestVersion } = target;
    const number = wanted === 0 ? latestVersion : wanted;
    const version = [...tx.rows(tables.versions)].find(
      (row) => row.definitionId === definitionId && row.version === number,
    );
    const none = { versionId: null, version: null, trigger: null };
    const found = version && { versionId: version.id, version: number, trigger: version.trigger };
    // No world archives a workflow.
    return [{ definitionId, latestVersion, ...none, ...found, isArchived: null }];
  },
};

function findDue(
  { tx, tables }: At,
  [limit, ids, indexes, times]: [number, string[], (number | null)[], Date[]],
) {
  const nowMs = tx.beganAtMs;
  const without = new Set(
    zip(ids, indexes, times).map(([id, index, at]) => `${id}/${index}/${at.getTime()}`),
  );
  const isOver = (at: Date | null): at is Date => at !== null && at.getTime() <= nowMs;
  const steps = [...tx.rows(tables.steps)].flatMap((step) => {
    const { runId, workspaceId, stepIndex, dueAt } = step;
    if (!isOver(dueAt) || without.has(`${runId}/${stepIndex}/${dueAt.getTime()}`)) return [];
    return [{ runId, workspaceId, stepIndex, dueAt, laterAt: laterOf(step, dueAt, nowMs) }];
  });
  const runs = [...tx.rows(tables.runs)].flatMap((run) => {
    const { id: runId, workspaceId, deadlineAt: dueAt, completedAt, state } = run;
    if (!isOver(dueAt) || completedAt !== null || state === "COMPENSATING") return [];
    if (without.has(`${runId}/null/${dueAt.getTime()}`)) return [];
    return [{ runId, workspaceId, stepIndex: null, dueAt, laterAt: null }];
  });
  const byTime = by<{ dueAt: Date }>(({ dueAt }) => dueAt.getTime());
  return [...steps.sort(byTime).slice(0, limit), ...runs.sort(byTime).slice(0, limit)];
}

function findNextDue({ tx, tables }: At, [horizonMs]: [number]) {
  const first = (times: readonly (Date | null)[]) => {
    const inMs = times.map((at) => (at?.getTime() ?? Number.POSITIVE_INFINITY) - tx.beganAtMs);
    const soonest = Math.min(...inMs);
    return soonest <= horizonMs ? soonest : null;
  };
  const runs = [...tx.rows(tables.runs)];
  const open = runs.filter(({ completedAt, state }) => {
    return completedAt === null && state !== "COMPENSATING";
  });
  const steps = [...tx.rows(tables.steps)];
  return [
    {
      timers: first([...steps.map(({ dueAt }) => dueAt), ...open.map((run) => run.deadlineAt)]),
      schedules: first([...tx.rows(tables.schedules)].map(({ nextAt }) => nextAt)),
      runs: first(runs.map(({ continueAt }) => continueAt)),
      // No world pauses a definition.
      missed: null,
      // No world limits a workflow.
      waiting: null,
    },
  ];
}

function laterOf({ timeoutAt, wakeAt }: StepRow, dueAt: Date, nowMs: number): Date | null {
  if (timeoutAt === null || wakeAt === null || timeoutAt.getTime() === wakeAt.getTime())
    return null;
  const later = timeoutAt > wakeAt ? timeoutAt : wakeAt;
  return later >= dueAt && later.getTime() <= nowMs ? later : null;
}

function listMissedReports(
  { tx, tables }: At,
  [after, ageSeconds, limit]: [number, number, number],
) {
  const page = [...tx.rows(tables.early)]
    .filter(
      ({ seq, arrivedAt }) => seq > after && arrivedAt.getTime() > tx.beganAtMs - ageSeconds * 1000,
    )
    .sort(by(({ seq }) => seq))
    .slice(0, limit);
  const head = { last: page.at(-1)?.seq ?? null, rows: page.length };
  const found = new Map<string, object>();
  for (const { workspaceId, objectId: id } of page) {
    for (const step of tx.rows(tables.steps)) {
      const { objectiveId, delegationId, approvalRequestId, ticketIds } = step;
      const knows = [objectiveId, delegationId, approvalRequestId, ...(ticketIds ?? [])].includes(
        id,
      );
      const isThere = step.completedAt === null || step.detail?.leftOpen?.includes(id) === true;
      if (!knows || step.workspaceId !== workspaceId || !isThere) continue;
      const { runId, stepIndex } = step;
      found.set(`${stepKey(step)}/${id}`, { ...head, runId, workspaceId, stepIndex, id });
    }
  }
  const none = { runId: null, workspaceId: null, stepIndex: null, id: null };
  return found.size === 0 ? [{ ...head, ...none }] : [...found.values()];
}

/** In the order of run and step, where Postgres goes by a hash first: only whole walks are the same. */
function listOpenWaits(
  { tx, tables }: At,
  [afterStart, afterRun, afterStep, ageSeconds, limit]: [Date, string, number, number, number],
) {
  const afterMs = afterStart.getTime();
  return [...tx.rows(tables.steps)]
    .filter(({ waitKey, startedAt }) => {
      return waitKey !== null && startedAt.getTime() > tx.beganAtMs - ageSeconds * 1000;
    })
    .filter(({ startedAt, runId, stepIndex }) => {
      const startedMs = startedAt.getTime();
      if (startedMs !== afterMs) return startedMs > afterMs;
      return runId > afterRun || (runId === afterRun && stepIndex > afterStep);
    })
    .sort(
      by(
        (step) => step.startedAt.getTime(),
        (step) => step.runId,
        (step) => step.stepIndex,
      ),
    )
    .slice(0, limit)
    .map(({ startedAt, runId, workspaceId, stepIndex, waitEquals, detail }) => ({
      ...{ startedAt, runId, workspaceId, stepIndex, detail },
      equals: waitEquals ?? "",
      runCreatedAt: tx.get(tables.runs, runId)?.createdAt,
    }));
}

/** Since when a step has no report; undefined where none is awaited. */
function unreportedSince(step: StepRow): number | undefined {
  const { objectiveId, delegationId, approvalRequestId, ticketIds, checkedAt, startedAt } = step;
  if (step.completedAt !== null) return undefined;
  const sinceMs = (checkedAt ?? startedAt).getTime();
  const leftOpen = step.detail?.leftOpen ?? [];
  const isTicket = ticketIds?.some((id) => !leftOpen.includes(id)) ?? false;
  if (isTicket || (objectiveId ?? delegationId ?? approvalRequestId) !== null) return sinceMs;
  const taskSinceMs = step.detail?.task?.sinceMs;
  return taskSinceMs === undefined ? undefined : Math.max(sinceMs, taskSinceMs);
}

function isUnreported(step: StepRow, beforeMs: number): boolean {
  const sinceMs = unreportedSince(step);
  return sinceMs !== undefined && sinceMs <= beforeMs;
}

function findUnreported({ tx, tables }: At, [version, run, quietMs]: [string, string, number]) {
  const isAfter = ({ versionId, id }: RunRow) =>
    versionId > version || (versionId === version && id > run);
  const page = [...tx.rows(tables.runs)]
    .filter((each) => each.completedAt === null && isAfter(each))
    .sort(
      by(
        (each) => each.versionId,
        (each) => each.id,
      ),
    );
  const last = page.at(-1);
  if (last === undefined) return [];
  const open = new Set(page.map(({ id }) => id));
  const beforeMs = tx.beganAtMs - quietMs;
  const ofPage = [...tx.rows(tables.steps)].filter((step) => open.has(step.runId));
  const later = ofPage.flatMap((step) => {
    const sinceMs = unreportedSince(step);
    return sinceMs === undefined || sinceMs <= beforeMs ? [] : [sinceMs - beforeMs];
  });
  const moreInMs = later.length === 0 ? null : Math.min(...later);
  const { versionId, id: lastRunId } = last;
  const place = { versionId, lastRunId, isLast: true, moreInMs };
  const steps = ofPage.filter((step) => isUnreported(step, beforeMs));
  if (steps.length === 0) return [{ ...place, runId: null, stepIndex: null }];
  return steps.map(({ runId, stepIndex }) => ({ ...place, runId, stepIndex }));
}

function claimChecks(
  { tx, tables, now }: At,
  [runIds, indexes, quietMs]: [string[], number[], number],
) {
  return zip(runIds, indexes).flatMap(([runId, stepIndex]) => {
    const key = stepKey({ runId, stepIndex });
    const step = tx.get(tables.steps, key);
    if (step === undefined || !isUnreported(step, tx.beganAtMs - quietMs)) return [];
    if (!tx.tryLock(tables.steps, key)) return [];
    tx.put(tables.steps, key, { ...step, checkedAt: now });
    const { workspaceId, state, objectiveId, delegationId } = step;
    return [
      {
        ...{ runId, stepIndex, workspaceId, state },
        objectiveId: objectiveId ?? "",
        delegationId: delegationId ?? "",
        approvalRequestIds: openRequests(step),
        isTask: step.detail?.task !== undefined,
        attempt: step.retryCount + 1,
      },
    ];
  });
}

function openRequests({ detail, approvalRequestId }: StepRow): string[] {
  const tickets = detail?.approvals ?? [];
  const open = tickets
    .filter(({ requestId, decision }) => requestId !== "" && ["", "escalated"].includes(decision))
    .map(({ requestId }) => requestId);
  const isTicket = tickets.some(({ requestId }) => requestId === approvalRequestId);
  return approvalRequestId === null || isTicket ? open : [...open, approvalRequestId];
}
