/** Page tokens of lists in the order of ids. Boundary: texts; a token holds for the filters that it was made with. */
import { createHash } from "node:crypto";
import type { Faults } from "./fields.ts";

const ID = /^[A-Za-z0-9_:-]{1,80}$/;

/** The token of the page behind this id. */
export function idTokenOf(filters: object, id: string): string {
  return Buffer.from(JSON.stringify([hashOf(filters), id])).toString("base64url");
}

/** The id behind which the page of a token begins; "" without one. */
export function readIdToken(token: string, filters: object, faults: Faults): string {
  if (token === "") return "";
  const [hash, id] = partsOf(token);
  if (hash === hashOf(filters) && typeof id === "string" && ID.test(id)) return id;
  faults.add("page_token", "is not of a list with these filters");
  return "";
}

function partsOf(token: string): unknown[] {
  try {
    const parts: unknown = JSON.parse(Buffer.from(token, "base64url").toString("utf8"));
    return Array.isArray(parts) ? parts : [];
  } catch {
    // A text that is no token.
    return [];
  }
}

function hashOf(filters: object): string {
  return createHash("sha256").update(JSON.stringify(filters)).digest("hex").slice(0, 16);
}
