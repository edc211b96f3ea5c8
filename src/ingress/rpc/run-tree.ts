/**
 * Runs.GetTree of workflows.ops.v1: the runs above and below a run.
 * Boundary: reads; bounded in levels and runs, whatever is stored.
 */
import { create } from "@bufbuild/protobuf";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import {
  type GetTreeRequest,
  GetTreeRequestSchema,
  type RunNode,
  RunNodeSchema,
} from "../../../gen/workflows/ops/v1/runs_pb.ts";
import type { Graph } from "../../engine/graph/graph.ts";
import type { Run } from "../../engine/values/run.ts";
import { findAncestors, findChildrenOfRuns } from "../../store/reads/run-trees.ts";
import { RUN_STATE_NUMBERS } from "../../wire/runs.ts";
import { checkFields } from "./fields.ts";
import { unknownRun } from "./run-answers.ts";
import type { ReadDeps } from "./service-deps.ts";

const ANCESTORS_AT_MOST = 16;
const LEVELS_AT_MOST = 8;
const DESCENDANTS_AT_MOST = 1_000;

/** GetTree. */
export async function answerGetTree(deps: ReadDeps, request: GetTreeRequest) {
  const faults = checkFields(GetTreeRequestSchema, request);
  faults.require("run_id", request.runId);
  faults.refuseIfAny();
  const { database, visibility, graphs } = deps;
  const { runId } = request;
  const upwards = await findAncestors(database.callers, visibility, runId, ANCESTORS_AT_MOST);
  const [run, ...ancestors] = upwards;
  if (run === undefined) throw unknownRun(runId);
  const { descendants, truncated } = await findDescendants(deps, run);
  const runs = new Map([...upwards, ...descendants].map((each) => [each.id, each]));
  const parents = [...runs.values()].flatMap(({ parentRunId, parentStep }) =>
    parentStep === undefined ? [] : (runs.get(parentRunId)?.versionId ?? []),
  );
  const versions = await graphs.require([...new Set(parents)]);
  const node = (each: Run) => toNode(each, runs, versions);
  return {
    run: node(run),
    ancestors: ancestors.map(node),
    descendants: descendants.map(node),
    truncated,
  };
}

/** Level by level; runs of a level in the order of their ids, which is that of their creation. */
async function findDescendants({ database, visibility }: ReadDeps, run: Run) {
  const descendants: Run[] = [];
  const seen = new Set([run.id]);
  let parents: readonly Run[] = [run];
  for (let level = 0; level < LEVELS_AT_MOST && parents.length > 0; level += 1) {
    const ids = parents.map(({ id }) => id);
    const left = DESCENDANTS_AT_MOST - descendants.length;
    const children = await findChildrenOfRuns(database.callers, visibility, ids, left + 1);
    // A caller may name any run as parent.
    const found = children.filter(({ id }) => !seen.has(id)).sort(byId);
    for (const { id } of found) seen.add(id);
    descendants.push(...found.slice(0, left));
    if (found.length > left) return { descendants, truncated: true };
    parents = found;
  }
  const ids = parents.map(({ id }) => id);
  const more = await findChildrenOfRuns(database.callers, visibility, ids, 1);
  return { descendants, truncated: more.length > 0 };
}

function byId(a: Run, b: Run): number {
  return a.id < b.id ? -1 : 1;
}

function toNode(
  run: Run,
  runs: ReadonlyMap<string, Run>,
  versions: ReadonlyMap<string, Graph>,
): RunNode {
  const { startedAtMs, completedAtMs, parentRunId, parentStep } = run;
  const parent = versions.get(runs.get(parentRunId)?.versionId ?? "");
  const step = parentStep === undefined ? undefined : parent?.steps[parentStep.index];
  return create(RunNodeSchema, {
    runId: run.id,
    definitionId: run.definitionId,
    definitionVersion: run.definitionVersion,
    state: RUN_STATE_NUMBERS[run.state],
    parentRunId,
    parentStepId: step?.def.id ?? "",
    totalCostUsd: run.totalCostUsd,
    rerunOf: run.rerun?.of ?? "",
    ...(startedAtMs === undefined ? {} : { startedAt: timestampFromMs(startedAtMs) }),
    ...(completedAtMs === undefined ? {} : { completedAt: timestampFromMs(completedAtMs) }),
  });
}
