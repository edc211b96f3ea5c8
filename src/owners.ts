/**
 * The owners of what steps ask for: the built-in one of approvals, and clients of all.
 * Boundary: wiring, as main.ts.
 */
import { type BuiltInApprovals, startBuiltInApprovals } from "./builtin/approvals/approvals.ts";
import { type Clients, createClients } from "./collaborators/clients.ts";
import type { Config } from "./config.ts";
import { optional } from "./environment.ts";
import type { Log } from "./process/log.ts";
import { limitSettings } from "./runtime/stream-limits.ts";
import type { Database } from "./store/database.ts";

/** The owner of approvals in this process; undefined: another service is, or none. */
export function startApprovals(
  { builtIn, bus }: Config,
  database: Database,
  log: Log,
): BuiltInApprovals | undefined {
  if (builtIn.approvals === undefined) return undefined;
  const { stream: name, subjects, expireAfterMs } = builtIn.approvals;
  const stream = { name, subjects, limits: limitSettings(bus.limits) };
  return startBuiltInApprovals({ database, log, stream, expireAfterMs });
}

/** Two sets of clients: the dispatcher closes its own while calls of our callers are still under way. */
export function openClients(
  { collaborators }: Config,
  approvals: BuiltInApprovals | undefined,
  log: Log,
): { readonly clients: Clients; readonly inputClients: Clients } {
  const settings = { ...collaborators, local: { ...optional("approvals", approvals?.routes) } };
  const urls = inputUrls(collaborators.urls);
  return {
    clients: createClients(settings, log),
    inputClients: createClients({ ...settings, urls }, log),
  };
}

function inputUrls({ identity, entities, approvals }: Config["collaborators"]["urls"]) {
  return {
    ...optional("identity", identity),
    ...optional("entities", entities),
    ...optional("approvals", approvals),
  };
}
