/**
 * Whether a webhook is from who has its secret: Standard Webhooks, GitHub, Stripe, Slack, a plain HMAC, a bearer token. Signs by the
 * first one too.
 * Boundary: pure but for the caller's clock; what a webhook is about is not known here.
 * Invariants:
 * 1. A signature is computed over the bytes as they came, and compared in constant time.
 * 2. A scheme that signs its time refuses one that is more than 5 minutes off.
 */
import { createHash, createHmac, randomBytes, timingSafeEqual } from "node:crypto";

/** The schemes; rows have their places. */
export const VERIFICATIONS = [
  "unspecified",
  "none",
  "standard_webhooks",
  "hmac",
  "github",
  "stripe",
  "slack",
  "bearer",
] as const;
/** One scheme. */
export type Verification = (typeof VERIFICATIONS)[number];

/** A webhook as it came. */
export interface SignedRequest {
  /** Values by names in lower case. */
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: Uint8Array;
  /** Of HMAC. */
  readonly signatureHeader: string;
  readonly nowMs: number;
}

type Check = (request: SignedRequest, secret: string) => string | undefined;

const TOLERANCE_MS = 300_000;
const STANDARD_PREFIX = "whsec_";
const STANDARD_BYTES = { least: 16, most: 64 };
const MADE_BYTES = 32;
const SECRET_CHARS = { least: 16, most: 256 };
const NO_HEADER = "is missing";
const WRONG = "the signature is not that of the secret";

const CHECKS: Readonly<Record<Exclude<Verification, "unspecified" | "none">, Check>> = {
  standard_webhooks(request, secret) {
    const id = headerOf(request, "webhook-id");
    const seconds = headerOf(request, "webhook-timestamp");
    const given = headerOf(request, "webhook-signature");
    if (id === "" || given === "") return `webhook-id or webhook-signature ${NO_HEADER}`;
    const made = signStandard(secret, id, seconds, request.body);
    const isSigned = given.split(" ").filter((each) => sameText(each, made)).length > 0;
    return isSigned ? timeProblem(seconds, request.nowMs) : WRONG;
  },
  hmac(request, secret) {
    const given = headerOf(request, request.signatureHeader).replace(/^sha256=/i, "");
    if (given === "") return `${request.signatureHeader} ${NO_HEADER}`;
    const made = signed(secret, "", request.body);
    const isHex = sameText(given.toLowerCase(), made.toString("hex"));
    return isHex || sameText(given, made.toString("base64")) ? undefined : WRONG;
  },
  github(request, secret) {
    const given = headerOf(request, "x-hub-signature-256");
    if (given === "") return `X-Hub-Signature-256 ${NO_HEADER}`;
    const made = `sha256=${signed(secret, "", request.body).toString("hex")}`;
    return sameText(given, made) ? undefined : WRONG;
  },
  stripe(request, secret) {
    const parts = headerOf(request, "stripe-signature").split(",");
    const of = (name: string) =>
      parts.flatMap((part) => (part.startsWith(`${name}=`) ? [part.slice(name.length + 1)] : []));
    const [seconds = ""] = of("t");
    if (seconds === "") return `Stripe-Signature ${NO_HEADER}`;
    const made = signed(secret, `${seconds}.`, request.body).toString("hex");
    const isSigned = of("v1").filter((each) => sameText(each, made)).length > 0;
    return isSigned ? timeProblem(seconds, request.nowMs) : WRONG;
  },
  slack(request, secret) {
    const seconds = headerOf(request, "x-slack-request-timestamp");
    const given = headerOf(request, "x-slack-signature");
    if (given === "") return `X-Slack-Signature ${NO_HEADER}`;
    const made = `v0=${signed(secret, `v0:${seconds}:`, request.body).toString("hex")}`;
    return sameText(given, made) ? timeProblem(seconds, request.nowMs) : WRONG;
  },
  bearer(request, secret) {
    const given = /^Bearer +(.*)$/i.exec(headerOf(request, "authorization"))?.[1] ?? "";
    if (given === "") return `the bearer token ${NO_HEADER}`;
    return sameText(given, secret) ? undefined : "the bearer token is not that of the endpoint";
  },
};

/** Why a webhook is not from who has the secret, as a sentence; undefined: it is. */
export function findSignatureProblem(
  how: Verification,
  request: SignedRequest,
  secret: string,
): string | undefined {
  if (how === "none") return undefined;
  return how === "unspecified" ? "there is no such scheme" : CHECKS[how](request, secret);
}

/** What is wrong with a secret for a scheme, as a sentence; undefined when it can be used. */
export function findSecretProblem(how: Verification, secret: string): string | undefined {
  if (how === "standard_webhooks") {
    const text = secret.slice(STANDARD_PREFIX.length);
    const bytes = Buffer.from(text, "base64").byteLength;
    const isSound = secret.startsWith(STANDARD_PREFIX) && /^[A-Za-z0-9+/]+={0,2}$/.test(text);
    const { least, most } = STANDARD_BYTES;
    if (isSound && bytes >= least && bytes <= most) return undefined;
    return `must be whsec_ and ${least} to ${most} bytes in base64`;
  }
  const { least, most } = SECRET_CHARS;
  if (/^[\x21-\x7e]*$/.test(secret) && secret.length >= least && secret.length <= most) {
    return undefined;
  }
  return `must be ${least} to ${most} visible ASCII characters`;
}

/** A new secret; undefined for schemes whose secret the sender gives. */
export function makeSecret(how: Verification): string | undefined {
  if (how === "stripe" || how === "slack") return undefined;
  const bytes = randomBytes(MADE_BYTES);
  return how === "standard_webhooks"
    ? `${STANDARD_PREFIX}${bytes.toString("base64")}`
    : bytes.toString("base64url");
}

/** The header webhook-signature of Standard Webhooks; the time is in seconds since 1970. */
export function signStandard(
  secret: string,
  id: string,
  seconds: string,
  body: Uint8Array,
): string {
  const key = Buffer.from(secret.slice(STANDARD_PREFIX.length), "base64");
  return `v1,${signed(key, `${id}.${seconds}.`, body).toString("base64")}`;
}

function signed(key: string | Buffer, before: string, body: Uint8Array): Buffer {
  return createHmac("sha256", key).update(before).update(body).digest();
}

/** Their hashes have one length, so that the time says nothing of the texts. */
function sameText(a: string, b: string): boolean {
  const hash = (text: string) => createHash("sha256").update(text).digest();
  return timingSafeEqual(hash(a), hash(b));
}

function timeProblem(seconds: string, nowMs: number): string | undefined {
  const atMs = /^\d{1,12}$/.test(seconds) ? Number(seconds) * 1_000 : Number.NaN;
  const isNear = Math.abs(nowMs - atMs) <= TOLERANCE_MS;
  return isNear ? undefined : "the time of the signature is more than 5 minutes off";
}

function headerOf({ headers }: SignedRequest, name: string): string {
  const value = headers[name.toLowerCase()];
  return typeof value === "string" ? value : "";
}
