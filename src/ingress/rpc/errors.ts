/**
 * The error table: what each refusal is on the wire, in code and google.rpc details.
 * Boundary: the only place where codes are chosen; handlers throw Refusals and know no codes.
 * Invariants:
 * E1 Every error carries an ErrorInfo whose domain is `workflows`.
 * E2 Nothing of an unknown error is sent but "internal error".
 */
import { create, type DescMessage, type MessageInitShape, toBinary } from "@bufbuild/protobuf";
import { Code, ConnectError } from "@connectrpc/connect";
import {
  BadRequestSchema,
  ErrorInfoSchema,
  PreconditionFailureSchema,
  ResourceInfoSchema,
  RetryInfoSchema,
} from "../../../gen/google/rpc/error_details_pb.ts";
import { type FieldFault, type Reason, Refusal, type RefusalFacts } from "../../process/refusal.ts";
import { isAway, isLostRace, isTimedOut } from "../../store/pg-errors.ts";

/** One detail as Connect takes it. */
interface Detail {
  readonly desc: DescMessage;
  readonly value: MessageInitShape<DescMessage>;
}

interface Row {
  readonly code: Code;
  readonly details: (refusal: Refusal, roomBytes: number) => Detail[];
}

const DOMAIN = "workflows";
const MESSAGE_CHARS = 600;
// Room for the words that say how many faults are left out.
const MORE_CHARS = 20;
// A request that could not be decoded has one fault.
const FAULT_ROOM_BYTES = 4_000;
const LOST_RACE_RETRY_MS = 100;
const OVERLOADED_RETRY_MS = 1_000;
const UNAVAILABLE_RETRY_MS = 1_000;

const TABLE: Record<Reason, Row> = {
  invalid_fields: {
    code: Code.InvalidArgument,
    details: ({ facts }, roomBytes) => [badRequest(facts.fields ?? [], roomBytes)],
  },
  not_found: { code: Code.NotFound, details: ({ facts }) => resourceInfo(facts) },
  already_exists: { code: Code.AlreadyExists, details: ({ facts }) => resourceInfo(facts) },
  illegal_move: { code: Code.FailedPrecondition, details: preconditionFailure },
  nothing_published: { code: Code.FailedPrecondition, details: preconditionFailure },
  workflow_paused: { code: Code.FailedPrecondition, details: preconditionFailure },
  archived: { code: Code.FailedPrecondition, details: preconditionFailure },
  has_runs: { code: Code.FailedPrecondition, details: preconditionFailure },
  too_many_open_runs: { code: Code.FailedPrecondition, details: preconditionFailure },
  hook_refused: { code: Code.FailedPrecondition, details: preconditionFailure },
  hook_away: { code: Code.FailedPrecondition, details: preconditionFailure },
  etag_mismatch: { code: Code.Aborted, details: ({ facts }) => resourceInfo(facts) },
  too_large: { code: Code.ResourceExhausted, details: () => [] },
  too_costly: { code: Code.ResourceExhausted, details: () => [] },
  lost_race: { code: Code.Aborted, details: () => [retryInfo(LOST_RACE_RETRY_MS)] },
  timed_out: { code: Code.DeadlineExceeded, details: () => [] },
  overloaded: { code: Code.ResourceExhausted, details: () => [retryInfo(OVERLOADED_RETRY_MS)] },
  unavailable: { code: Code.Unavailable, details: () => [retryInfo(UNAVAILABLE_RETRY_MS)] },
  unauthenticated: { code: Code.Unauthenticated, details: () => [] },
  permission_denied: { code: Code.PermissionDenied, details: () => [] },
};

/** Faults that Connect finds before or around a handler: reason of the ErrorInfo by code. */
const PROTOCOL_REASONS: Partial<Record<Code, string>> = {
  [Code.InvalidArgument]: "MALFORMED_REQUEST",
  [Code.ResourceExhausted]: "TOO_LARGE",
  [Code.Unimplemented]: "UNSUPPORTED",
  [Code.DeadlineExceeded]: "DEADLINE_EXCEEDED",
  [Code.Canceled]: "CANCELED",
  [Code.Internal]: "INTERNAL",
};

/**
 * The error to send for whatever a handler threw, and whether it is a bug to be logged.
 * `roomBytes` bounds the field violations: gRPC sends them in a header, where clients allow little.
 */
export function toConnectError(
  thrown: unknown,
  roomBytes: number,
): { error: ConnectError; bug: boolean } {
  if (thrown instanceof Refusal) return { error: refusalError(thrown, roomBytes), bug: false };
  if (isAway(thrown)) {
    const away = new Refusal("unavailable", "the database is away; try again", { cause: thrown });
    return { error: refusalError(away, roomBytes), bug: false };
  }
  if (isTimedOut(thrown)) {
    const message = "the query took too long; ask for less";
    const slow = new Refusal("timed_out", message, { cause: thrown });
    return { error: refusalError(slow, roomBytes), bug: false };
  }
  if (isLostRace(thrown)) {
    const race = new Refusal("lost_race", "another call was faster; try again", { cause: thrown });
    return { error: refusalError(race, roomBytes), bug: false };
  }
  if (thrown instanceof ConnectError && thrown.code !== Code.Internal) {
    return { error: protocolError(thrown.code, thrown.rawMessage, thrown), bug: false };
  }
  return { error: protocolError(Code.Internal, "internal error", thrown), bug: true };
}

