/**
 * The OpenAPI document of REST: the table of routes with the messages and the comments of the protos.
 * Boundary: makes an object; plugin.ts writes it when the protos are generated, and the service serves it as it is.
 */
import type { DescField, DescMessage, DescMethod, DescService } from "@bufbuild/protobuf";
import { ROUTES, type Route } from "../../src/ingress/rpc/rest/routes.ts";
import { VERSION } from "../../src/process/version.ts";
import {
  commentOf,
  described,
  enumSchema,
  fieldSchema,
  isText,
  type Json,
  messageSchema,
  reachedFrom,
  referTo,
} from "./schemas.ts";

const PROBLEM = "Problem";
const JSON_TYPE = "application/json";
const OVER = "The stream is over, and has nothing behind the Last-Event-ID.";

/** The document over these services. */
export function openApiOf(services: readonly DescService[]): Json {
  const methods = new Map(
    services.flatMap(({ name, methods: own }) =>
      own.map((method): [string, DescMethod] => [`${name}.${method.name}`, method]),
    ),
  );
  const bound = ROUTES.map((route) => {
    const method = methods.get(route.rpc);
    if (method === undefined) throw new Error(`no RPC ${route.rpc}`);
    return { route, method };
  });
  const paths = new Map<string, Json>();
  for (const { route, method } of bound) {
    const path = sharedPath(route.path);
    const at = ROUTES.filter(({ rpc }) => rpc === route.rpc).indexOf(route);
    const operation = operationOf(route, method, at);
    paths.set(path, { ...paths.get(path), [route.method.toLowerCase()]: operation });
  }
  const schemas = schemasOf(bound.map(({ method }) => method));
  return {
    openapi: "3.1.0",
    info: infoOf(),
    servers: [{ url: "/" }],
    security: [{ token: [] }, {}],
    tags: services.map((service) => ({ name: service.name, ...described(service) })),
    paths: Object.fromEntries(paths),
    components: { ...componentsOf(), schemas: usedOf(schemas, [...paths.values()]) },
  };
}

/** The path with the names that the first route of its form has: two paths that differ in names alone are one. */
function sharedPath(path: string): string {
  const formOf = (text: string) => text.replaceAll(/\{\w+\}/g, "{}");
  return ROUTES.find((route) => formOf(route.path) === formOf(path))?.path ?? path;
}

function namesIn(path: string): string[] {
  return [...path.matchAll(/\{(\w+)\}/g)].map(([, name = ""]) => name);
}

function infoOf(): Json {
  const description =
    "Workflows over HTTP. Each operation is an RPC of the packages workflows.v1 and workflows.ops.v1, through the same checks.";
  return { title: "Workflows", version: VERSION, description };
}

function operationOf(route: Route, method: DescMethod, at: number): Json {
  const { parent, name, input } = method;
  const comment = commentOf(method);
  const summary = /^.*?[.:](?=\s|$)/s.exec(comment)?.[0].slice(0, -1) ?? comment;
  const inPath = namesIn(route.path);
  return {
    operationId: `${parent.name}_${name}${at === 0 ? "" : `_${at + 1}`}`,
    tags: [parent.name],
    summary,
    description: comment,
    parameters: parametersOf(route, input, inPath),
    ...(route.body === undefined ? {} : { requestBody: bodyOf(route.body, input, inPath) }),
    responses: {
      [String(route.status ?? 200)]: answerOf(route, method),
      ...(route.resumes === undefined ? {} : { "204": { description: OVER } }),
      "4XX": { $ref: `#/components/responses/${PROBLEM}` },
      "5XX": { $ref: `#/components/responses/${PROBLEM}` },
    },
    "x-rpc": `${parent.typeName}/${name}`,
  };
}

function parametersOf(route: Route, input: DescMessage, inPath: readonly string[]): Json[] {
  const shared = namesIn(sharedPath(route.path));
  const own = inPath.flatMap((name, place) =>
    input.fields
      .filter((field) => field.name === name)
      .map((field) => ({ ...parameterOf(field, "path"), name: shared[place], required: true })),
  );
  const others = input.fields.filter(({ name }) => !inPath.includes(name));
  const asked = route.body === undefined ? others : [];
  const refer = (name: string) => ({ $ref: `#/components/parameters/${name}` });
  const hasEtag = route.method !== "GET" && input.fields.some(({ name }) => name === "etag");
  return [
    ...own,
    ...asked.map((field) => parameterOf(field, "query")),
    ...(route.method === "GET" ? [] : [refer("IdempotencyKey")]),
    ...(hasEtag ? [refer("IfMatch")] : []),
    ...(route.resumes === undefined ? [] : [refer("LastEventId")]),
  ];
}

