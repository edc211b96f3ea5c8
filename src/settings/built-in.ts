/** The settings of owners that the process serves itself. Boundary: reads the variables; builtin/ serves them. */
import { type EnvironmentReader, optional } from "../environment.ts";
import type { BusSource } from "./bus.ts";
import {
  describeNotifications,
  type NotificationSettings,
  readNotifications,
} from "./notifications.ts";

/** Owners that are built in; unset: another service is the owner, or none is. */
export interface BuiltInSettings {
  readonly approvals?: {
    /** The source of the bus that decisions are published on, which the process makes when it is missing. */
    readonly stream: string;
    readonly subjects: readonly string[];
    /** How long a request stays open; unset: until it is decided. */
    readonly expireAfterMs?: number;
  };
  readonly notifications?: NotificationSettings;
}

const BUILT_IN = "builtin";
const DECISIONS = "approvals.changes.approval.resolve";

/** The settings of the built-in owners, each fault noted in the reader. */
export function readBuiltIn(
  reader: EnvironmentReader,
  sources: readonly BusSource[],
): BuiltInSettings {
  return {
    ...readApprovals(reader, sources),
    ...optional("notifications", readNotifications(reader)),
  };
}

/** The settings as facts for the log, without what is secret in them. */
export function describeBuiltIn({ notifications, ...plain }: BuiltInSettings): object {
  return {
    ...plain,
    ...optional("notifications", notifications && describeNotifications(notifications)),
  };
}

function readApprovals(
  reader: EnvironmentReader,
  sources: readonly BusSource[],
): Pick<BuiltInSettings, "approvals"> {
  const expireAfterMs = reader.duration("APPROVALS_EXPIRE_AFTER", 0, {
    least: "1s",
    most: "3650d",
  });
  if (reader.text("APPROVALS_URL") !== BUILT_IN) {
    if (expireAfterMs > 0) {
      reader.fault("APPROVALS_EXPIRE_AFTER", `needs APPROVALS_URL=${BUILT_IN}`);
    }
    return {};
  }
  const stream = sources.find(({ subject }) => takes(subject, DECISIONS))?.stream;
  if (stream === undefined) {
    reader.fault(
      "BUS_SOURCES",
      `has no approvals.changes.>, which APPROVALS_URL=${BUILT_IN} needs`,
    );
  }
  const subjects = sources
    .filter((source) => source.stream === stream)
    .map(({ subject }) => subject);
  const approvals = { stream: stream ?? "", subjects };
  return { approvals: expireAfterMs === 0 ? approvals : { ...approvals, expireAfterMs } };
}

/** Whether a pattern of NATS takes a subject. */
function takes(pattern: string, subject: string): boolean {
  const tokens = subject.split(".");
  const parts = pattern.split(".");
  if (parts.at(-1) === ">") {
    return parts.length <= tokens.length && fits(parts.slice(0, -1), tokens);
  }
  return parts.length === tokens.length && fits(parts, tokens);
}

function fits(parts: readonly string[], tokens: readonly string[]): boolean {
  return parts.every((part, at) => part === "*" || part === tokens[at]);
}
