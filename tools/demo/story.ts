/**
 * The story: publish the sales process, let a contact appear, watch the run, look at what is left.
 *
 * Boundary: uses the service as any client does, by RPC and by the bus. Nothing is polled: the run is
 * watched by its lifecycle events and read once, at the end.
 *
 * Invariant: it takes 120 s at most, then it rejects.
 */
import type { Client } from "@connectrpc/connect";
import type {
  WorkflowRun,
  WorkflowService,
  WorkflowVersion,
} from "../../gen/workflows/v1/workflows_pb.ts";
import type { Sandbox } from "../../src/sandbox/sandbox.ts";
import { publishTapEvent } from "../../src/sandbox/tap.ts";
import { type Ending, findDifferences, isLast } from "./ending.ts";
import { reportEvents } from "./event-report.ts";
import { openLifecycle, readLifecycle } from "./lifecycle.ts";
import { followRun, rowsOfRun } from "./progress.ts";
import type { Researchers } from "./researchers.ts";
import { contactCreated, DANA, publishSalesProcess, WORKSPACE_ID } from "./sales-process.ts";
import { renderTable, type Screen } from "./screen.ts";
import { requireUntilAborted } from "./until-aborted.ts";

/** What the story needs. */
export interface StoryStage {
  readonly sandbox: Sandbox;
  readonly workflows: Client<typeof WorkflowService>;
  readonly screen: Screen;
  /** Where the research is a task of workers. */
  readonly researchers: Researchers | undefined;
  /** Ends the story early, with its reason. */
  readonly signal: AbortSignal;
}

/** The run at its end, and what of it is not as expected. */
export interface StoryEnd {
  readonly run: WorkflowRun;
  readonly differences: readonly string[];
}

const TIMEOUT_MS = 120_000;

/** Tells the story on the screen. Rejects when it does not end. */
export async function tellStory(stage: StoryStage, ending: Ending): Promise<StoryEnd> {
  const timeout = new AbortController();
  const timer = setTimeout(
    () => timeout.abort(new Error(`the story did not end within ${TIMEOUT_MS / 1000} s`)),
    TIMEOUT_MS,
  );
  const signal = AbortSignal.any([stage.signal, timeout.signal]);
  try {
    return await requireUntilAborted(play({ ...stage, signal }, ending), signal);
  } finally {
    clearTimeout(timer);
    stage.screen.stopTable();
  }
}

async function play(stage: StoryStage, ending: Ending): Promise<StoryEnd> {
  const { sandbox, workflows, screen, researchers, signal } = stage;
  const version = await publishSalesProcess(workflows, researchers !== undefined);
  screen.print(
    "",
    screen.paint("bold", ending.title),
    `  definition ${version.definitionId}, version ${version.version}: ${version.steps.length} steps, ${version.edges.length} edges`,
  );
  const runId = await watchRun(stage, version, ending);
  signal.throwIfAborted();
  const { run } = await workflows.getRun({ id: runId });
  if (run === undefined) throw new Error(`GetRun answered without the run ${runId}`);
  const report = await reportEvents(sandbox.bus.connection, sandbox.ledgers);
  signal.throwIfAborted();
  const differences = [
    ...findDifferences(run, ending),
    ...(researchers?.findDifferences(run) ?? []),
  ];
  screen.print(
    "",
    ...renderTable(rowsOfRun(run, version), screen.paint),
    "",
    ...describeResult(run),
    "",
    ...report,
    "",
    ...describeVerdict(screen, ending, differences),
  );
  return { run, differences };
}

/** Lets the contact appear and shows every move of its run; gives the run's id at its end. */
async function watchRun(
  { sandbox, screen, signal }: StoryStage,
  version: WorkflowVersion,
  ending: Ending,
): Promise<string> {
  const progress = followRun(version);
  const messages = await openLifecycle(sandbox.bus.connection);
  const close = (): void => void messages.close();
  signal.addEventListener("abort", close);
  try {
    const contact = contactCreated(DANA, WORKSPACE_ID);
    screen.startTable(() => progress.rows());
    await publishTapEvent(sandbox.bus.connection, contact);
    screen.printRemark(
      `hubspot tells the bus of a new contact: ${DANA.firstName} ${DANA.lastName}, ${DANA.company}`,
    );
    for await (const event of readLifecycle(messages)) {
      const row = progress.apply(event);
      if (row !== undefined) screen.printMove(row);
      if (event.kind === "run" && row !== undefined && isLast(event.data.operation, ending)) {
        return progress.runId;
      }
    }
    throw new Error("the lifecycle events ended before the run did");
  } finally {
    signal.removeEventListener("abort", close);
    screen.stopTable();
    await messages.close();
  }
}

function describeResult(run: WorkflowRun): string[] {
  const output = run.outputPayload === undefined ? "none" : JSON.stringify(run.outputPayload);
  return [`Total cost  ${run.totalCostUsd.toFixed(4)} USD`, `Output      ${output}`];
}

function describeVerdict(screen: Screen, ending: Ending, differences: readonly string[]): string[] {
  if (differences.length === 0) {
    return [
      screen.paint(
        "green",
        `The run ended as this story must: ${ending.runState}, last event run.${ending.lastOperation}.`,
      ),
    ];
  }
  return [
    screen.paint("red", "The run did not end as it must:"),
    ...differences.map((difference) => `  ${difference}`),
  ];
}
