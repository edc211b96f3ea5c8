/**
 * What a call fails with.
 * Boundary: one class for errors of the service and of the way to it; which error is retried is calls.ts's.
 */
import { Code, ConnectError } from "@connectrpc/connect";
import {
  BadRequestSchema,
  ErrorInfoSchema,
  RetryInfoSchema,
} from "../../gen/google/rpc/error_details_pb.ts";

/** The codes of gRPC. */
export type ErrorCode = (typeof CODES)[Code];

const CODES = {
  [Code.Canceled]: "CANCELLED",
  [Code.Unknown]: "UNKNOWN",
  [Code.InvalidArgument]: "INVALID_ARGUMENT",
  [Code.DeadlineExceeded]: "DEADLINE_EXCEEDED",
  [Code.NotFound]: "NOT_FOUND",
  [Code.AlreadyExists]: "ALREADY_EXISTS",
  [Code.PermissionDenied]: "PERMISSION_DENIED",
  [Code.ResourceExhausted]: "RESOURCE_EXHAUSTED",
  [Code.FailedPrecondition]: "FAILED_PRECONDITION",
  [Code.Aborted]: "ABORTED",
  [Code.OutOfRange]: "OUT_OF_RANGE",
  [Code.Unimplemented]: "UNIMPLEMENTED",
  [Code.Internal]: "INTERNAL",
  [Code.Unavailable]: "UNAVAILABLE",
  [Code.DataLoss]: "DATA_LOSS",
  [Code.Unauthenticated]: "UNAUTHENTICATED",
} as const satisfies Record<Code, string>;

/** A field of the request that the service refuses. */
export interface FieldFault {
  /** Its path, such as `steps[3].id`. */
  readonly field: string;
  readonly description: string;
}

/** A call that failed. `cause` is the error of Connect. */
export class WorkflowsError extends Error {
  override readonly name = "WorkflowsError";
  readonly code: ErrorCode;
  /** Why the service refuses, such as `ILLEGAL_MOVE` (docs/errors.md); undefined: the service did not make this error. */
  readonly reason: string | undefined;
  /** Of an INVALID_ARGUMENT. */
  readonly fields: readonly FieldFault[];
  /**
   * Of a verb that a state does not allow: the state, and the one that the verb would have led to; undefined: no state is in the way. Of a
   * workflow they are words of WorkflowStatus, and in place of the second one TRIGGERED (a run starts) and DELETED.
   */
  readonly states: { readonly from: string; readonly to: string } | undefined;
  /** The name of the hook that refuses, of HOOK_REFUSED and HOOK_AWAY. */
  readonly hook: string | undefined;
  /** When the service asks to be called again, in ms from now. */
  readonly retryAfterMs: number | undefined;

  constructor(error: ConnectError) {
    super(error.rawMessage, { cause: error });
    this.code = CODES[error.code];
    const infos = error.findDetails(ErrorInfoSchema);
    const info = infos.find(({ domain }) => domain === "workflows");
    this.reason = info?.reason;
    const { from, to } = info?.metadata ?? {};
    this.hook = info?.metadata.hook;
    this.states = from === undefined || to === undefined ? undefined : { from, to };
    this.fields = error
      .findDetails(BadRequestSchema)
      .flatMap(({ fieldViolations }) => fieldViolations)
      .map(({ field, description }) => ({ field, description }));
    const delay = error.findDetails(RetryInfoSchema)[0]?.retryDelay;
    this.retryAfterMs =
      delay === undefined ? undefined : Number(delay.seconds) * 1_000 + delay.nanos / 1_000_000;
  }

  /** The error that a thrown value is, or stands for. */
  static from(thrown: unknown): WorkflowsError {
    return thrown instanceof WorkflowsError
      ? thrown
      : new WorkflowsError(ConnectError.from(thrown));
  }
}

/** Whether no answer of the service arrived: it may have done what was asked. */
export function isLost({ code, reason, cause }: WorkflowsError): boolean {
  if (reason !== undefined) return false;
  return code === "UNAVAILABLE" || code === "ABORTED" || hasSystemCode(cause);
}

/** Whether an error of the operating system or of Node, such as ECONNRESET, is below this one. */
function hasSystemCode(error: unknown): boolean {
  for (let cause = error; cause instanceof Error; cause = cause.cause) {
    if (!(cause instanceof ConnectError) && "code" in cause && typeof cause.code === "string")
      return true;
  }
  return false;
}
