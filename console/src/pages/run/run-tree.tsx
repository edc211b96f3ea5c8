/** The runs above and below a run, with how each stands. */
import { Link } from "wouter";
import type { GetTreeResponse, RunNode } from "../../../../gen/workflows/ops/v1/runs_pb.ts";
import { costWords } from "../../parts/money.ts";
import { PlainText } from "../../parts/plain-text.tsx";
import { RelativeTime } from "../../parts/relative-time.tsx";
import { RunState } from "../../parts/state-badge.tsx";
import { paths } from "../../paths.ts";

const CHILDREN_AT_ONCE = 200;

/** `nameOf` gives a workflow's name by its id. */
export function RunTree({
  tree,
  nameOf,
}: {
  readonly tree: GetTreeResponse;
  readonly nameOf: (definitionId: string) => string;
}) {
  const { run, ancestors, descendants, truncated } = tree;
  const byParent = new Map<string, RunNode[]>();
  for (const node of descendants) {
    const siblings = byParent.get(node.parentRunId);
    if (siblings === undefined) byParent.set(node.parentRunId, [node]);
    else siblings.push(node);
  }
  if (run === undefined) return null;
  const above = [...ancestors].reverse();
  return (
    <section className="run-tree" aria-label="Parents and children">
      {run.rerunOf !== "" && (
        <p>
          It reruns <Link href={paths.run(run.rerunOf)}>{run.rerunOf}</Link>.
        </p>
      )}
      <ul>
        <Branch chain={above} run={run} byParent={byParent} nameOf={nameOf} />
      </ul>
      {truncated && <p className="run-hint">There are more runs below than are listed here.</p>}
      {above.length === 0 && descendants.length === 0 && (
        <p className="run-hint">
          No run started it, and it started none. A step with <code>run:</code> starts child runs.
        </p>
      )}
    </section>
  );
}

interface Below {
  readonly byParent: ReadonlyMap<string, readonly RunNode[]>;
  readonly nameOf: (definitionId: string) => string;
}

/** Those above, one in the other, and in the last one the run. */
function Branch({
  chain,
  run,
  ...below
}: Below & { readonly chain: readonly RunNode[]; readonly run: RunNode }) {
  const [first, ...rest] = chain;
  if (first === undefined) return <Node node={run} isHere {...below} />;
  return (
    <li>
      <Line node={first} nameOf={below.nameOf} isHere={false} />
      <ul>
        <Branch chain={rest} run={run} {...below} />
      </ul>
    </li>
  );
}

function Node({
  node,
  isHere = false,
  ...below
}: Below & { readonly node: RunNode; readonly isHere?: boolean }) {
  const children = below.byParent.get(node.runId) ?? [];
  return (
    <li>
      <Line node={node} nameOf={below.nameOf} isHere={isHere} />
      {children.length > 0 && (
        <ul>
          {children.slice(0, CHILDREN_AT_ONCE).map((child) => (
            <Node key={child.runId} node={child} {...below} />
          ))}
          {children.length > CHILDREN_AT_ONCE && (
            <li className="run-hint">
              <Link href={paths.runsWith({ parent: node.runId })}>
                All {children.length} runs of it
              </Link>
            </li>
          )}
        </ul>
      )}
    </li>
  );
}

function Line({
  node,
  nameOf,
  isHere,
}: {
  readonly node: RunNode;
  readonly nameOf: (definitionId: string) => string;
  readonly isHere: boolean;
}) {
  const { runId, definitionId, definitionVersion, state, parentStepId, startedAt } = node;
  const name = nameOf(definitionId);
  return (
    <div className="run-tree-line">
      <RunState state={state} />
      {isHere ? <strong>this run</strong> : <Link href={paths.run(runId)}>{runId}</Link>}
      <span>
        <PlainText most={80}>{name}</PlainText> v{definitionVersion}
      </span>
      {parentStepId !== "" && <span>by the step {parentStepId}</span>}
      <RelativeTime at={startedAt} />
      {node.totalCostUsd > 0 && <span>{costWords(node.totalCostUsd)}</span>}
    </div>
  );
}
