/** Statements of callers' reads by an id (store/reads/), as far as answers of calls that write need them. */
import type { RunRow, StepRow } from "./rows.ts";
import { by, type ModelStatements } from "./statement.ts";
import type { Stored } from "./tables.ts";

const ERROR_CHARS = 4_096;

/** See the file's head. */
export const answerStatements: ModelStatements = {
  find_definition_heads: ({ tx, tables }, [ids]: [string[]]) =>
    ids
      .flatMap((id) => tx.get(tables.definitions, id) ?? [])
      .map(({ id, workspaceId, latestVersion, latestVersionId }) => ({
        ...{ id, workspaceId, latestVersion, latestVersionId, inputSchemaJson: null },
        // No world archives or pauses a workflow.
        ...{ isArchived: null, pauseReason: null },
      })),
  find_run_head: ({ tx, tables }, [id]: [string]) => {
    const run = tx.get(tables.runs, id);
    if (run === undefined) return [];
    const { workspaceId, versionId, hops, environment } = run;
    return [{ workspaceId, versionId, hops, environment }];
  },
  // Prepared by the builder. In the model all payloads fit.
  find_run_rows: ({ tx, tables }, [{ runIds }]: [{ runIds: string[] }]) =>
    [...new Set(runIds)].sort().flatMap((id) => {
      const run = tx.get(tables.runs, id);
      if (run === undefined) return [];
      const steps = [...tx.rows(tables.steps)]
        .filter(({ runId }) => runId === id)
        .sort(by(({ stepIndex }) => stepIndex));
      if (steps.length === 0) return [shown(run, undefined, 0)];
      return steps.map((step, place) => shown(run, step, place));
    }),
};

function shown(run: Stored<RunRow>, step: Stored<StepRow> | undefined, place: number) {
  const { xmin: _, inputPayload, ...ofRun } = run;
  const rest = { run: ofRun, runInput: place === 0 ? inputPayload : null, fits: true };
  if (step === undefined) {
    const none = { stepInput: null, stepOutput: null, detail: null, errorMessage: null };
    return { ...rest, ...none, step: null, hasInput: false, hasOutput: false };
  }
  const { xmin: __, input, output, detail, errorMessage, ...ofStep } = step;
  return {
    ...{ ...rest, step: ofStep, stepInput: input, stepOutput: output, detail },
    ...{ hasInput: input !== null, hasOutput: output !== null },
    errorMessage: cut(errorMessage),
  };
}

function cut(text: string | null): string | null {
  if (text === null || text.length <= ERROR_CHARS) return text;
  return `${text.slice(0, ERROR_CHARS - 1)}…`;
}
