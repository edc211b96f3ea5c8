/**
 * The page docs/errors.md, made by the code that makes errors: every reason with its code and details, the reasons of
 * protocol errors, and the reasons of dead letters.
 *
 * Boundary: makes text; `npx tsx tools/make-pages.ts` writes it, a test compares it. Codes and details come from
 * ingress/rpc/errors.ts; a reason without a meaning below does not compile.
 */
import { createRegistry } from "@bufbuild/protobuf";
import { Code, type ConnectError } from "@connectrpc/connect";
import {
  ErrorInfoSchema,
  file_google_rpc_error_details,
  RetryInfoSchema,
} from "../gen/google/rpc/error_details_pb.ts";
import { protocolError, toConnectError } from "../src/ingress/rpc/errors.ts";
import { type Reason, Refusal, type RefusalFacts } from "../src/process/refusal.ts";
import type { PoisonReason } from "../src/wire/bus/poison.ts";

const DETAILS = createRegistry(file_google_rpc_error_details);
const ROOM_BYTES = 4_000;
/** All facts, so that each reason shows the details that it can carry. */
const FACTS: Required<Omit<RefusalFacts, "cause">> = {
  fields: [{ field: "name", description: "is required" }],
  resource: { type: "run", name: "wfr_1" },
  from: "COMPLETED",
  to: "PAUSED",
  scope: "workflows:run",
  hook: "four-eyes",
  etags: { sent: "a", stored: "b" },
};

const MEANINGS: Readonly<Record<Reason, string>> = {
  invalid_fields: "Fields of the request are wrong; the details list each one.",
  not_found: "The object does not exist, or another workspace owns it.",
  already_exists: "The name, id or key is taken with other content.",
  illegal_move: "The state of the run, step, workflow or deployment does not allow the call.",
  nothing_published: "The definition has no published version.",
  workflow_paused: "The workflow is paused: `Workflows.Resume` ends the pause.",
  archived: "The workflow is archived: nothing starts runs of it.",
  has_runs: "Runs of the workflow are stored, so it can be archived, and not deleted.",
  too_many_open_runs: "The workflow has as many open runs as its `run_limit` allows.",
  hook_refused: "A hook of the workspace refuses the call; the metadata has its name.",
  hook_away:
    "A hook of the workspace gave no answer, so the call is refused; the metadata has its name.",
  etag_mismatch: "Somebody else has changed it since it was read. Read it again.",
  too_large: "The request or what it would make is over a limit of size.",
  too_costly: "The work is over a limit of cost. A repeat gives the same error.",
  lost_race: "Another call changed the same object first.",
  timed_out: "A query took too long.",
  overloaded: "A queue of the service is full.",
  unavailable: "The database or a service that the call needs is away.",
  unauthenticated: "The call has no valid token.",
  permission_denied: "The token does not allow the call.",
};

const DEAD_LETTERS: Readonly<Record<PoisonReason | "handling_failed", string>> = {
  too_large: "The message or its data is over a limit of size.",
  unknown_encoding: "The message has none of the known formats.",
  not_utf8: "Text of the message is not UTF-8.",
  not_json: "The message should be JSON and is not.",
  not_an_object: "The message or its data is JSON, but no object.",
  not_protobuf: "The message should be protobuf and is not.",
  missing_attribute: "A required attribute is absent.",
  bad_attribute: "An attribute has an invalid value.",
  bad_data: "The data does not fit the message that it names.",
  handling_failed: "The message was read, but its handling failed too often.",
};

/** The reasons, in the order of the table. */
const REASONS = Object.keys(MEANINGS) as Reason[];

/** The text of docs/errors.md. */
export function errorsPage(): string {
  return [
    "# Reasons of errors",
    "",
    "`npx tsx tools/make-pages.ts` makes this page from the code. Do not edit it.",
    "",
    "Every error of an RPC carries a `google.rpc.ErrorInfo` with the domain `workflows` and one of these reasons. Decide by",
    "the code and the reason. The message is for people and may change.",
    "",
    "## Refusals",
    "",
    "| reason | code | other details | repeat after | meaning |",
    "| --- | --- | --- | --- | --- |",
    ...REASONS.map(rowOf),
    "",
    `The metadata of \`ErrorInfo\` may hold ${metadataKeys()}.`,
    "",
    "## Errors of the protocol",
    "",
    "These end a call before or around its handler. `INTERNAL` is a fault of the service: its cause is logged and not sent.",
    "",
    "| reason | code |",
    "| --- | --- |",
    ...protocolRows(),
    "",
    "## Dead letters",
    "",
    "A message of the bus that cannot be applied goes to the dead letters: the table `dead_letters` (column `reason`) and the",
    "stream of dead letters (header `Dead-Letter-Reason`).",
    "",
    "| reason | meaning |",
    "| --- | --- |",
    ...Object.entries(DEAD_LETTERS).map(([reason, meaning]) => `| \`${reason}\` | ${meaning} |`),
    "",
  ].join("\n");
}

function rowOf(reason: Reason): string {
  const { error } = toConnectError(new Refusal(reason, "refused", FACTS), ROOM_BYTES);
  const others = detailNames(error).filter((name) => name !== ErrorInfoSchema.name);
  const details = others.map((name) => `\`${name}\``).join(", ");
  const cells = [`\`${infoOf(error).reason}\``, codeName(error.code), details, retryOf(error)];
  return `| ${[...cells, MEANINGS[reason]].join(" | ")} |`;
}

function protocolRows(): string[] {
  const codes = Object.values(Code).filter((code): code is Code => typeof code === "number");
  const named = codes
    .map((code) => ({ code, reason: infoOf(protocolError(code, "")).reason }))
    .filter(({ reason }) => reason !== "PROTOCOL");
  const rows = named.map(({ code, reason }) => `| \`${reason}\` | ${codeName(code)} |`);
  return [...rows, "| `PROTOCOL` | every other code |"];
}

function metadataKeys(): string {
  const { error } = toConnectError(new Refusal("not_found", "refused", FACTS), ROOM_BYTES);
  const keys = Object.keys(infoOf(error).metadata).map((key) => `\`${key}\``);
  return `${keys.slice(0, -1).join(", ")} and ${keys.at(-1)}`;
}

function detailNames(error: ConnectError): string[] {
  return error.findDetails(DETAILS).map(({ $typeName }) => $typeName.replace(/.*\./, ""));
}

function infoOf(error: ConnectError) {
  const [info] = error.findDetails(ErrorInfoSchema);
  if (info === undefined) throw new Error("an error has no ErrorInfo");
  return info;
}

function retryOf(error: ConnectError): string {
  const [retry] = error.findDetails(RetryInfoSchema);
  if (retry?.retryDelay === undefined) return "";
  return `${Number(retry.retryDelay.seconds) + retry.retryDelay.nanos / 1e9} s`;
}

/** `InvalidArgument` as gRPC writes it: `INVALID_ARGUMENT`. */
function codeName(code: Code): string {
  if (code === Code.Canceled) return "CANCELLED";
  return Code[code].replace(/(?<!^)([A-Z])/g, "_$1").toUpperCase();
}
