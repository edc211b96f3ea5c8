/** Tokens of pages: a place in a list, and the filters of the list. Boundary: texts; what a place is the list knows. */
import { createHash } from "node:crypto";
import type { Faults } from "./fields.ts";

/** Tells the filters of a list from others. */
export function filterHash(filters: object): string {
  return createHash("sha256").update(JSON.stringify(filters)).digest("hex").slice(0, 16);
}

/** The token of a place. */
export function tokenOf(hash: string, place: readonly (string | number)[]): string {
  return Buffer.from(JSON.stringify([hash, ...place])).toString("base64url");
}

/** The place of a token that was made with these filters; undefined without one. */
export function readToken<Place>(
  token: string,
  hash: string,
  faults: Faults,
  read: (parts: readonly unknown[]) => Place | undefined,
): Place | undefined {
  if (token === "") return undefined;
  const place = read(partsOf(token, hash));
  if (place === undefined) faults.add("page_token", "is not of a list with these filters");
  return place;
}

function partsOf(token: string, hash: string): unknown[] {
  try {
    const parts: unknown = JSON.parse(Buffer.from(token, "base64url").toString("utf8"));
    return Array.isArray(parts) && parts[0] === hash ? parts.slice(1) : [];
  } catch {
    return [];
  }
}
