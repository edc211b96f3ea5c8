/** A command that posts to an endpoint, signed as it wants it. Boundary: texts alone; it is for a shell of POSIX with openssl. */
import type { JsonObject, JsonValue } from "@bufbuild/protobuf";
import { EndpointVerification } from "../../../../../gen/workflows/ops/v1/endpoints_pb.ts";

/** What the command needs to know. */
export interface PostTarget {
  readonly url: string;
  readonly verification: EndpointVerification;
  /** "": it is not known any more. */
  readonly secret: string;
  /** Of HMAC. */
  readonly signatureHeader: string;
  readonly body: JsonObject;
}

const { HMAC, GITHUB, BEARER, STRIPE, SLACK, STANDARD_WEBHOOKS } = EndpointVerification;
const JSON_TYPE = "content-type: application/json";

/** The command; several lines where it is signed. */
export function curlOf(target: PostTarget): string {
  const { url, verification, signatureHeader, body } = target;
  const secret = target.secret || "THE-SECRET";
  const json = quoted(JSON.stringify(body));
  const post = (data: string, ...headers: string[]) =>
    [
      "curl",
      quoted(url),
      ...[JSON_TYPE, ...headers].flatMap((header) => ["-H", headerText(header)]),
    ]
      .concat("-d", data)
      .join(" ");
  switch (verification) {
    case BEARER:
      return post(json, `authorization: Bearer ${secret}`);
    case GITHUB:
    case HMAC: {
      const header =
        verification === GITHUB ? "x-hub-signature-256" : signatureHeader || "x-signature";
      return signed(
        json,
        secret,
        'printf %s "$BODY"',
        post('"$BODY"', `${header}: sha256=$SIGNATURE`),
      );
    }
    case STRIPE:
      return signed(
        ...([json, secret, 'printf %s "$NOW.$BODY"'] as const),
        post('"$BODY"', "stripe-signature: t=$NOW,v1=$SIGNATURE"),
      );
    case SLACK:
      return signed(
        ...([json, secret, 'printf %s "v0:$NOW:$BODY"'] as const),
        post('"$BODY"', "x-slack-request-timestamp: $NOW", "x-slack-signature: v0=$SIGNATURE"),
      );
    case STANDARD_WEBHOOKS:
      return [
        `BODY=${json}; NOW=$(date +%s); ID=msg_$NOW`,
        `KEY=$(printf %s ${quoted(secret.replace(/^whsec_/, ""))} | base64 -d | od -An -vtx1 | tr -d ' \\n')`,
        'SIGNATURE=$(printf %s "$ID.$NOW.$BODY" | openssl dgst -sha256 -mac HMAC -macopt hexkey:$KEY -binary | base64)',
        post(
          '"$BODY"',
          ...["webhook-id: $ID", "webhook-timestamp: $NOW", "webhook-signature: v1,$SIGNATURE"],
        ),
      ].join("\n");
    default:
      return post(json);
  }
}

function signed(json: string, secret: string, text: string, post: string): string {
  return [
    `BODY=${json}; NOW=$(date +%s)`,
    `SIGNATURE=$(${text} | openssl dgst -sha256 -hmac ${quoted(secret)} -r | cut -d' ' -f1)`,
    post,
  ].join("\n");
}

/** Double quotes where the shell is to put a variable in. */
function headerText(header: string): string {
  return header.includes("$") ? `"${header}"` : quoted(header);
}

function quoted(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}

/** An input that has the properties that the schema requires, each with a value of its kind: something to begin with. */
export function sampleOf(schema: JsonObject | undefined): JsonObject {
  const properties = schema?.properties;
  if (typeof properties !== "object" || properties === null || Array.isArray(properties)) return {};
  const required = Array.isArray(schema?.required) ? schema.required : [];
  const entries = Object.entries(properties).filter(([name]) => required.includes(name));
  return Object.fromEntries(entries.map(([name, property]) => [name, sampleValue(property)]));
}

const BY_TYPE: Readonly<Record<string, JsonValue>> = {
  ...{ string: "text", number: 1, integer: 1, boolean: true, array: [], object: {}, null: null },
};

function sampleValue(property: JsonValue): JsonValue {
  if (typeof property !== "object" || property === null || Array.isArray(property)) return null;
  const { default: given, enum: options, type } = property;
  if (given !== undefined) return given;
  if (Array.isArray(options) && options[0] !== undefined) return options[0];
  return (typeof type === "string" ? BY_TYPE[type] : undefined) ?? null;
}
