/**
 * Runs as answers show them: read, and fitted into one answer.
 * Boundary: a run is changed by the processor alone; what is shown is read after the commit.
 */
import { create } from "@bufbuild/protobuf";
import { type WorkflowRun, WorkflowRunSchema } from "../../../gen/workflows/v1/workflows_pb.ts";
import { viewMarks } from "../../engine/draft/payloads.ts";
import type { Graph } from "../../engine/graph/graph.ts";
import type { Run } from "../../engine/values/run.ts";
import type { RunView } from "../../engine/values/view.ts";
import { Refusal } from "../../process/refusal.ts";
import type { Settled } from "../../runtime/submission.ts";
import { findManyRunRows } from "../../store/reads/many-runs.ts";
import { findRunRows, findRuns } from "../../store/reads/runs.ts";
import { bareBytes, fitRuns, type LeftOut, type ReadRun } from "../../wire/fitted-runs.ts";
import { toRunMessage } from "../../wire/runs.ts";
import { ANSWER_BYTES, nameLeftOut } from "./left-out.ts";
import type { ReadDeps } from "./service-deps.ts";

/** Runs of one answer whose rows are read, and the steps that they have together. */
const WHOLE_RUNS = 100;
const WHOLE_STEPS = 5_000;
/** Steps of runs without payloads that are listed in one answer. */
const BARE_STEPS = 10_000;
/** Runs of one answer that are read at all, and those that it names. */
const RUNS_READ = 500;
const RUNS_NAMED = 20_000;
/** What runs without payloads may take of an answer. */
const BARE_BYTES = 2 * 1024 * 1024;
const ID_BYTES = 64;
/** Of a run that was not read, nothing is missing. */
const ALL_READ: Pick<ReadRun, "childIds" | "missing"> = {
  childIds: new Map(),
  missing: { runInput: false, inputs: new Set(), outputs: new Set() },
};

/**
 * The run as it stands now, as far as it fits into an answer; not_found when the call sees none. The
 * payloads of the step `twice` stand in the answer twice.
 */
export async function readRun(deps: ReadDeps, runId: string, twice?: string): Promise<RunView> {
  const rows = await findRunRows(deps.database.callers, deps.visibility, runId);
  if (rows === undefined) throw unknownRun(runId);
  const graphs = await deps.graphs.require([rows.run.versionId]);
  const graph = graphOf(graphs, rows.run);
  const index = twice === undefined ? undefined : graph.indexById.get(twice);
  return fitRun(deps, { graph, ...rows }, index);
}

/** The run that a call has started: as its commit has left it, or read where it could not be kept so long. */
export async function startedRunMessage(
  deps: ReadDeps,
  { runId, started }: Settled,
): Promise<WorkflowRun> {
  const run = started?.();
  if (run === undefined) return readRunMessage(deps, runId);
  return toRunMessage(fitRun(deps, { ...run, ...ALL_READ }), { payloads: true });
}

function fitRun(deps: ReadDeps, whole: ReadRun, twice?: number): RunView {
  const { views, leftOut } = fitRuns([whole], ANSWER_BYTES, twice);
  nameLeftOut(
    deps,
    leftOut.map(({ stepId = "$run" }) => stepId),
  );
  const [view] = views;
  if (view === undefined) throw new Error(`run ${whole.run.id} has no view`);
  return view;
}

/** As readRun, as a message. */
export async function readRunMessage(deps: ReadDeps, runId: string): Promise<WorkflowRun> {
  return toRunMessage(await readRun(deps, runId), { payloads: true });
}

/**
 * These runs as messages, by id. As many of the first as fit are whole but for the payloads that are left out; the rest are
 * as in ListRuns, and those after the first 500 hold their ids alone; after some 20,000 they are only counted.
 */
export async function readRunMessages(
  deps: ReadDeps,
  runIds: readonly string[],
): Promise<Map<string, WorkflowRun>> {
  const runs = await readRuns(deps, runIds.slice(0, RUNS_READ));
  const graphs = await deps.graphs.require(runs.map(({ versionId }) => versionId));
  const wholeCount = countWhole(runs);
  const whole = runs.slice(0, wholeCount).map(({ id }) => id);
  const rows = await findManyRunRows(deps.database.callers, deps.visibility, whole);
  const found = [...rows.values()].map((each) => ({ graph: graphOf(graphs, each.run), ...each }));
  const others = runs.slice(wholeCount);
  const bare = bareRuns(others, graphs, BARE_BYTES);
  const unread = runIds.slice(RUNS_READ);
  const named = unread.slice(0, RUNS_NAMED);
  const room = ANSWER_BYTES - bare.bytes - named.length * ID_BYTES;
  const { views, leftOut } = fitRuns(found, room);
  nameLeftOut(deps, [
    ...leftOut.map(nameOf),
    ...others.map(({ id }) => id),
    ...bare.withoutSteps,
    ...unread,
  ]);
  return new Map(
    [
      ...views.map((view) => toRunMessage(view, { payloads: true })),
      ...bare.messages,
      ...named.map((id) => create(WorkflowRunSchema, { id })),
    ].map((message) => [message.id, message]),
  );
}

/**
 * Runs without payloads in at most `roomBytes`. The last ones are without steps, where that is too much or the steps before
 * them are many, or with their ids alone.
 */
export function bareRuns(
  runs: readonly Run[],
  graphs: ReadonlyMap<string, Graph>,
  roomBytes: number,
) {
  const messages: WorkflowRun[] = [];
  const withoutSteps: string[] = [];
  let bytes = 0;
  let steps = 0;
  for (const run of runs) {
    const graph = graphOf(graphs, run);
    steps += run.stepMarks.length;
    const whole = steps <= BARE_STEPS ? viewMarks(graph, run) : undefined;
    const forms = [...(whole === undefined ? [] : [whole]), { run, graph, steps: [] }];
    const sized = forms.map((view) => ({ view, bytes: bareBytes(view) }));
    const form = sized.find((each) => bytes + each.bytes <= roomBytes);
    if (form === undefined || form.view !== whole) withoutSteps.push(run.id);
    bytes += form?.bytes ?? ID_BYTES;
    messages.push(
      form === undefined
        ? create(WorkflowRunSchema, { id: run.id })
        : toRunMessage(form.view, { payloads: false }),
    );
  }
  return { messages, withoutSteps, bytes };
}

/** The refusal for a run that is unknown. */
export function unknownRun(runId: string): Refusal {
  return new Refusal("not_found", `there is no run ${runId}`, {
    resource: { type: "run", name: runId },
  });
}

/** The compiled version of a run. */
export function graphOf(graphs: ReadonlyMap<string, Graph>, run: Run): Graph {
  const graph = graphs.get(run.versionId);
  if (graph === undefined)
    throw new Error(`run ${run.id}: its version ${run.versionId} is missing`);
  return graph;
}

async function readRuns(
  { database, visibility }: ReadDeps,
  runIds: readonly string[],
): Promise<Run[]> {
  const found = await findRuns(database.callers, visibility, runIds);
  const runs = new Map(found.map((run) => [run.id, run]));
  return runIds.flatMap((id) => runs.get(id) ?? []);
}

/** How many of the first runs are read whole: one always is. */
function countWhole(runs: readonly Run[]): number {
  let steps = 0;
  const over = runs.findIndex(({ stepMarks }, at) => {
    steps += stepMarks.length;
    return at > 0 && (steps > WHOLE_STEPS || at >= WHOLE_RUNS);
  });
  return over === -1 ? runs.length : over;
}

function nameOf({ runId, stepId = "$run" }: LeftOut): string {
  return `${runId}/${stepId}`;
}
