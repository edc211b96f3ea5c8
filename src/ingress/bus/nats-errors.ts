/**
 * What an error of the NATS client means, by its code.
 *
 * Boundary: the one place of the bus that knows these codes.
 */
import { ErrorCode, NatsError } from "nats";

/** Whether the stream or consumer that was asked for does not exist. */
export function isMissing(error: unknown): boolean {
  return error instanceof NatsError && error.api_error?.code === 404;
}

/** Whether no stream takes messages of the subject. */
export function isNoResponders(error: unknown): boolean {
  return error instanceof NatsError && error.code === ErrorCode.NoResponders;
}

/** Whether the server takes no message of this size. */
export function isTooLarge(error: unknown): boolean {
  return error instanceof NatsError && error.code === ErrorCode.MaxPayloadExceeded;
}

/** The code of a permission that is missing. */
export const REFUSED_PERMISSION: string = ErrorCode.PermissionsViolation;

const TROUBLES: Readonly<Record<string, string>> = {
  [ErrorCode.AuthorizationViolation]: "NATS refuses the user, password, token or credentials",
  [ErrorCode.AuthenticationExpired]: "the credentials for NATS have expired",
  [ErrorCode.AccountExpired]: "the account in NATS has expired",
  [ErrorCode.AuthenticationTimeout]: "NATS got no credentials in time",
  [ErrorCode.BadAuthentication]: "NATS wants credentials, and none are set",
  [ErrorCode.ConnectionRefused]: "no NATS server accepts a connection",
  [ErrorCode.Timeout]: "NATS does not answer in time",
  [ErrorCode.ConnectionTimeout]: "NATS does not answer in time",
  ECONNREFUSED: "no NATS server accepts a connection",
  ENOTFOUND: "the host name of NATS_URL is unknown",
  EAI_AGAIN: "the host name of NATS_URL cannot be looked up now",
  DEPTH_ZERO_SELF_SIGNED_CERT: "the certificate of NATS is not trusted",
  SELF_SIGNED_CERT_IN_CHAIN: "the certificate of NATS is not trusted",
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: "the certificate of NATS is not trusted",
  CERT_HAS_EXPIRED: "the certificate of NATS has expired",
  ERR_TLS_CERT_ALTNAME_INVALID: "the certificate of NATS is for another host",
};

/** What a code means for the connection, in words. */
export function troubleOfCode(code: string): string {
  return TROUBLES[code] ?? `the connection to NATS failed (${code})`;
}

/** Why a connection could not be made, in words. */
export function connectTroubleOf(error: unknown): string {
  const codes = [error, error instanceof NatsError ? error.chainedError : undefined].map(codeOf);
  const known = codes.find((code) => code in TROUBLES);
  return troubleOfCode(known ?? codes.find((code) => code !== "") ?? "no code");
}

function codeOf(error: unknown): string {
  if (typeof error !== "object" || error === null || !("code" in error)) return "";
  return typeof error.code === "string" ? error.code : "";
}