/** An error that no handler decided on: malformed bytes, limits of the protocol, a deadline. */
export function protocolError(
  code: Code,
  message: string,
  cause?: unknown,
  fields: readonly FieldFault[] = [],
): ConnectError {
  const reason = PROTOCOL_REASONS[code] ?? "PROTOCOL";
  return new ConnectError(
    sendable(message, MESSAGE_CHARS),
    code,
    undefined,
    [errorInfo(reason, {}), ...(fields.length === 0 ? [] : [badRequest(fields, FAULT_ROOM_BYTES)])],
    cause,
  );
}

function refusalError(refusal: Refusal, roomBytes: number): ConnectError {
  const row = TABLE[refusal.reason];
  const info = errorInfo(refusal.reason.toUpperCase(), metadataOf(refusal.facts));
  return new ConnectError(
    sendable(messageOf(refusal), MESSAGE_CHARS),
    row.code,
    undefined,
    [info, ...row.details(refusal, roomBytes)],
    refusal.facts.cause,
  );
}

/** The faulty fields stand in the message as far as there is room, for readers who do not unpack details. */
function messageOf({ message, facts: { fields = [] } }: Refusal): string {
  const shown: string[] = [];
  let chars = message.length;
  for (const { field, description } of fields) {
    const fault = field === "" ? description : `${field}: ${description}`;
    chars += fault.length + 2;
    if (shown.length > 0 && chars > MESSAGE_CHARS - MORE_CHARS) break;
    shown.push(fault);
  }
  const more = fields.length - shown.length;
  const rest = more > 0 ? ` (and ${more} more)` : "";
  return shown.length === 0 ? message : `${message}: ${shown.join("; ")}${rest}`;
}

function metadataOf(facts: RefusalFacts): Record<string, string> {
  const { resource, from, to, scope, fields, etags, hook } = facts;
  const pairs: [string, string | undefined][] = [
    ["resource_type", resource?.type],
    ["resource_name", resource?.name],
    ["from", from],
    ["to", to],
    ["scope", scope],
    ["hook", hook],
    ["etag_sent", etags?.sent],
    ["etag_stored", etags?.stored],
    ["faults", fields === undefined ? undefined : String(fields.length)],
  ];
  const known = pairs.filter((pair): pair is [string, string] => pair[1] !== undefined);
  return Object.fromEntries(known.map(([key, value]) => [key, sendable(value, MESSAGE_CHARS)]));
}

function errorInfo(reason: string, metadata: Record<string, string>): Detail {
  return {
    desc: ErrorInfoSchema,
    value: create(ErrorInfoSchema, { reason, domain: DOMAIN, metadata }),
  };
}

/** As many violations as there is room for; the last one says how many more there are. */
function badRequest(faults: readonly FieldFault[], roomBytes: number): Detail {
  const violations: FieldFault[] = [];
  let left = roomBytes;
  for (const fault of faults) {
    const violation = {
      field: sendable(fault.field, MESSAGE_CHARS),
      description: sendable(fault.description, MESSAGE_CHARS),
    };
    left -= toBinary(
      BadRequestSchema,
      create(BadRequestSchema, { fieldViolations: [violation] }),
    ).length;
    if (left < 0) break;
    violations.push(violation);
  }
  const more = faults.length - violations.length;
  if (more > 0) {
    const field = sendable(faults[violations.length]?.field ?? "", MESSAGE_CHARS);
    violations.push({ field, description: `${more} more faults from here on are not listed` });
  }
  return {
    desc: BadRequestSchema,
    value: create(BadRequestSchema, { fieldViolations: violations }),
  };
}

function resourceInfo({ resource }: RefusalFacts): Detail[] {
  if (resource === undefined) return [];
  const value = create(ResourceInfoSchema, {
    resourceType: resource.type,
    resourceName: sendable(resource.name, MESSAGE_CHARS),
  });
  return [{ desc: ResourceInfoSchema, value }];
}

function preconditionFailure({ reason, message, facts }: Refusal): Detail[] {
  const { from, to, resource } = facts;
  const move = from === undefined || to === undefined ? "" : `from ${from} to ${to}: `;
  const value = create(PreconditionFailureSchema, {
    violations: [
      {
        type: reason.toUpperCase(),
        subject: sendable(resource?.name ?? "", MESSAGE_CHARS),
        description: sendable(`${move}${message}`, MESSAGE_CHARS),
      },
    ],
  });
  return [{ desc: PreconditionFailureSchema, value }];
}

function retryInfo(delayMs: number): Detail {
  const value = create(RetryInfoSchema, {
    retryDelay: {
      seconds: BigInt(Math.floor(delayMs / 1000)),
      nanos: (delayMs % 1000) * 1_000_000,
    },
  });
  return { desc: RetryInfoSchema, value };
}

/** Text that every protocol can carry: bounded, and without lone surrogates, which no header takes. */
function sendable(text: string, maxChars: number): string {
  const cut = text.length > maxChars ? `${text.slice(0, maxChars - 1)}…` : text;
  return cut.toWellFormed();
}
