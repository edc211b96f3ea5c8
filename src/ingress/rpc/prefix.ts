/**
 * The path that a proxy takes off requests before they come here: paths that an answer names begin with it.
 * Boundary: words of a setting and of a header, which are checked here.
 */
import type { NodeRequest } from "./node-calls.ts";

/** Begins with one slash: two would name another host. */
const PREFIX = /^(\/[A-Za-z0-9._~-]+){1,16}$/;
const PREFIX_CHARS = 200;

/** Gives the prefix of a request: that of PUBLIC_URL where there is one, else that of X-Forwarded-Prefix; "": none. */
export type PrefixOf = (request: Pick<NodeRequest, "headers">) => string;

/** By the address of the service; "": it has none. */
export function createPrefixOf(publicUrl: string): PrefixOf {
  if (publicUrl === "") return ({ headers }) => readPrefix(headers["x-forwarded-prefix"]);
  const prefix = new URL(publicUrl).pathname.replace(/\/+$/, "");
  return () => prefix;
}

/** The prefix that a header gives; "" where it is none, or no plain path. */
export function readPrefix(header: string | readonly string[] | undefined): string {
  if (typeof header !== "string" || header.length > PREFIX_CHARS) return "";
  const prefix = header.replace(/\/+$/, "");
  return PREFIX.test(prefix) ? prefix : "";
}
