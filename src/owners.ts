/**
 * The owners of what steps ask for: the built-in ones of approvals and notifications, and clients of all.
 * Boundary: wiring, as main.ts.
 */
import { type BuiltInApprovals, startBuiltInApprovals } from "./builtin/approvals/approvals.ts";
import { delegationNotice } from "./builtin/notifications/delegations.ts";
import {
  type BuiltInNotifications,
  startBuiltInNotifications,
} from "./builtin/notifications/notifications.ts";
import { type Clients, createClients } from "./collaborators/clients.ts";
import type { Config } from "./config.ts";
import { optional } from "./environment.ts";
import type { Delegations } from "./ingress/rpc/service-parts.ts";
import type { Log } from "./process/log.ts";
import { limitSettings } from "./runtime/stream-limits.ts";
import type { Database } from "./store/database.ts";

/** The owners in this process; one that is undefined is another service, or none. */
export interface BuiltInOwners {
  readonly approvals: BuiltInApprovals | undefined;
  readonly notifications: BuiltInNotifications | undefined;
  /** How people are told of items that are passed on to them; undefined: they are not. */
  readonly delegations: Delegations | undefined;
}

/** Starts the owners that the process serves itself. */
export function startOwners(config: Config, database: Database, log: Log): BuiltInOwners {
  const { builtIn, bus } = config;
  const notifications = startNotifications(builtIn, database, log);
  const linkTo = itemLinks(config);
  const delegations = notifications && delegationsOf(notifications, linkTo);
  if (builtIn.approvals === undefined) return { approvals: undefined, notifications, delegations };
  const { stream: name, subjects, expireAfterMs } = builtIn.approvals;
  const stream = { name, subjects, limits: limitSettings(bus.limits) };
  const notices = notifications && {
    reaches: notifications.reaches,
    linkTo,
    onKept: notifications.wake,
  };
  const approvals = startBuiltInApprovals({ database, log, stream, expireAfterMs, notices });
  return { approvals, notifications, delegations };
}

function delegationsOf(
  { reaches, wake }: BuiltInNotifications,
  linkTo: (workspaceId: string, itemId: string) => string,
): Delegations {
  return {
    noticeOf(passed) {
      const { workspaceId, itemId, to } = passed;
      if (!reaches(workspaceId, to)) return undefined;
      return delegationNotice(passed, linkTo(workspaceId, itemId));
    },
    onKept: wake,
  };
}

/** The pages of items in the console, where there is one and PUBLIC_URL says where browsers reach it. */
function itemLinks({ console: pages, endpoints: { publicUrl } }: Config) {
  return (workspaceId: string, itemId: string): string => {
    if (pages === undefined || publicUrl === "") return "";
    const page = `${publicUrl}/console/inbox/${encodeURIComponent(itemId)}`;
    // A token says its workspace.
    if (pages.authMode !== "none") return page;
    return `${page}?workspace=${encodeURIComponent(workspaceId)}`;
  };
}

function startNotifications(
  { notifications }: Config["builtIn"],
  database: Database,
  log: Log,
): BuiltInNotifications | undefined {
  if (notifications === undefined) return undefined;
  const { smtp: mail, targets, origins, giveUpAfterMs } = notifications;
  const addresses = { hasMail: mail !== undefined, targets, origins };
  return startBuiltInNotifications({ database, log, addresses, mail, giveUpAfterMs });
}

/** Two sets of clients: the dispatcher closes its own while calls of our callers are still under way. */
export function openClients(
  { collaborators }: Config,
  { approvals, notifications }: BuiltInOwners,
  log: Log,
): { readonly clients: Clients; readonly inputClients: Clients } {
  const local = {
    ...optional("approvals", approvals?.routes),
    ...optional("notifications", notifications?.routes),
  };
  const settings = { ...collaborators, local };
  const urls = inputUrls(collaborators.urls);
  return {
    clients: createClients(settings, log),
    inputClients: createClients({ ...settings, urls }, log),
  };
}

function inputUrls({ identity, entities, approvals, governance }: Config["collaborators"]["urls"]) {
  return {
    ...optional("identity", identity),
    ...optional("entities", entities),
    ...optional("approvals", approvals),
    ...optional("governance", governance),
  };
}
