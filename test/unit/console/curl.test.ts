/** The command that tries an endpoint: the shell runs it, and what it sends has the signature that the service wants. */
import { execFileSync } from "node:child_process";
import { createHmac } from "node:crypto";
import { expect, it } from "vitest";
import { curlOf, sampleOf } from "../../../console/src/parts/workflows/triggers/curl.ts";
import { EndpointVerification } from "../../../gen/workflows/ops/v1/endpoints_pb.ts";

const SECRET = "it's a secret of 24 chars";
const BODY = { name: "O'Neil", text: 'a $HOME of "one\'s" own' };

/** The arguments that the shell gives to curl. */
function argumentsOf(verification: EndpointVerification, secret = SECRET): string[] {
  const command = curlOf({
    ...{ url: "http://h/hooks/t", verification, secret, signatureHeader: "X-Own", body: BODY },
  });
  const script = `curl() { printf '%s\\0' "$@"; }\n${command}`;
  return execFileSync("bash", ["-c", script], { encoding: "utf8" }).split("\0").slice(0, -1);
}

function headersOf(args: readonly string[]): Map<string, string> {
  const headers = args.filter((_, at) => args[at - 1] === "-H").map((text) => text.split(": "));
  return new Map(headers.map(([name = "", value = ""]) => [name.toLowerCase(), value]));
}

function hmac(text: string, key: string | Buffer = SECRET) {
  return createHmac("sha256", key).update(text);
}

it("posts the body as it is, and the token", () => {
  const args = argumentsOf(EndpointVerification.BEARER);
  expect(args[0]).toBe("http://h/hooks/t");
  expect(JSON.parse(args.at(-1) ?? "")).toEqual(BODY);
  expect(headersOf(args).get("authorization")).toBe(`Bearer ${SECRET}`);
});

it.each([
  [EndpointVerification.HMAC, "x-own"],
  [EndpointVerification.GITHUB, "x-hub-signature-256"],
])("signs the body in %s", (verification, header) => {
  const args = argumentsOf(verification);
  const body = args.at(-1) ?? "";
  expect(JSON.parse(body)).toEqual(BODY);
  expect(headersOf(args).get(header)).toBe(`sha256=${hmac(body).digest("hex")}`);
});

it("signs time and body for Stripe and Slack", () => {
  const stripe = argumentsOf(EndpointVerification.STRIPE);
  const [, time = "", signature] =
    /^t=(\d+),v1=(\w+)$/.exec(headersOf(stripe).get("stripe-signature") ?? "") ?? [];
  expect(signature).toBe(hmac(`${time}.${stripe.at(-1)}`).digest("hex"));
  const slack = argumentsOf(EndpointVerification.SLACK);
  const at = headersOf(slack).get("x-slack-request-timestamp") ?? "";
  expect(headersOf(slack).get("x-slack-signature")).toBe(
    `v0=${hmac(`v0:${at}:${slack.at(-1)}`).digest("hex")}`,
  );
});

it("signs id, time and body by Standard Webhooks", () => {
  const key = Buffer.from("0123456789abcdef0123456789abcdef");
  const args = argumentsOf(
    EndpointVerification.STANDARD_WEBHOOKS,
    `whsec_${key.toString("base64")}`,
  );
  const headers = headersOf(args);
  const signed = `${headers.get("webhook-id")}.${headers.get("webhook-timestamp")}.${args.at(-1)}`;
  expect(headers.get("webhook-signature")).toBe(`v1,${hmac(signed, key).digest("base64")}`);
});

it("has a sample of the input that its schema describes", () => {
  const properties = {
    ...{ name: { type: "string" }, count: { type: "integer", default: 3 } },
    ...{ kind: { enum: ["a", "b"] }, flag: { type: "boolean" }, other: {} },
  };
  const required = ["name", "count", "kind", "other"];
  expect(sampleOf({ properties, required })).toEqual({
    ...{ name: "text", count: 3, kind: "a", other: null },
  });
  expect(sampleOf(undefined)).toEqual({});
});
