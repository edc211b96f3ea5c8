/**
 * A run as a tree that is drawn again when it moves: its state, its steps, and what each open one waits for.
 * Boundary: a terminal. What is drawn is asked of the service after a move, at most five times a second.
 */
import { timestampDate } from "@bufbuild/protobuf/wkt";
import pc from "picocolors";
import type { Explanation } from "../../gen/workflows/ops/v1/runs_pb.ts";
import {
  StepRunState,
  type WorkflowRun,
  WorkflowState,
} from "../../gen/workflows/v1/workflows_pb.ts";
import { oneLine } from "./one-line.ts";
import { tookText } from "./output.ts";
import type { Service } from "./service.ts";
import { nameOf } from "./show-run.ts";

const ASK_EVERY_MS = 200;
const DRAW_EVERY_MS = 1_000;
const MARKS: Partial<Record<StepRunState, string>> = {
  [StepRunState.PENDING]: "·",
  [StepRunState.RUNNING]: "▶",
  [StepRunState.WAITING]: "…",
  [StepRunState.COMPLETED]: "✓",
  [StepRunState.FAILED]: "✗",
  [StepRunState.SKIPPED]: "-",
  [StepRunState.COMPENSATED]: "↩",
  [StepRunState.CANCELLED]: "x",
};

/** What is drawn, and when it was asked for by this machine's clock. */
interface Picture {
  readonly run: WorkflowRun;
  readonly explanation: Explanation | undefined;
}

/** Draws on the terminal of this process until `end`. */
export function createLiveTree(service: Service, runId: string) {
  let picture: Picture | undefined;
  let drawn = 0;
  let asking: Promise<void> | undefined;
  let isStale = false;
  let isEnding = false;

  function draw(): void {
    if (picture === undefined) return;
    const { columns = 80, rows = 24 } = process.stdout;
    const lines = linesOf(picture, columns, Math.max(3, rows - 1), Date.now());
    const back = drawn === 0 ? "" : `\u001b[${drawn}A\u001b[J`;
    process.stdout.write(`${back}${lines.join("\n")}\n`);
    drawn = lines.length;
  }

  async function ask(): Promise<void> {
    while (isStale) {
      isStale = false;
      try {
        const [{ run }, { explanation }] = await Promise.all([
          service.workflows.getRun({ id: runId }),
          // Without the reasons the tree is still worth drawing.
          service.runs.explain({ runId }).catch(() => ({ explanation: undefined })),
        ]);
        if (run !== undefined) picture = { run, explanation };
      } catch {
        // The watch itself finds out whether the service is away; the picture stays as it was.
        return;
      }
      draw();
      if (!isEnding) await new Promise((resolve) => setTimeout(resolve, ASK_EVERY_MS));
    }
  }

  function refresh(): void {
    isStale = true;
    asking ??= ask().finally(() => {
      asking = undefined;
    });
  }

  const ticking = setInterval(draw, DRAW_EVERY_MS);
  return {
    move: refresh,
    async end() {
      isEnding = true;
      clearInterval(ticking);
      await asking;
      refresh();
      await asking;
    },
  };
}

/** The tree in `rows` lines at most, each of `columns` characters at most. */
export function linesOf(
  { run, explanation }: Picture,
  columns: number,
  rows: number,
  nowMs: number,
): string[] {
  const sentences = new Map<string, string[]>();
  for (const { stepId, sentence } of explanation?.waits ?? []) {
    sentences.set(stepId, [...(sentences.get(stepId) ?? []), sentence]);
  }
  const head = [run.id, nameOf(WorkflowState, run.state), took(run, nowMs), cost(run.totalCostUsd)];
  const width = Math.max(...run.steps.map(({ stepId }) => stepId.length), 0);
  const lines = [
    pc.bold(shorten(head.filter((text) => text !== "").join("  "), columns)),
    ...(sentences.get("") ?? []).map((text) => shorten(`  ${text}`, columns)),
    ...run.steps.flatMap((step, at) => {
      const isLast = at === run.steps.length - 1;
      const facts = [nameOf(StepRunState, step.state), took(step, nowMs), cost(step.costUsd)];
      const text = `${MARKS[step.state] ?? "?"} ${step.stepId.padEnd(width)}  ${facts.join("  ").trimEnd()}`;
      const below = (sentences.get(step.stepId) ?? []).map((why) =>
        pc.dim(shorten(`${isLast ? " " : "│"}     ${why}`, columns)),
      );
      return [shorten(`${isLast ? "└" : "├"}─ ${text}`, columns), ...below];
    }),
  ];
  if (lines.length <= rows) return lines;
  return [...lines.slice(0, rows - 1), `   ${lines.length - rows + 1} more lines`];
}

function shorten(text: string, columns: number): string {
  const line = oneLine(text);
  return line.length < columns ? line : `${line.slice(0, Math.max(0, columns - 2))}…`;
}

function took(
  { startedAt, completedAt }: Pick<WorkflowRun, "startedAt" | "completedAt">,
  nowMs: number,
): string {
  if (startedAt === undefined) return "";
  const endMs = completedAt === undefined ? nowMs : timestampDate(completedAt).getTime();
  return tookText(Math.max(0, endMs - timestampDate(startedAt).getTime()));
}

function cost(usd: number): string {
  return usd === 0 ? "" : `${usd} USD`;
}
