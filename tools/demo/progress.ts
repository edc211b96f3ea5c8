/**
 * Where a run and its steps stand, kept up to date from lifecycle events.
 *
 * Boundary: no I/O; the latest event about a step holds, in the order of the stream.
 */
import type { DescEnum } from "@bufbuild/protobuf";
import { type Timestamp, timestampMs } from "@bufbuild/protobuf/wkt";
import {
  type StepDefinition,
  type StepRun,
  StepRunStateSchema,
  type WorkflowRun,
  WorkflowStateSchema,
  type WorkflowVersion,
} from "../../gen/workflows/v1/workflows_pb.ts";
import type { LifecycleEvent } from "./lifecycle.ts";
import { explainStep } from "./step-text.ts";

/** One line of a table: a run or a step. */
export interface Row {
  readonly name: string;
  readonly state: string;
  /** From its start to its end, or to now; undefined before its start. */
  readonly durationMs: number | undefined;
  readonly costUsd: number;
  readonly note: string;
}

/** A run as the events show it. */
export interface Progress {
  /** The run's id; empty until it started. */
  readonly runId: string;
  /** Takes an event; returns what moved, undefined for an event about another run. */
  apply(event: LifecycleEvent): Row | undefined;
  /** A row for the run and each step that it can have, in the version's order. */
  rows(): Row[];
}

/** Follows the first run of a version that starts. */
export function followRun(version: WorkflowVersion): Progress {
  const definitions = new Map(version.steps.map((step) => [step.id, step]));
  const compensations = new Set(version.steps.map((step) => step.compensationStepId));
  const steps = new Map<string, StepRun>();
  let run: WorkflowRun | undefined;
  return {
    get runId() {
      return run?.id ?? "";
    },
    apply({ kind, data }) {
      if (kind === "run") {
        if (data.run === undefined || data.run.definitionId !== version.definitionId)
          return undefined;
        if (run !== undefined && run.id !== data.run.id) return undefined;
        run = data.run;
        return runRow(run, explainRun(data.operation, run));
      }
      const { step } = data;
      const definition = definitions.get(step?.stepId ?? "");
      if (step === undefined || definition === undefined || data.runId !== run?.id)
        return undefined;
      steps.set(step.stepId, step);
      return stepRow(definition, step, data.operation);
    },
    rows() {
      const rows = version.steps
        .filter(({ id }) => steps.has(id) || !compensations.has(id))
        .map((definition) => stepRow(definition, steps.get(definition.id)));
      return run === undefined ? rows : [runRow(run, ""), ...rows];
    },
  };
}

/** A row for the run and each of its steps, as GetRun returns them. */
export function rowsOfRun(run: WorkflowRun, version: WorkflowVersion): Row[] {
  const definitions = new Map(version.steps.map((step) => [step.id, step]));
  return [
    runRow(run, ""),
    ...run.steps.flatMap((step) => {
      const definition = definitions.get(step.stepId);
      return definition === undefined ? [] : [stepRow(definition, step)];
    }),
  ];
}

function runRow(run: WorkflowRun, note: string): Row {
  return {
    name: "run",
    state: nameOf(WorkflowStateSchema, run.state),
    durationMs: durationOf(run.startedAt, run.completedAt),
    costUsd: run.totalCostUsd,
    note,
  };
}

function stepRow(definition: StepDefinition, step: StepRun | undefined, operation = ""): Row {
  if (step === undefined) {
    const state = "PENDING";
    return { name: definition.id, state, durationMs: undefined, costUsd: 0, note: "" };
  }
  const isRetry = operation === "retrying";
  return {
    name: step.stepId,
    state: nameOf(StepRunStateSchema, step.state),
    durationMs: durationOf(step.startedAt, step.completedAt),
    costUsd: step.costUsd,
    note: isRetry ? `will try again: ${step.errorMessage}` : explainStep(definition, step),
  };
}

function explainRun(operation: string, run: WorkflowRun): string {
  switch (operation) {
    case "started":
      return `${run.id}, started by event ${run.triggerEventId}`;
    case "compensate":
      return "compensates what it did";
    case "compensated":
      return "has compensated what it did";
  }
  return "";
}

function durationOf(from: Timestamp | undefined, to: Timestamp | undefined): number | undefined {
  if (from === undefined) return undefined;
  return Math.max(0, (to === undefined ? Date.now() : timestampMs(to)) - timestampMs(from));
}

/** A state by its short name, such as `RUNNING`. */
export function nameOf(schema: DescEnum, state: number): string {
  return schema.value[state]?.localName ?? `state ${state}`;
}