function parameterOf(field: DescField, place: "path" | "query"): Json {
  const { description, ...schema } = fieldSchema(field);
  return {
    name: field.name,
    in: place,
    ...(description === undefined ? {} : { description }),
    ...(isText(field) ? { schema } : { content: { [JSON_TYPE]: { schema } } }),
  };
}

function bodyOf(body: string, input: DescMessage, inPath: readonly string[]): Json {
  const field = input.fields.find(({ name }) => name === body);
  const whole = inPath.length === 0 ? referTo(input) : messageSchema(input, inPath);
  const schema = field === undefined ? whole : fieldSchema(field);
  return { content: { [JSON_TYPE]: { schema } } };
}

function answerOf(route: Route, { methodKind, output }: DescMethod): Json {
  if (methodKind !== "unary") {
    const description =
      "Server-sent events. The data of each is a message in JSON, its id the message's cursor. The event `end` says that the stream is over, the event `failed` has a problem.";
    return { description, content: { "text/event-stream": { schema: { type: "string" } } } };
  }
  const hasEtag = [output, ...output.fields.map(({ message }) => message)].some((desc) =>
    desc?.fields.some(({ name }) => name === "etag"),
  );
  const text = (description: string) => ({ description, schema: { type: "string" } });
  const headers = {
    ...(hasEtag ? { ETag: text("The etag of what is shown, in double quotes.") } : {}),
    ...(route.location === undefined ? {} : { Location: text("Where it is found.") }),
  };
  return {
    description: commentOf(output) || "The answer.",
    ...(Object.keys(headers).length === 0 ? {} : { headers }),
    content: { [JSON_TYPE]: { schema: referTo(output) } },
  };
}

function schemasOf(methods: readonly DescMethod[]): Map<string, Json> {
  const reached = reachedFrom(methods.flatMap(({ input, output }) => [input, output]));
  const schemas = [...reached]
    .map((desc): [string, Json] => [
      desc.typeName,
      desc.kind === "enum" ? enumSchema(desc) : messageSchema(desc),
    ])
    .sort(([a], [b]) => (a < b ? -1 : 1));
  return new Map([...schemas, [PROBLEM, problemSchema()]]);
}

/** Those that something refers to: the request of a path with fields is written out where it is. */
function usedOf(schemas: ReadonlyMap<string, Json>, paths: readonly Json[]): Json {
  const used = new Set([PROBLEM]);
  const look = (part: unknown) => {
    for (const [, name = ""] of JSON.stringify(part).matchAll(
      /"#\/components\/schemas\/([^"]+)"/g,
    )) {
      if (used.has(name)) continue;
      used.add(name);
      look(schemas.get(name));
    }
  };
  look(paths);
  return Object.fromEntries([...schemas].filter(([name]) => used.has(name)));
}

function componentsOf(): Json {
  return {
    responses: {
      [PROBLEM]: {
        description: "The request is refused, or failed.",
        content: {
          "application/problem+json": { schema: { $ref: `#/components/schemas/${PROBLEM}` } },
        },
      },
    },
    parameters: headersOf(),
    securitySchemes: { token: { type: "http", scheme: "bearer" } },
  };
}

function headersOf(): Json {
  const header = (name: string, description: string) => ({
    ...{ name, in: "header", description },
    schema: { type: "string" },
  });
  return {
    IdempotencyKey: header(
      "Idempotency-Key",
      "A repeat with the same key is answered as the first call was.",
    ),
    IfMatch: header(
      "If-Match",
      "The etag of what is changed, in double quotes; 412 where it is another one by now.",
    ),
    LastEventId: header(
      "Last-Event-ID",
      "The id of the last event that was taken: the stream goes on after it.",
    ),
  };
}

function problemSchema(): Json {
  const text = (description: string) => ({ type: "string", description });
  return {
    type: "object",
    description: "RFC 9457. Decide by the reason: those of docs/errors.md, NO_ROUTE and NO_METHOD.",
    required: ["type", "status", "detail", "reason"],
    properties: {
      type: text("`urn:workflows:reason:` and the reason."),
      status: { type: "integer" },
      detail: text("A sentence for people; it may change."),
      reason: text("As in the ErrorInfo of the RPC."),
      code: text("The code of the RPC, such as INVALID_ARGUMENT."),
      errors: {
        type: "array",
        items: {
          type: "object",
          properties: {
            field: text("The path of a faulty field."),
            description: text("What is wrong with it."),
          },
        },
      },
      metadata: { type: "object", additionalProperties: { type: "string" } },
    },
  };
}
