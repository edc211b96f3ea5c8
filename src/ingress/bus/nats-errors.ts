/**
 * What an error of the NATS client means, told by its code.
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
