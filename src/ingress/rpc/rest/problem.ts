/**
 * Errors as problem+json (RFC 9457), with the reason and the faulty fields that an RPC's error has in its details.
 * Boundary: forms and statuses of HTTP; codes and reasons are errors.ts.
 */
import { Code, ConnectError } from "@connectrpc/connect";
import {
  BadRequestSchema,
  ErrorInfoSchema,
  RetryInfoSchema,
} from "../../../../gen/google/rpc/error_details_pb.ts";

/** An answer without a message. */
export interface Problem {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
}

/** A request that is none of a route: what HTTP alone is wrong with. */
export class HttpFault extends Error {
  override readonly name = "HttpFault";
  readonly status: number;
  readonly reason: string;
  readonly headers: Readonly<Record<string, string>>;
  constructor(
    status: number,
    reason: string,
    words: string,
    headers: Readonly<Record<string, string>> = {},
  ) {
    super(words);
    this.status = status;
    this.reason = reason;
    this.headers = headers;
  }
}

/** Where HTTP says more than the code. */
const BY_REASON: ReadonlyMap<string, number> = new Map([
  ["ETAG_MISMATCH", 412],
  ["TOO_LARGE", 413],
  ["TOO_COSTLY", 422],
]);
/** A caller who has gone reads none. */
const GONE = 499;
const BY_CODE: Readonly<Record<Code, number>> = {
  [Code.Canceled]: GONE,
  [Code.Unknown]: 500,
  [Code.InvalidArgument]: 400,
  [Code.DeadlineExceeded]: 504,
  [Code.NotFound]: 404,
  [Code.AlreadyExists]: 409,
  [Code.PermissionDenied]: 403,
  [Code.ResourceExhausted]: 429,
  [Code.FailedPrecondition]: 409,
  [Code.Aborted]: 409,
  [Code.OutOfRange]: 400,
  [Code.Unimplemented]: 501,
  [Code.Internal]: 500,
  [Code.Unavailable]: 503,
  [Code.DataLoss]: 500,
  [Code.Unauthenticated]: 401,
};
const TYPE = "application/problem+json";

/** What is answered in the place of a message. */
export function problemOf(thrown: unknown): Problem {
  const shape = shapeOf(thrown);
  const body = Buffer.from(JSON.stringify(shape.json));
  const headers = {
    ...shape.headers,
    "content-type": TYPE,
    "content-length": String(body.byteLength),
    "cache-control": "no-store",
  };
  return { status: shape.json.status, headers, body };
}

/** A problem as JSON, as a stream that has begun sends it. */
export function problemJson(thrown: unknown): object {
  return shapeOf(thrown).json;
}

function shapeOf(thrown: unknown) {
  if (thrown instanceof HttpFault) {
    const { status, reason, message, headers } = thrown;
    return { headers, json: { type: typeOf(reason), status, detail: message, reason } };
  }
  const error = ConnectError.from(thrown);
  const [info] = error.findDetails(ErrorInfoSchema);
  const reason = info?.reason ?? "PROTOCOL";
  const status = BY_REASON.get(reason) ?? BY_CODE[error.code];
  const errors = error
    .findDetails(BadRequestSchema)
    .flatMap(({ fieldViolations }) =>
      fieldViolations.map(({ field, description }) => ({ field, description })),
    );
  const json = {
    ...{ type: typeOf(reason), status, detail: error.rawMessage },
    ...{ code: codeName(error.code), reason },
    ...(errors.length === 0 ? {} : { errors }),
    ...(info === undefined || Object.keys(info.metadata).length === 0
      ? {}
      : { metadata: info.metadata }),
  };
  return { json, headers: headersOf(error, status) };
}

function headersOf(error: ConnectError, status: number): Record<string, string> {
  const [retry] = error.findDetails(RetryInfoSchema);
  const delay = retry?.retryDelay;
  return {
    ...(status === BY_CODE[Code.Unauthenticated] ? { "www-authenticate": "Bearer" } : {}),
    // In whole seconds, and never at once.
    ...(delay === undefined
      ? {}
      : {
          "retry-after": String(Math.max(1, Number(delay.seconds) + Math.ceil(delay.nanos / 1e9))),
        }),
  };
}

function typeOf(reason: string): string {
  return `urn:workflows:reason:${reason}`;
}

function codeName(code: Code): string {
  return Code[code].replaceAll(/(?<=[a-z])(?=[A-Z])/g, "_").toUpperCase();
}
