/**
 * Makes what a live service answered comparable: ids and times are replaced by stable ones, nothing else.
 * Boundary: pure; JSON in, JSON out. All documents of one story are normalised together, so that an id or a time that
 * stands in two of them stands for the same thing afterwards.
 *
 * The mapping:
 * 1. An id of the service (`wfr_` and 26 characters) or of the sandbox (`obj_` and 32) keeps its prefix and length and
 *    counts up from 1 in the order of its first appearance. So does a UUID: `00000000-0000-4000-8000-000000000001`.
 * 2. An event's id `<run>-<seq>-<place>` keeps its place; the sequence numbers of a run become their rank among those
 *    that appear, for how many moves lie between depends on how calls and events cross.
 * 3. The n-th of all times, in their order, is START plus n seconds.
 */
import type { JsonValue } from "@bufbuild/protobuf";

/** Documents by name, in an order that matters: ids are counted in it. */
export type Documents = Readonly<Record<string, JsonValue>>;

const START_MS = Date.parse("2026-01-12T09:00:00.250Z");
const STEP_MS = 1_000;
const TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$/;
const ID =
  /(?<![0-9A-Za-z])(?:(wfr|wfv|wf)_[0-9a-hjkmnp-tv-z]{26}|(obj|del|apr|apd|gov|ntf)_[0-9a-f]{32})(?![0-9A-Za-z])/g;
const UUID = /[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}/g;
const EVENT_ID = /(wfr_[0-9a-z]{26})-(\d+)-(\d+)/g;
const ANY_TIME = "<time>";

/** The documents with stable ids and times. */
export function normaliseDocuments(documents: Documents): Documents {
  const texts = Object.values(documents).flatMap(textsOf);
  const times = ranksOf(texts.filter((text) => TIME.test(text)).map((text) => Date.parse(text)));
  const seqs = seqRanks(texts);
  const ids = new Map<string, string>();
  const counts = new Map<string, number>();
  const stableId = (id: string, prefix: string, make: (n: number) => string): string => {
    const known = ids.get(id);
    if (known !== undefined) return known;
    const n = (counts.get(prefix) ?? 0) + 1;
    counts.set(prefix, n);
    ids.set(id, make(n));
    return make(n);
  };
  const replace = (text: string): string => {
    if (TIME.test(text)) {
      const rank = times.get(Date.parse(text)) ?? 0;
      return new Date(START_MS + rank * STEP_MS).toISOString();
    }
    return text
      .replace(EVENT_ID, (_, run: string, seq: string, place: string) => {
        return `${run}-${(seqs.get(run)?.get(Number(seq)) ?? 0) + 1}-${place}`;
      })
      .replace(ID, (id) => {
        const prefix = id.slice(0, id.indexOf("_") + 1);
        return stableId(id, prefix, (n) => `${prefix}${padded(n, id.length - prefix.length)}`);
      })
      .replace(UUID, (id) =>
        stableId(id, "uuid", (n) => `00000000-0000-4000-8000-${padded(n, 12)}`),
      );
  };
  return Object.fromEntries(
    Object.entries(documents).map(([name, document]) => [name, mapTexts(document, replace)]),
  );
}

/** A document whose times are all the same: what is left to compare when the times of two runs differ. */
export function hideTimes(document: JsonValue): JsonValue {
  return mapTexts(document, (text) => (TIME.test(text) ? ANY_TIME : text));
}

/** All texts of a document, in its order; names of fields are none. */
function textsOf(document: JsonValue): string[] {
  if (typeof document === "string") return [document];
  if (typeof document !== "object" || document === null) return [];
  return Object.values(document).flatMap(textsOf);
}

function mapTexts(document: JsonValue, replace: (text: string) => string): JsonValue {
  if (typeof document === "string") return replace(document);
  if (typeof document !== "object" || document === null) return document;
  if (Array.isArray(document)) return document.map((item) => mapTexts(item, replace));
  return Object.fromEntries(
    Object.entries(document).map(([name, value]) => [name, mapTexts(value, replace)]),
  );
}

function seqRanks(texts: readonly string[]): Map<string, Map<number, number>> {
  const seqs = new Map<string, number[]>();
  for (const [, run = "", seq] of texts.flatMap((text) => [...text.matchAll(EVENT_ID)])) {
    seqs.set(run, [...(seqs.get(run) ?? []), Number(seq)]);
  }
  return new Map([...seqs].map(([run, found]) => [run, ranksOf(found)]));
}

function ranksOf(numbers: readonly number[]): Map<number, number> {
  const sorted = [...new Set(numbers)].sort((a, b) => a - b);
  return new Map(sorted.map((number, rank) => [number, rank]));
}

function padded(n: number, length: number): string {
  return `${n}`.padStart(length, "0");
}
