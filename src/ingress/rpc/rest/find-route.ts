/**
 * Which route a method and a path are.
 * Boundary: paths; what is done there is door.ts's.
 * A verb stands behind the last colon of a path. find-my-way has no constant text behind a parameter, so that the verb is put
 * before the path, where no request can have it.
 */
import findMyWay from "find-my-way";
import type { RestMethod, Route } from "./routes.ts";

/** A route with the texts of its path's fields, or the methods that the path has; undefined: there is no such path. */
export type FoundRoute<R extends Route> =
  | { readonly route: R; readonly params: ReadonlyMap<string, string> }
  | { readonly allowed: readonly string[] }
  | undefined;

const METHODS: readonly RestMethod[] = ["GET", "POST", "PUT", "PATCH", "DELETE"];
/** A path's text, percent signs included: above it an id is none. */
const PARAM_CHARS = 4_096;

/** A finder over these routes. HEAD is as GET. */
export function createRouteFinder<R extends Route>(
  routes: readonly R[],
): (method: string, path: string) => FoundRoute<R> {
  const router = findMyWay({ maxParamLength: PARAM_CHARS });
  for (const route of routes) {
    const { path, verb } = splitVerb(route.path.replaceAll(/\{(\w+)\}/g, "<$1>"));
    router.on(route.method, `/${verb}${path.replaceAll(/<(\w+)>/g, ":$1")}`, () => {}, route);
  }
  const find = (method: RestMethod | undefined, path: string, verb: string) => {
    const found = method === undefined ? null : router.find(method, `/${verb}${path}`);
    // An empty text is no id, and names no other path either.
    if (found === null || Object.values(found.params).includes("")) return undefined;
    const route: R = found.store;
    const params = Object.entries(found.params).map(([name, text = ""]) => [name, text] as const);
    return { route, params: new Map(params) };
  };
  return (asked, whole) => {
    const method = METHODS.find((each) => each === (asked === "HEAD" ? "GET" : asked));
    const { path, verb } = splitVerb(whole);
    const found = find(method, path, verb);
    if (found !== undefined) return found;
    const allowed = METHODS.filter((each) => find(each, path, verb) !== undefined);
    if (allowed.length > 0) {
      return { allowed: allowed.includes("GET") ? [...allowed, "HEAD"] : allowed };
    }
    // An id may have a colon of its own.
    return verb === NO_VERB ? undefined : find(method, whole, NO_VERB);
  };
}

const NO_VERB = "-";

function splitVerb(whole: string): { path: string; verb: string } {
  const colon = whole.lastIndexOf(":");
  const isVerb = colon > whole.lastIndexOf("/") && /^[A-Za-z]+$/.test(whole.slice(colon + 1));
  return isVerb
    ? { path: whole.slice(0, colon), verb: whole.slice(colon + 1) }
    : { path: whole, verb: NO_VERB };
}
