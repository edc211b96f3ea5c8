/**
 * Mends the inbox: opens the items that steps have and the inbox has not, and drops those that it has and no step.
 * A release before the inbox leaves both: what was open before migration 0009, and what its replicas do during an upgrade.
 * Boundary: two walks, page by page, as sweeps of retention.ts; the rows are store/mend-inbox.ts.
 * Invariants:
 * 1. A page without a fault takes no lock.
 * 2. What is mended is judged anew under the lock of its run.
 */
import type { Graph } from "../engine/graph/graph.ts";
import { openItemsOf, type PersonItem } from "../engine/steps/person-items.ts";
import { FIRST_RUN } from "../store/checks.ts";
import type { Tx } from "../store/database.ts";
import {
  dropItemsOfGone,
  FIRST_ITEM,
  findListedItems,
  findWaitingSteps,
  type ListedStep,
  lockWaitingSteps,
  setItems,
} from "../store/mend-inbox.ts";
import type { GraphCache } from "./graphs.ts";

/** What one batch did, and whether there is another page. */
export interface Mended {
  readonly added: number;
  readonly dropped: number;
  readonly more: boolean;
}

/** A walk over all items, from the beginning again after the last: those that are of no open step go. */
export function createItemWalk(graphs: GraphCache): (tx: Tx) => Promise<Mended> {
  let after = FIRST_ITEM;
  return async (tx) => {
    const { items, next } = await findListedItems(tx, after);
    after = next ?? FIRST_ITEM;
    const steps = items.flatMap(({ step }) => (step === undefined ? [] : [step]));
    const known = await graphsOf(graphs, steps);
    const faulty = items.filter(({ place, step }) => {
      const isOpen = step !== undefined && placesOf(known, step).includes(place);
      return !isOpen;
    });
    const runIds = faulty.map(({ runId }) => runId);
    return { ...(await mend(tx, known, runIds)), more: next !== undefined };
  };
}

/** A walk over all open runs, from the beginning again after the last: items that are missing come. */
export function createRunWalk(graphs: GraphCache): (tx: Tx) => Promise<Mended> {
  let after = FIRST_RUN;
  return async (tx) => {
    const { steps, next } = await findWaitingSteps(tx, after);
    after = next ?? FIRST_RUN;
    const known = await graphsOf(graphs, steps);
    const faulty = steps.filter((step) =>
      placesOf(known, step).some((place) => !step.places.includes(place)),
    );
    const runIds = faulty.map(({ runId }) => runId);
    return { ...(await mend(tx, known, runIds)), more: next !== undefined };
  };
}

type Graphs = ReadonlyMap<string, Graph>;

function graphsOf(graphs: GraphCache, steps: readonly ListedStep[]): Promise<Graphs> {
  return graphs.require([...new Set(steps.map(({ versionId }) => versionId))]);
}

async function mend(tx: Tx, graphs: Graphs, runIds: readonly string[]) {
  if (runIds.length === 0) return { added: 0, dropped: 0 };
  const ofGone = await dropItemsOfGone(tx, runIds);
  const { locked, steps } = await lockWaitingSteps(tx, runIds);
  // A run that was reopened meanwhile: the next walk knows its version.
  const unknown = new Set(
    steps.filter(({ versionId }) => !graphs.has(versionId)).map(({ runId }) => runId),
  );
  const judged = locked.filter((runId) => !unknown.has(runId));
  const items = steps.flatMap((step) =>
    itemsOf(graphs, step).map((item) => ({ runId: step.runId, stepIndex: step.stepIndex, item })),
  );
  const { added, dropped } = await setItems(tx, judged, items);
  return { added, dropped: dropped + ofGone };
}

function placesOf(graphs: Graphs, step: ListedStep): number[] {
  return itemsOf(graphs, step).map(({ place }) => place);
}

function itemsOf(graphs: Graphs, row: ListedStep): PersonItem[] {
  const step = graphs.get(row.versionId)?.steps[row.stepIndex];
  if (step === undefined) return [];
  const { state, retryCount } = row;
  const approvalRequestId = row.approvalRequestId ?? "";
  return openItemsOf(step, { state, retryCount, approvalRequestId, detail: row.detail ?? {} });
}
