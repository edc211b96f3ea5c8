/** Who may publish to an environment. Boundary: judges; the scope of the RPC was judged before (guard.ts). */
import { PRODUCTION } from "../../engine/values/environment.ts";
import { refuseAgent } from "./actor.ts";
import { requireScope } from "./guard.ts";
import type { WriteDeps } from "./service-deps.ts";

/** Refuses who may not Deploy there; "" is production. To production goes what PublishVersion, which needs less, could put there too. */
export function requireDeployer({ caller }: Pick<WriteDeps, "caller">, environment: string): void {
  if (environment === "" || environment === PRODUCTION) return;
  refuseAgent(caller, "an agent deploys nothing");
  if (caller !== undefined) requireScope(caller, "workflows:deploy");
}
