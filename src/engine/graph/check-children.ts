/** Children of a PARALLEL have one incoming edge. Boundary: reads roles of edges. */
import type { VersionSpec } from "../values/definition.ts";
import { type AddFault, quoted } from "./faults.ts";
import type { Links } from "./links.ts";

/** Reports children that other edges lead to as well. */
export function checkChildren(spec: VersionSpec, links: Links, addFault: AddFault): void {
  for (const [index, incoming] of links.incoming.entries()) {
    const toChild = incoming.find((edge) => links.edges[edge]?.role === "child");
    if (toChild === undefined) continue;
    const child = quoted(spec.steps[index]?.id ?? "");
    const parallel = quoted(spec.edges[toChild]?.fromStepId ?? "");
    for (const edge of incoming.slice(1)) {
      addFault(
        `edges[${edge}].to_step_id`,
        `${child} is a child of the PARALLEL ${parallel} and has edges[${incoming[0]}] already: ` +
          "a child has one incoming edge",
      );
    }
  }
}
