/** What the doors beside the RPCs must reach. */
import type { Target } from "./targets.ts";

const line = "doors";
const [unit, better] = [" ms", "less"] as const;
const overRpc = (name: string) =>
  ({ own: { factor: 1.1, name, of: "the RPC" } }) satisfies Target["must"];

/** In the order of the table. */
export const DOOR_TARGETS: readonly Target[] = [
  {
    ...{ line, unit, better, what: "GET of a run over REST, CPU of the service" },
    ...{ name: "rest.getMs", must: overRpc("rpc.getMs") },
  },
  {
    ...{ line, unit, better, what: "a start over REST, CPU of the service" },
    ...{ name: "rest.startMs", must: overRpc("rpc.startMs") },
  },
  {
    ...{ line, unit, better, what: "a search over MCP, p50", name: "searchMs" },
    must: { fixed: 50 },
  },
];
