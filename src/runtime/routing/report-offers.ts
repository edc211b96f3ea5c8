/**
 * What replicas tell each other about reports: an offer of some, and which of them were taken.
 *
 * Boundary: texts and signatures; who is told, and what is done with it, is shared-reports.ts.
 * Invariant: a text counts only with a signature by the edition of the catalogue, a random value that only the database and its replicas
 * know. An answer is signed together with its offer. So whoever else may write to the bus can neither end a step by a forged report
 * nor have a report acknowledged that nobody took.
 */
import { createHmac, randomBytes, timingSafeEqual } from "node:crypto";
import type { ReportingEvent } from "./route-inputs.ts";

/** Which reports of an offer were taken. */
export interface OfferAnswer {
  /** Places in the offer, each with the run that took the report; that is committed. */
  readonly taken: readonly (readonly [place: number, runId: string])[];
  /** Whether a statement that began after the offer came has read the edition that the offer is signed by. */
  readonly isCurrent: boolean;
}

/** An offer as it is sent. */
export interface SentOffer {
  readonly text: string;
  readonly edition: string;
  /** Places in the batch, by the place in the offer. */
  readonly places: readonly number[];
}

/** Another form of the texts has another name, so that replicas of two releases do not read each other's. */
const OFFER = "workflows report offer 1";
const ANSWER = "workflows report answer 1";
/** A server of NATS takes 1 MiB unless it is set otherwise; what is over that goes the way of all reports. */
const OFFER_BYTES_AT_MOST = 256 * 1024;
const NONCE_BYTES = 12;

/** Writes an offer of the reports of these events, as far as they have room; undefined: there is none. */
export function writeOffer(
  edition: string,
  events: readonly ReportingEvent[],
  wanted: readonly number[],
): SentOffer | undefined {
  const places: number[] = [];
  const reports: string[] = [];
  let length = 0;
  for (const place of wanted) {
    const event = events[place];
    if (event === undefined) continue;
    const { id, workspaceId, actorAgentId, report } = event;
    const text = JSON.stringify({ id, workspaceId, actorAgentId, report });
    // A character of JSON has up to three bytes.
    if (length + 3 * text.length > OFFER_BYTES_AT_MOST) continue;
    length += 3 * text.length;
    places.push(place);
    reports.push(text);
  }
  if (places.length === 0) return undefined;
  const nonce = randomBytes(NONCE_BYTES).toString("base64url");
  const text = signed(edition, OFFER, `{"nonce":"${nonce}","reports":[${reports.join(",")}]}`);
  return { text, edition, places };
}

/** The reports of an offer; undefined: it is not signed by this edition. */
export function readOffer(edition: string, text: string): ReportingEvent[] | undefined {
  const body = bodyOf(edition, OFFER, text);
  if (body === undefined) return undefined;
  const { reports }: { reports: ReportingEvent[] } = JSON.parse(body);
  return reports;
}

/** Writes the answer to an offer that was read with this edition. */
export function writeAnswer(edition: string, offer: string, answer: OfferAnswer): string {
  return signed(edition, ANSWER + signatureOf(offer), JSON.stringify(answer));
}

/** The answer to an offer; undefined: it is none. */
export function readAnswer({ edition, text: offer }: SentOffer, text: string) {
  const body = bodyOf(edition, ANSWER + signatureOf(offer), text);
  if (body === undefined) return undefined;
  const answer: OfferAnswer = JSON.parse(body);
  return answer;
}

function signed(edition: string, what: string, body: string): string {
  return `${sign(edition, what, body)} ${body}`;
}

function bodyOf(edition: string, what: string, text: string): string | undefined {
  const given = signatureOf(text);
  const body = text.slice(given.length + 1);
  const expected = sign(edition, what, body);
  if (given.length !== expected.length) return undefined;
  return timingSafeEqual(Buffer.from(given), Buffer.from(expected)) ? body : undefined;
}

function signatureOf(text: string): string {
  return text.slice(0, Math.max(0, text.indexOf(" ")));
}

function sign(edition: string, what: string, body: string): string {
  return createHmac("sha256", edition).update(what).update("\0").update(body).digest("base64url");
}
