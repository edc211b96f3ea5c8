/** Errors in words for who reads them. Boundary: texts alone; how they look is parts/error-note.tsx. */
import { type ErrorCode, WorkflowsError } from "../../../src/client/errors.ts";

/** What went wrong, why, and what may be done. */
export interface ErrorWords {
  readonly title: string;
  readonly detail: string;
}

const TITLES: Partial<Record<ErrorCode, string>> = {
  UNAVAILABLE: "The service does not answer",
  DEADLINE_EXCEEDED: "The service took too long",
  NOT_FOUND: "There is no such thing here",
  PERMISSION_DENIED: "You may not do this",
  UNAUTHENTICATED: "You are not signed in",
  FAILED_PRECONDITION: "This is not possible in its present state",
  ABORTED: "Somebody else was faster",
  INVALID_ARGUMENT: "The service refuses these values",
  ALREADY_EXISTS: "This exists already",
  RESOURCE_EXHAUSTED: "Too much at once",
  UNIMPLEMENTED: "This service is too old for that",
};

/** The error in words. */
export function wordsOf(error: unknown): ErrorWords {
  if (!(error instanceof WorkflowsError)) {
    const detail = error instanceof Error ? error.message : String(error);
    return { title: "That did not work", detail };
  }
  const fields = error.fields.map(({ field, description }) => `${field}: ${description}`);
  return {
    title: TITLES[error.code] ?? "The service has a fault",
    detail: fields.length > 0 ? fields.join("\n") : error.message,
  };
}
