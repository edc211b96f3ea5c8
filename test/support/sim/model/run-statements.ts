/** Statements with which a batch reads and locks: lock-runs.ts, load-rows.ts, child-runs.ts, run-starts.ts of the store. */
import { COMPENSABLE } from "../../../../src/engine/values/child-run.ts";
import type { ChildRow } from "./rows.ts";
import { type At, by, type ModelStatements, zip } from "./statement.ts";

interface WantedSet {
  readonly run: string;
  readonly kind: "one" | "attempt" | "next" | "open" | "compensable";
  readonly step: number;
  readonly attempt: number;
  readonly child: number;
  readonly limit: number;
}

const RUN_INPUT = -1;
const STARTS = { name: "advisory" };

/** See the file's head. */
export const runStatements: ModelStatements = {
  read_runs: readRuns,
  lock_runs: lockRuns,
  load_rows: ({ tx, tables }, [runIds, indexes]: [string[], number[]]) =>
    zip(runIds, indexes).map(([runId, index]) => ({
      ...stepOf({ tx, tables }, runId, index),
      wantedRunId: runId,
      wantedIndex: index,
      isLoaded: true,
      runInput: index === RUN_INPUT ? (tx.get(tables.runs, runId)?.inputPayload ?? null) : null,
    })),
  load_small_rows: ({ tx, tables }, [runIds, indexes]: [string[], number[]]) =>
    zip(runIds, indexes).map(([runId, index]) => ({
      ...stepOf({ tx, tables }, runId, index),
      wantedRunId: runId,
      wantedIndex: index,
      runInput: index === RUN_INPUT ? (tx.get(tables.runs, runId)?.inputPayload ?? null) : null,
      runInputTooLarge: index === RUN_INPUT ? false : null,
      inputTooLarge: false,
      outputTooLarge: false,
    })),
  load_children: loadChildren,
  find_child_ids: ({ tx, tables }, [runIds, steps, attempts]: [string[], number[], number[]]) =>
    zip(runIds, steps, attempts)
      .flatMap(([runId, step, attempt]) =>
        [...tx.rows(tables.children)].filter(
          (row) => row.runId === runId && row.stepIndex === step && row.attempt === attempt,
        ),
      )
      .filter((row) => row.childRunId !== null)
      .sort(
        by(
          (row) => row.runId,
          (row) => row.stepIndex,
          (row) => row.childIndex,
        ),
      )
      .map(({ runId, stepIndex, childRunId: id }) => ({ runId, stepIndex, id })),
  lock_starts: ({ tx }, [definitionIds, eventIds]: [string[], string[]]) =>
    distinct(zip(definitionIds, eventIds))
      .filter(([definitionId, eventId]) => tx.tryLock(STARTS, `${definitionId}|${eventId}`))
      .map(([definitionId, eventId]) => ({ definitionId, eventId })),
  find_starts: ({ tx, tables }, [workspaceIds, eventIds]: [string[], string[]]) =>
    distinct(zip(workspaceIds, eventIds)).flatMap(([workspaceId, eventId]) =>
      [...tx.rows(tables.starts)]
        .filter((start) => start.workspaceId === workspaceId && start.eventId === eventId)
        .map(({ definitionId, source, runId }) => ({
          ...{ workspaceId, eventId, definitionId, source, runId },
        })),
    ),
};

function readRuns(
  { tx, tables, now }: At,
  [runIds, versions, stepRuns, steps, stepVersions, callIds]: [
    string[],
    string[],
    string[],
    number[],
    string[],
    string[],
  ],
) {
  const changed = new Set(
    zip(stepRuns, steps, stepVersions).flatMap(([runId, index, version]) => {
      const step = tx.get(tables.steps, `${runId}/${index}`);
      return step === undefined || step.xmin === version ? [] : [runId];
    }),
  );
  const openCalls = callIds.filter((id) => tx.get(tables.effects, id) !== undefined);
  const found = zip(runIds, versions).flatMap(([id, version]) => {
    const row = tx.get(tables.runs, id);
    return row === undefined ? [] : [{ row, version }];
  });
  const nowMs = now.getTime();
  if (found.length === 0) return [{ nowMs, runId: null, id: null, openCalls }];
  return found.map(({ row: { xmin, inputPayload: _, ...row }, version }, place) => ({
    ...(xmin === version && !changed.has(row.id) ? { id: null } : row),
    ...{ nowMs, runId: row.id, rowVersion: xmin },
    openCalls: place === 0 ? openCalls : null,
  }));
}

function lockRuns({ tx, tables }: At, [runIds]: [string[]]) {
  const ids = [...new Set(runIds)].sort().filter((id) => tx.get(tables.runs, id) !== undefined);
  return ids
    .filter((id) => tx.tryLock(tables.runs, id))
    .map((runId) => ({ runId, rowVersion: tx.get(tables.runs, runId)?.xmin }));
}

function stepOf({ tx, tables }: Pick<At, "tx" | "tables">, runId: string, index: number) {
  const found = tx.get(tables.steps, `${runId}/${index}`);
  if (found === undefined) return { runId: null };
  const { xmin, checkedAt: _, ...row } = found;
  return { ...row, rowVersion: xmin };
}

function loadChildren({ tx, tables }: At, [sets]: [string]) {
  const wanted: WantedSet[] = JSON.parse(sets);
  return wanted.flatMap((set) => {
    const up = [...tx.rows(tables.children)]
      .filter((row) => row.runId === set.run && row.stepIndex === set.step && isWanted(row, set))
      .sort(
        by(
          (row) => row.attempt,
          (row) => row.childIndex,
        ),
      );
    const ordered = set.kind === "compensable" ? up.reverse() : up;
    const isLimited = set.kind === "compensable" || set.kind === "next";
    return (isLimited ? ordered.slice(0, set.limit) : ordered).map(({ xmin: _, ...row }) => row);
  });
}

function isWanted(row: ChildRow, { kind, attempt, child }: WantedSet): boolean {
  switch (kind) {
    case "one":
      return row.attempt === attempt && row.childIndex === child;
    case "attempt":
      return row.attempt === attempt;
    case "next":
      return row.attempt === attempt && row.childIndex >= child;
    case "open":
      return row.state === "open";
    case "compensable":
      return (
        (row.attempt < attempt || (row.attempt === attempt && row.childIndex < child)) &&
        row.childIndex >= 0 &&
        COMPENSABLE.some((state) => state === row.state)
      );
  }
}

function distinct(pairs: readonly [string, string][]): [string, string][] {
  return [...new Map(pairs.map((pair) => [pair.join("|"), pair])).values()];
}
