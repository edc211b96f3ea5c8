/** The settings of the built-in notifications. Boundary: reads the variables; builtin/notifications/ sends. */
import { type EnvironmentReader, optional } from "../environment.ts";
import { MASK } from "./mask.ts";
import { readOrigins } from "./origins.ts";

/** How the process sends notifications itself. */
export interface NotificationSettings {
  /** Unset: no e-mail is sent. */
  readonly smtp?: { readonly url: string; readonly from: string };
  /** URLs by names: `slack:…`, `teams:…`, another name (a generic webhook), or a `mailto:` URL. */
  readonly targets: Readonly<Record<string, string>>;
  /** Origins of URLs that a recipient may be. */
  readonly origins: readonly string[];
  /** How long a message is tried, in ms. */
  readonly giveUpAfterMs: number;
}

const DAY_MS = 86_400_000;
const NAMES = [
  "NOTIFICATIONS_SMTP_URL",
  "NOTIFICATIONS_FROM",
  "NOTIFICATIONS_TARGETS",
  "NOTIFICATIONS_ORIGINS",
  "NOTIFICATIONS_GIVE_UP_AFTER",
];
const TARGET = ["http:", "https:", "mailto:"];

/** The settings, each fault noted in the reader; undefined: another service sends notifications, or none. */
export function readNotifications(reader: EnvironmentReader): NotificationSettings | undefined {
  const settings = {
    ...optional("smtp", readSmtp(reader)),
    targets: readTargets(reader),
    origins: readOrigins(reader, "NOTIFICATIONS_ORIGINS"),
    giveUpAfterMs: reader.duration("NOTIFICATIONS_GIVE_UP_AFTER", DAY_MS, {
      least: "1s",
      most: "30d",
    }),
  };
  if (reader.text("NOTIFICATIONS_URL") === "builtin") return settings;
  for (const name of NAMES) {
    if (reader.has(name)) reader.fault(name, "needs NOTIFICATIONS_URL=builtin");
  }
  return undefined;
}

/** The settings as facts for the log, without what is secret in them. */
export function describeNotifications({ smtp, targets, ...plain }: NotificationSettings): object {
  return {
    ...plain,
    ...(smtp === undefined ? {} : { smtp: { ...smtp, url: MASK } }),
    targets: Object.keys(targets),
  };
}

function readSmtp(reader: EnvironmentReader): NotificationSettings["smtp"] | undefined {
  const url = reader.url("NOTIFICATIONS_SMTP_URL", ["smtp:", "smtps:"]);
  const from = reader.text("NOTIFICATIONS_FROM");
  if (url === undefined) return undefined;
  if (from === undefined) {
    reader.fault("NOTIFICATIONS_FROM", "is required: NOTIFICATIONS_SMTP_URL is set");
  }
  return { url, from: from ?? "" };
}

function readTargets(reader: EnvironmentReader): Record<string, string> {
  const targets: [name: string, url: string][] = [];
  for (const entry of reader.list("NOTIFICATIONS_TARGETS", false)) {
    const at = entry.indexOf("=");
    const name = entry.slice(0, at);
    const url = entry.slice(at + 1);
    if (at > 0 && URL.canParse(url) && TARGET.includes(new URL(url).protocol)) {
      targets.push([name, url]);
    } else {
      // The value is not shown: URLs of webhooks are secrets.
      reader.fault(
        "NOTIFICATIONS_TARGETS",
        "has an entry that is not NAME=URL with http://, https:// or mailto:",
      );
    }
  }
  return Object.fromEntries(targets);
}
