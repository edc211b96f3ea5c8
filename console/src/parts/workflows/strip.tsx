/** The last runs of a workflow as a strip of squares, the newest at the right. */
import { Link } from "wouter";
import type { WorkflowRun } from "../../../../gen/workflows/v1/workflows_pb.ts";
import { dateOf } from "../../api/times.ts";
import { paths } from "../../paths.ts";
import { lookOfRun } from "../state-badge.tsx";
import { absoluteWords, useZone } from "../zone.tsx";

const SHOWN = 12;

/** `runs`: newest first. */
export function RunStrip({ runs }: { readonly runs: readonly WorkflowRun[] }) {
  const { zone } = useZone();
  if (runs.length === 0) return <span className="muted">none of late</span>;
  const shown = runs.slice(0, SHOWN).reverse();
  return (
    <span className="strip">
      {shown.map(({ id, state, startedAt }) => {
        const { word, tone, icon: Icon } = lookOfRun(state);
        const at = dateOf(startedAt);
        const label = at === undefined ? word : `${word}, ${absoluteWords(at, zone)}`;
        return (
          <Link key={id} href={paths.run(id)} data-tone={tone} title={label} aria-label={label}>
            <Icon size={13} aria-hidden="true" />
          </Link>
        );
      })}
    </span>
  );
}
