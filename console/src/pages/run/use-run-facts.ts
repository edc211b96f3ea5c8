/**
 * What the page of a run asks for besides its moves: the run, its version, names, why it waits, and the runs around it.
 * Boundary: each answer is asked for once, and again at most once a second after moves.
 */
import { useEffect, useMemo, useRef, useState } from "react";
import type { RunNode } from "../../../../gen/workflows/ops/v1/runs_pb.ts";
import type { StepDefinition } from "../../../../gen/workflows/v1/workflows_pb.ts";
import { useCall } from "../../api/queries.ts";
import { childrenOf } from "../../parts/graph/graph-model.ts";
import { isFinalRun, pictureOf, type RunPicture } from "./run-picture.ts";

const SETTLE_MS = 1_000;
const EXPLAIN_EVERY_MS = 15_000;
const TREE_EVERY_MS = 5_000;

/** A run, as GetRun has it. */
export function useRunHead(id: string) {
  return useCall(["run", id], ({ workflows }, options) => workflows.getRun({ id }, options));
}

/** Why the run stands where it stands, asked for again after moves. */
export function useExplanation(runId: string, picture: RunPicture) {
  const seq = useSettled(picture.seq);
  const { data } = useCall(
    ["explain", runId, seq],
    ({ runs }, options) => runs.explain({ runId }, options),
    { isKept: true, ...(isFinalRun(picture.state) ? {} : { everyMs: EXPLAIN_EVERY_MS }) },
  );
  return data?.explanation;
}

/** The runs around the run; asked for again while steps of it may start others. */
export function useTree(runId: string, picture: RunPicture, steps: readonly StepDefinition[]) {
  const isParent = useMemo(() => steps.some((step) => childrenOf(step) !== "none"), [steps]);
  const isOpen = !isFinalRun(picture.state);
  return useCall(["tree", runId, isOpen], ({ runs }, options) => runs.getTree({ runId }, options), {
    isKept: true,
    ...(isParent && isOpen ? { everyMs: TREE_EVERY_MS } : {}),
  });
}

/** What is shown before the first moves are there. */
export function usePicture(
  run: Parameters<typeof pictureOf>[0] | undefined,
  followed: RunPicture | undefined,
): RunPicture | undefined {
  const first = useMemo(() => (run === undefined ? undefined : pictureOf(run)), [run]);
  return followed ?? first;
}

/** Children by the step that started them. */
export function childrenByStep(
  runId: string,
  descendants: readonly RunNode[],
): ReadonlyMap<string, RunNode[]> {
  const children = new Map<string, RunNode[]>();
  for (const node of descendants) {
    if (node.parentRunId !== runId) continue;
    const others = children.get(node.parentStepId);
    if (others === undefined) children.set(node.parentStepId, [node]);
    else others.push(node);
  }
  return children;
}

/** A value that changes at most once a second. */
function useSettled<T>(value: T): T {
  const [settled, setSettled] = useState(value);
  const changedAtMs = useRef(0);
  useEffect(() => {
    const waitMs = Math.max(0, changedAtMs.current + SETTLE_MS - performance.now());
    const timer = setTimeout(() => {
      changedAtMs.current = performance.now();
      setSettled(value);
    }, waitMs);
    return () => clearTimeout(timer);
  }, [value]);
  return settled;
}
