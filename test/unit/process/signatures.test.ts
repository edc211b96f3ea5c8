/** Signatures of webhooks, by the examples of those who send them. */
import { createHmac } from "node:crypto";
import { describe, expect, test } from "vitest";
import {
  findSecretProblem,
  findSignatureProblem,
  makeSecret,
  type SignedRequest,
  VERIFICATIONS,
  type Verification,
} from "../../../src/process/signatures.ts";

const BODY = '{"amount":4}';
const NOW_MS = 1_614_265_330_000;
const SECONDS = String(NOW_MS / 1_000);
const SECRET = "a secret of 20 chars".replaceAll(" ", "-");
const STANDARD = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

function hmac(key: string | Buffer, text: string): Buffer {
  return createHmac("sha256", key).update(text).digest();
}

/** The headers by which a sender of each scheme signs a body. */
const SIGNED: Readonly<
  Record<
    Exclude<Verification, "unspecified" | "none">,
    { secret: string; headers: (body: string, seconds: string) => Record<string, string> }
  >
> = {
  standard_webhooks: {
    secret: STANDARD,
    headers: (body, seconds) => ({
      "webhook-id": "msg_1",
      "webhook-timestamp": seconds,
      "webhook-signature": `v1,bm90IGl0 v1,${hmac(Buffer.from(STANDARD.slice(6), "base64"), `msg_1.${seconds}.${body}`).toString("base64")}`,
    }),
  },
  hmac: {
    secret: SECRET,
    headers: (body) => ({ "x-signature": hmac(SECRET, body).toString("hex") }),
  },
  github: {
    secret: SECRET,
    headers: (body) => ({ "x-hub-signature-256": `sha256=${hmac(SECRET, body).toString("hex")}` }),
  },
  stripe: {
    secret: SECRET,
    headers: (body, seconds) => ({
      "stripe-signature": `t=${seconds},v1=00,v1=${hmac(SECRET, `${seconds}.${body}`).toString("hex")},v0=1`,
    }),
  },
  slack: {
    secret: SECRET,
    headers: (body, seconds) => ({
      "x-slack-request-timestamp": seconds,
      "x-slack-signature": `v0=${hmac(SECRET, `v0:${seconds}:${body}`).toString("hex")}`,
    }),
  },
  bearer: { secret: SECRET, headers: () => ({ authorization: `Bearer ${SECRET}` }) },
};
const SCHEMES = VERIFICATIONS.filter((how) => how !== "none" && how !== "unspecified");

function requestOf(headers: Record<string, string>, body = BODY, nowMs = NOW_MS): SignedRequest {
  return { headers, body: Buffer.from(body), signatureHeader: "X-Signature", nowMs };
}

describe.each(SCHEMES)("%s", (how) => {
  const { secret, headers } = SIGNED[how];

  test("takes what is signed with the secret", () => {
    const request = requestOf(headers(BODY, SECONDS));
    expect(findSignatureProblem(how, request, secret)).toBeUndefined();
  });

  test("refuses another secret, and a request without a signature", () => {
    const other = how === "standard_webhooks" ? makeSecret(how) : `${secret}x`;
    expect(findSignatureProblem(how, requestOf(headers(BODY, SECONDS)), other ?? "")).toBeDefined();
    expect(findSignatureProblem(how, requestOf({}), secret)).toMatch(/is missing$/);
  });
});

test.each(SCHEMES.filter((how) => how !== "bearer"))("%s refuses another body", (how) => {
  const { secret, headers } = SIGNED[how];
  const request = requestOf(headers(BODY, SECONDS), BODY.replace("4", "5"));
  expect(findSignatureProblem(how, request, secret)).toBeDefined();
});

test.each(["standard_webhooks", "stripe", "slack"] as const)(
  "%s refuses a time that is more than 5 minutes off, though it is signed",
  (how) => {
    const { secret, headers } = SIGNED[how];
    const at = (offsetSeconds: number) =>
      findSignatureProblem(
        how,
        requestOf(headers(BODY, String(NOW_MS / 1_000 + offsetSeconds))),
        secret,
      );
    expect([at(-300), at(300)]).toEqual([undefined, undefined]);
    expect(at(-301)).toContain("5 minutes");
    expect(at(301)).toContain("5 minutes");
    expect(findSignatureProblem(how, requestOf(headers(BODY, "soon")), secret)).toBeDefined();
  },
);

test("the example of the Standard Webhooks specification is signed", () => {
  const request = {
    headers: {
      "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
      "webhook-timestamp": "1614265330",
      "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    },
    body: Buffer.from('{"test": 2432232314}'),
    ...{ signatureHeader: "", nowMs: NOW_MS },
  };
  expect(findSignatureProblem("standard_webhooks", request, STANDARD)).toBeUndefined();
});

test("the example of GitHub's documentation is signed", () => {
  const headers = {
    "x-hub-signature-256":
      "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17",
  };
  const request = requestOf(headers, "Hello, World!");
  expect(findSignatureProblem("github", request, "It's a Secret to Everybody")).toBeUndefined();
});

test("an HMAC may be in base64, and have its algorithm before it", () => {
  const made = hmac(SECRET, BODY);
  for (const text of [
    made.toString("base64"),
    `sha256=${made.toString("hex")}`,
    made.toString("hex").toUpperCase(),
  ]) {
    const request = requestOf({ "x-signature": text });
    expect(findSignatureProblem("hmac", request, SECRET)).toBeUndefined();
  }
});

test("a secret that the service makes can be used, and senders with secrets of their own get none", () => {
  for (const how of SCHEMES) {
    const secret = makeSecret(how);
    if (how === "stripe" || how === "slack") expect(secret).toBeUndefined();
    else expect(findSecretProblem(how, secret ?? "")).toBeUndefined();
  }
});

test.each([
  ["github", "short"],
  ["hmac", "with a space in it, and long enough"],
  ["bearer", "x".repeat(257)],
  ["standard_webhooks", SECRET],
  ["standard_webhooks", "whsec_AAAA"],
] as const)("%s cannot use the secret %s", (how, secret) => {
  expect(findSecretProblem(how, secret)).toMatch(/^must be /);
});
