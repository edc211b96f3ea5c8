/**
 * Errors in the entity's words: what a verb is refused with, here or by the service.
 * Boundary: makes WorkflowsErrors, the one class that all calls fail with.
 */
import { create, toBinary } from "@bufbuild/protobuf";
import { Code, ConnectError } from "@connectrpc/connect";
import { BadRequestSchema, ErrorInfoSchema } from "../../gen/google/rpc/error_details_pb.ts";
import { type FieldFault, WorkflowsError } from "../client/errors.ts";
import { fieldOfPath } from "./compile/content.ts";
import { statusWord } from "./states.ts";

interface Refusal {
  readonly code: Code;
  readonly reason: string;
  readonly message: string;
  readonly fields?: readonly FieldFault[];
  readonly metadata?: Readonly<Record<string, string>>;
  readonly cause?: unknown;
}

function refusal({
  code,
  reason,
  message,
  fields = [],
  metadata = {},
  cause,
}: Refusal): WorkflowsError {
  const info = create(ErrorInfoSchema, { domain: "workflows", reason, metadata });
  const bad = create(BadRequestSchema, { fieldViolations: fields.map((field) => ({ ...field })) });
  const error = new ConnectError(message, code, undefined, undefined, cause);
  // As they come from the service, so that the error prints no descriptors.
  error.details.push({ type: ErrorInfoSchema.typeName, value: toBinary(ErrorInfoSchema, info) });
  if (fields.length > 0) {
    error.details.push({ type: BadRequestSchema.typeName, value: toBinary(BadRequestSchema, bad) });
  }
  return new WorkflowsError(error);
}

/** INVALID_ARGUMENT: these fields, each with a sentence without its subject. */
export function refusedFields(call: string, fields: readonly FieldFault[]): WorkflowsError {
  const said = fields.map(({ field, description }) => `${field} ${description}`);
  return refusal({
    ...{ code: Code.InvalidArgument, reason: "INVALID_FIELDS", fields },
    message: `${call}: ${said.join("; ")}`,
  });
}

/** FAILED_PRECONDITION: the state `from` does not lead to `to`. */
export function refusedMove(message: string, from: string, to: string): WorkflowsError {
  return refusal({
    ...{ code: Code.FailedPrecondition, reason: "ILLEGAL_MOVE", message, metadata: { from, to } },
  });
}

/** FAILED_PRECONDITION: the workflow is more than the entity's fields can say. */
export function refusedContent(message: string): WorkflowsError {
  return refusal({ code: Code.FailedPrecondition, reason: "WRITTEN_ELSEWHERE", message });
}

/** Whether the workflow was changed between being read and being written: read again, the same change may be done. */
export function isLostRace(thrown: unknown): boolean {
  if (!(thrown instanceof WorkflowsError)) return false;
  return thrown.reason === "ETAG_MISMATCH" || thrown.reason === "LOST_RACE";
}

/** NOT_FOUND. */
export function notFound(id: string): WorkflowsError {
  return refusal({
    ...{ code: Code.NotFound, reason: "NOT_FOUND", message: `there is no workflow ${id}` },
  });
}

/** Awaits calls of the service; states and fields of their errors are given in the entity's words. */
export async function inOwnWords<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (thrown) {
    throw translated(thrown);
  }
}

/** Places are those of the file that was compiled, which the caller does not see. */
function withoutPlaces(words: string): string {
  return words.replaceAll(/\bline \d+, column \d+: /g, "");
}

function translated(thrown: unknown): unknown {
  if (!(thrown instanceof WorkflowsError)) return thrown;
  const { reason, states, fields, hook, cause, message } = thrown;
  const isSaidOtherwise = states !== undefined || fields.length > 0;
  if (reason === undefined || !isSaidOtherwise || !(cause instanceof ConnectError)) return thrown;
  return refusal({
    ...{ code: cause.code, reason, message: withoutPlaces(message), cause: thrown },
    fields: fields.map(({ field, description }) => {
      return { field: fieldOfPath(field), description: withoutPlaces(description) };
    }),
    metadata: {
      ...(states === undefined ? {} : { from: statusWord(states.from), to: statusWord(states.to) }),
      ...(hook === undefined ? {} : { hook }),
    },
  });
}
