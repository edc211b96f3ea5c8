/**
 * Names of environments. Unset stands for production, so that what belongs there carries nothing.
 * Boundary: names alone; what is deployed where are rows.
 */

/** What is meant where none is named. */
export const PRODUCTION = "production";
/** In words, for refusals. */
export const ENVIRONMENT_FORM = "must be 1 to 32 of a-z, 0-9 and -, and begin with a letter";

const FORM = /^[a-z][a-z0-9-]{0,31}$/;
const SEPARATOR = "\u001f";

/** Whether a text may name an environment. */
export function isEnvironment(text: string): boolean {
  return FORM.test(text);
}

/** The environment of a name; undefined for production, and for no name. */
export function findEnvironment(name: string | undefined): string | undefined {
  return name === undefined || name === "" || name === PRODUCTION ? undefined : name;
}

/** Where an event belongs, by its extension attributes; undefined: production. */
export function environmentOfEvent(
  extensions: Readonly<Record<string, string>> | undefined,
): string | undefined {
  if (extensions === undefined || !Object.hasOwn(extensions, "environment")) return undefined;
  return findEnvironment(extensions.environment);
}

/** The id by which a start is unique: one event starts a run in each environment. */
export function startKeyOf(environment: string | undefined, eventId: string): string {
  return environment === undefined ? eventId : `${environment}${SEPARATOR}${eventId}`;
}

/** The id of the event of such a start. */
export function eventIdOf(startKey: string): string {
  return startKey.slice(startKey.lastIndexOf(SEPARATOR) + 1);
}
