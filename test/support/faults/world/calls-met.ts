/**
 * Counts the calls of a sandbox that meet a trouble, so that a fault that met nothing is known.
 * Boundary: stands before the sandbox's own choice and changes nothing about it.
 */
import type { Troubles } from "../../../../src/sandbox/trouble.ts";

/** How many calls whose path begins so have met a trouble until now. */
export type CountMet = (pathPrefix: string) => number;

/** Counts from here on. */
export function countCallsMet(troubles: Troubles): CountMet {
  const met = new Map<string, number>();
  const { meet } = troubles;
  troubles.meet = (path) => {
    const trouble = meet(path);
    if (trouble !== undefined) met.set(path, (met.get(path) ?? 0) + 1);
    return trouble;
  };
  return (pathPrefix) =>
    [...met].reduce(
      (sum, [path, calls]) => sum + (path.startsWith(`/${pathPrefix}`) ? calls : 0),
      0,
    );
}
