/** The table of REST against the services: no RPC is forgotten, and no line names what is not there. */
import type { DescMessage, DescMethod } from "@bufbuild/protobuf";
import { describe, expect, test } from "vitest";
import { createRouteFinder } from "../../../../../src/ingress/rpc/rest/find-route.ts";
import { ROUTES } from "../../../../../src/ingress/rpc/rest/routes.ts";
import { SERVICES } from "../../../../support/services/each-rpc.ts";

const METHODS = new Map(
  SERVICES.flatMap(({ name, methods }) =>
    methods.map((method): [string, DescMethod] => [`${name}.${method.name}`, method]),
  ),
);

function fieldAt(desc: DescMessage | undefined, path: string): unknown {
  const [name, ...rest] = path.split(".");
  const field = desc?.fields.find((each) => each.name === name);
  return rest.length === 0 ? field : fieldAt(field?.message, rest.join("."));
}

const namesIn = (path: string) => [...path.matchAll(/\{([\w.]+)\}/g)].map(([, name = ""]) => name);

test("every RPC has a route of its own", () => {
  const routed = new Set(ROUTES.filter(({ isAlias }) => isAlias !== true).map(({ rpc }) => rpc));
  expect([...METHODS.keys()].filter((rpc) => !routed.has(rpc))).toEqual([]);
});

test("no two routes are one", () => {
  const places = ROUTES.map(({ method, path }) => `${method} ${path.replaceAll(/\{\w+\}/g, "{}")}`);
  expect(places.filter((place, at) => places.indexOf(place) !== at)).toEqual([]);
});

describe.each(ROUTES)("$method $path", ({ method, path, rpc, body, location, resumes, begins }) => {
  const { input, output, methodKind, idempotency } = METHODS.get(rpc) ?? {};
  const finder = createRouteFinder(ROUTES);

  test("names an RPC, and fields that are there", () => {
    expect(input).toBeDefined();
    const named = [...namesIn(path), ...(body === undefined || body === "*" ? [] : [body])];
    for (const name of [...named, ...(resumes === undefined ? [] : [resumes])]) {
      expect(fieldAt(input, name), name).toBeDefined();
    }
    if (begins !== undefined) {
      expect(input?.fields.map(({ localName }) => localName)).toContain(begins);
    }
    for (const name of namesIn(location ?? "")) expect(fieldAt(output, name), name).toBeDefined();
  });

  test("a GET changes nothing, and a stream is a GET", () => {
    const reads = idempotency === 1;
    if (method === "GET") expect(reads).toBe(true);
    if (methodKind === "server_streaming") expect(method).toBe("GET");
  });

  test("is found by its path, with the texts of its fields", () => {
    const texts = namesIn(path).map((name, at): [string, string] => [name, `a/b:${at} é`]);
    const asked = texts.reduce(
      (filled, [name, text]) => filled.replace(`{${name}}`, encodeURIComponent(text)),
      path,
    );
    const found = finder(method, asked);
    expect(found).toEqual({
      route: expect.objectContaining({ method, path }),
      params: new Map(texts),
    });
  });
});

describe("a path that is none", () => {
  const find = createRouteFinder(ROUTES);
  test.each([
    "/api/v1",
    "/api/v1/",
    "/api/v1/run",
    "/api/v1/runs/",
    "/api/v1/runs//events",
    "/api/v1/runs/x/",
    "/api/v1/runs/%zz",
    "/api/v1/runs/%C3%28",
    "/API/v1/runs",
    "/cancel/api/v1/runs/x",
    "/-/api/v1/runs/x",
    "/api/v1/cancel/runs/x",
    // Longer than any id.
    `/api/v1/runs/${"x".repeat(5_000)}`,
  ])("%.40s", (path) => {
    expect(find("GET", path)).toBeUndefined();
    expect(find("POST", path)).toBeUndefined();
  });

  test("another method of a path is told which it has", () => {
    expect(find("PUT", "/api/v1/runs")).toEqual({ allowed: ["GET", "POST", "HEAD"] });
    expect(find("GET", "/api/v1/runs/x:cancel")).toEqual({ allowed: ["POST"] });
    expect(find("BREW", "/api/v1/runs/x:cancel")).toEqual({ allowed: ["POST"] });
    expect(find("POST", "/api/v1/runs/x:frobnicate")).toBeUndefined();
  });

  test("a verb is read from the path as it was sent, an id as it is meant", () => {
    expect(find("GET", "/api/v1/runs/x%3Acancel")).toMatchObject({
      params: new Map([["id", "x:cancel"]]),
    });
    expect(find("POST", "/api/v1/inbox/r%2Fs%2F1:claim")).toMatchObject({
      params: new Map([["id", "r/s/1"]]),
    });
    expect(find("GET", "/api/v1/runs/a:b")).toMatchObject({ params: new Map([["id", "a:b"]]) });
  });
});
