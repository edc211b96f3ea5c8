/**
 * How each turn of the story must end.
 *
 * Boundary: compares the answer of GetRun with what was expected; pure.
 */
import type { DescEnum } from "@bufbuild/protobuf";
import {
  StepRunStateSchema,
  type WorkflowRun,
  WorkflowStateSchema,
} from "../../gen/workflows/v1/workflows_pb.ts";
import type { SalesOptions } from "../../src/sandbox/scripts/sales.ts";

/** An expected end. */
export interface Ending {
  /** What is about to be shown, a sentence. */
  readonly title: string;
  readonly runState: string;
  /** State by step id: all steps that the run must have. */
  readonly stepStates: Readonly<Record<string, string>>;
  readonly totalCostUsd: number;
  /** Failed attempts of `send-outreach` that were tried again. */
  readonly outreachRetries: number;
}

const BEFORE_APPROVAL = {
  "research-company": "COMPLETED",
  "qualify-lead": "COMPLETED",
  "check-policy": "COMPLETED",
  "deal-size": "COMPLETED",
  "manager-approval": "COMPLETED",
};

const APPROVED: Ending = {
  title: "A new lead: research, approval, mail, and the reply.",
  runState: "COMPLETED",
  stepStates: {
    ...BEFORE_APPROVAL,
    "send-outreach": "COMPLETED",
    "notify-team": "COMPLETED",
    "await-reply": "COMPLETED",
    "notify-refused": "SKIPPED",
  },
  totalCostUsd: 0.0726,
  outreachRetries: 0,
};

const DENIED: Ending = {
  title: "A new lead that the manager refuses: no mail is sent.",
  runState: "COMPLETED",
  stepStates: {
    ...BEFORE_APPROVAL,
    "send-outreach": "SKIPPED",
    "notify-team": "SKIPPED",
    "await-reply": "SKIPPED",
    "notify-refused": "COMPLETED",
  },
  totalCostUsd: 0.0605,
  outreachRetries: 0,
};

const FAILED: Ending = {
  title: "A new lead whose mail cannot be sent: two retries, then the run is compensated.",
  runState: "FAILED",
  stepStates: {
    ...BEFORE_APPROVAL,
    "send-outreach": "FAILED",
    "notify-team": "CANCELLED",
    "await-reply": "CANCELLED",
    "notify-refused": "SKIPPED",
    "report-failed-outreach": "COMPLETED",
  },
  totalCostUsd: 0.0605,
  outreachRetries: 2,
};

/** The end that the options lead to. */
export function endingOf({ deny, fail }: SalesOptions): Ending {
  if (deny) return DENIED;
  return fail ? FAILED : APPROVED;
}

/** What is not as expected, a sentence each; empty when all is. */
export function findDifferences(run: WorkflowRun, ending: Ending): string[] {
  const differences: string[] = [];
  const compare = (what: string, found: string | number, wanted: string | number): void => {
    if (found !== wanted) differences.push(`${what} is ${found}, expected ${wanted}`);
  };
  compare("the run", nameOf(WorkflowStateSchema, run.state), ending.runState);
  compare("the total cost in USD", run.totalCostUsd, ending.totalCostUsd);
  const found = new Map(run.steps.map((step) => [step.stepId, step]));
  for (const [id, wanted] of Object.entries(ending.stepStates)) {
    const step = found.get(id);
    compare(id, step === undefined ? "missing" : nameOf(StepRunStateSchema, step.state), wanted);
  }
  for (const id of found.keys()) {
    if (!Object.hasOwn(ending.stepStates, id)) differences.push(`there is a step ${id}`);
  }
  const outreach = found.get("send-outreach");
  compare("retries of send-outreach", outreach?.retryCount ?? 0, ending.outreachRetries);
  return differences;
}

/** A state by its short name, such as `RUNNING`. */
function nameOf(schema: DescEnum, state: number): string {
  return schema.value[state]?.localName ?? `state ${state}`;
}
