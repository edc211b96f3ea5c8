/**
 * The story: publish the sales process, let a contact appear, watch the run, look at what is left.
 *
 * Boundary: uses the service as a reader does afterwards, by commands that the screen shows.
 *
 * Invariant: it takes 120 s at most, then it rejects.
 */
import { setTimeout as delay } from "node:timers/promises";
import type { Client } from "@connectrpc/connect";
import type {
  WorkflowRun,
  WorkflowService,
  WorkflowVersion,
} from "../../gen/workflows/v1/workflows_pb.ts";
import type { Sandbox } from "../../src/sandbox/sandbox.ts";
import { openCommandLine } from "./command-line.ts";
import { type Ending, findDifferences } from "./ending.ts";
import { reportEvents } from "./event-report.ts";
import type { Researchers } from "./researchers.ts";
import { publishSalesProcess, WORKSPACE_ID } from "./sales-process.ts";
import type { Screen } from "./screen.ts";
import { requireUntilAborted } from "./until-aborted.ts";

/** What the story needs. */
export interface StoryStage {
  readonly sandbox: Sandbox;
  readonly workflows: Client<typeof WorkflowService>;
  readonly screen: Screen;
  readonly serviceUrl: string;
  readonly natsUrl: string;
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
const LOOK_EVERY_MS = 50;

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
    stage.screen.release();
  }
}

async function play(stage: StoryStage, ending: Ending): Promise<StoryEnd> {
  const { sandbox, workflows, screen, researchers, signal, natsUrl } = stage;
  const commands = openCommandLine(stage);
  const version = await publishSalesProcess(workflows, researchers !== undefined);
  screen.print(
    `  workflow outbound-sales published, version ${version.version}: ${version.steps.length} steps, ${version.edges.length} edges`,
    "",
    screen.paint("bold", ending.title),
  );
  await commands.script("tools/send-contact.ts", "--nats", natsUrl);
  const runId = await findRun(stage, version);
  await commands.workflows("runs", "--workflow", "outbound-sales");
  await commands.workflows("watch", runId);
  signal.throwIfAborted();
  await commands.workflows("runs", runId);
  const { run } = await workflows.getRun({ id: runId });
  if (run === undefined) throw new Error(`GetRun answered without the run ${runId}`);
  const report = await reportEvents(sandbox.bus.connection, sandbox.ledgers);
  signal.throwIfAborted();
  const differences = [
    ...findDifferences(run, ending),
    ...(researchers?.findDifferences(run) ?? []),
  ];
  screen.print("", ...report, "", ...describeVerdict(screen, ending, differences));
  return { run, differences };
}

/** The id of the run that the contact started, once it is there. */
async function findRun({ workflows, signal }: StoryStage, version: WorkflowVersion) {
  const { definitionId } = version;
  for (;;) {
    const { runs } = await workflows.listRuns({ workspaceId: WORKSPACE_ID, definitionId });
    if (runs[0] !== undefined) return runs[0].id;
    await delay(LOOK_EVERY_MS, undefined, { signal });
  }
}

function describeVerdict(screen: Screen, ending: Ending, differences: readonly string[]): string[] {
  if (differences.length === 0) {
    return [screen.paint("green", `The run ended as this story must: ${ending.runState}.`)];
  }
  return [
    screen.paint("red", "The run did not end as it must:"),
    ...differences.map((difference) => `  ${difference}`),
  ];
}
