/**
 * Where a message goes: what a recipient's name, address or URL means by the settings.
 * Boundary: pure.
 * Invariants:
 * 1. A URL is the operator's (a target), or of an origin that the operator allows.
 * 2. A target of a workspace is for that workspace alone: no recipient that a workflow names holds a workspace.
 */

/** Where messages may go. */
export interface Addresses {
  /** Whether e-mail is configured. */
  readonly hasMail: boolean;
  /** URLs by name; a name with `<workspace>/` before it is that workspace's. */
  readonly targets: Readonly<Record<string, string>>;
  /** Origins that a recipient's URL may have. */
  readonly origins: readonly string[];
}

/** Where one message goes. */
export type Destination =
  | { readonly kind: "email"; readonly to: string }
  | {
      readonly kind: "slack" | "teams" | "webhook";
      readonly url: string;
      /** Set where a workflow names the URL. */
      readonly isNamed?: boolean;
    };

type Found =
  | { readonly ok: true; readonly to: Destination }
  | { readonly ok: false; readonly problem: string };

// RFC 5321 allows more; what it leaves out here (quotes, spaces, commas, line breaks) is what injections need.
const MAIL =
  /^[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@[A-Za-z0-9](?:[A-Za-z0-9.-]{0,251}[A-Za-z0-9])?$/;
const PREFIX = /^[a-z][a-z_]{0,31}:/;

/** The recipients of a request, with the channel where they do not name it: `#ops` by Slack is `slack:#ops`. */
export function namesOf(recipient: string, channel: string): string[] {
  const parts = recipient.split(",").map((part) => part.trim());
  const names = parts.filter((part) => part !== "");
  if (names.length === 0) return channel === "" || channel === "email" ? [] : [channel];
  const whole = names.map((name) => {
    const isWhole = channel === "" || channel === "email" || PREFIX.test(name);
    return isWhole ? name : `${channel}:${name}`;
  });
  return [...new Set(whole)];
}

/** Where a recipient is reached, or why it is not. */
export function findDestination(
  { hasMail, targets, origins }: Addresses,
  workspaceId: string,
  name: string,
): Found {
  const target = targetOf(targets, workspaceId, name) ?? wholeChannel(targets, workspaceId, name);
  const address = target ?? name;
  const mail = protocolOf(address) === "mailto:" ? decodeMail(address) : address;
  if (MAIL.test(mail)) {
    if (hasMail) return { ok: true, to: { kind: "email", to: mail } };
    return { ok: false, problem: "NOTIFICATIONS_SMTP_URL is not set" };
  }
  if (target !== undefined && isWeb(target))
    return { ok: true, to: { kind: formOf(name), url: target } };
  const url = name.replace(/^webhook:/, "");
  if (isWeb(url)) {
    const { origin } = new URL(url);
    if (origins.includes(origin)) return { ok: true, to: { kind: "webhook", url, isNamed: true } };
    return { ok: false, problem: `NOTIFICATIONS_ORIGINS does not have ${origin}` };
  }
  return { ok: false, problem: `NOTIFICATIONS_TARGETS has no ${name}` };
}

/** A name with `/` has none: what stands before it would be taken for a workspace, or for the rest of its id. */
function targetOf(
  targets: Addresses["targets"],
  workspaceId: string,
  name: string,
): string | undefined {
  if (name.includes("/")) return undefined;
  return [`${workspaceId}/${name}`, name]
    .filter((key) => Object.hasOwn(targets, key))
    .map((key) => targets[key])[0];
}

/** A receiver of a whole channel, such as `sms`, reads the recipient in the message. Slack and Teams cannot. */
function wholeChannel(
  targets: Addresses["targets"],
  workspaceId: string,
  name: string,
): string | undefined {
  const channel = PREFIX.exec(name)?.[0].slice(0, -1);
  const isClosed = channel === undefined || /^(slack|teams|https?|mailto)$/.test(channel);
  return isClosed ? undefined : targetOf(targets, workspaceId, channel);
}

function isWeb(url: string): boolean {
  return /^https?:$/.test(protocolOf(url));
}

/** In lower case; "": it is no URL. */
function protocolOf(url: string): string {
  return URL.canParse(url) ? new URL(url).protocol : "";
}

function formOf(name: string): "slack" | "teams" | "webhook" {
  if (/^slack\b/.test(name)) return "slack";
  return /^teams\b/.test(name) ? "teams" : "webhook";
}

function decodeMail(url: string): string {
  try {
    return decodeURIComponent(new URL(url).pathname);
  } catch {
    // A stray % is no address.
    return "";
  }
}
