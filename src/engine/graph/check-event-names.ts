/**
 * Names behind `event.` in the filters of triggers and waits that no event can have, or that are surely slips.
 * Boundary: the filter's text; whether an event has an extension of that name is only known when it comes.
 */
import { MAX_SOURCE_BYTES } from "../expression/bounds.ts";
import { type AddFault, anyOf, quoted } from "./faults.ts";
import { isSingleEdit } from "./nearest-name.ts";

/** What filters see of every event. */
const OWN = ["id", "type", "source", "subject", "time", "data"];
/** Extensions that events of this platform have. */
const USUAL = [
  "tenantid",
  "partitionkey",
  "workflowhops",
  "dataref",
  "traceparent",
  "runid",
  "stepid",
];
/** Attributes of CloudEvents that are not given to filters. */
const WITHHELD = ["specversion", "datacontenttype", "dataschema"];
/** Of a shorter name a single edit may be another name. */
const TELLING_CHARS = 5;
const PIECE = /"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'|[A-Za-z_]\w*|\s+|./gs;
const NAME = /^(?:[A-Za-z_]\w*|"\w+"|'\w+')$/;

/**
 * Reports what is wrong with the attributes of the event that a filter reads. A text that is too long for an expression is
 * refused as one, and not looked into: it may be as long as a request.
 */
export function checkEventNames(filter: string, field: string, addFault: AddFault): void {
  if (filter.length > MAX_SOURCE_BYTES) return;
  for (const name of new Set(eventNamesOf(filter))) {
    const problem = problemOf(name);
    if (problem !== undefined) addFault(field, `event.${name}: ${problem}`);
  }
}

function problemOf(name: string): string | undefined {
  if (OWN.includes(name) || USUAL.includes(name)) return undefined;
  if (WITHHELD.includes(name)) return `filters see ${anyOf(OWN)} and extension attributes`;
  const plain = name.toLowerCase().replaceAll("_", "");
  const meant = [...OWN, ...USUAL].find(
    (known) => known === plain || (known.length > TELLING_CHARS && isSingleEdit(known, plain)),
  );
  if (meant !== undefined) return `no event has it; did you mean ${quoted(meant)}?`;
  return /[A-Z]/.test(name)
    ? "extension attributes have names of lower-case letters and digits"
    : undefined;
}

/** `subject` of `event.subject` and `event["subject"]`, outside of texts. */
function eventNamesOf(filter: string): string[] {
  const pieces = (filter.match(PIECE) ?? []).filter((piece) => piece.trim() !== "");
  return pieces.flatMap((piece, at) => {
    if (piece !== "event" || pieces[at - 1] === ".") return [];
    const name = pieces[at + 2] ?? "";
    return ["[", "."].includes(pieces[at + 1] ?? "") && NAME.test(name)
      ? [name.replace(/["']/g, "")]
      : [];
  });
}
