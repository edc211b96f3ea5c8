/**
 * How the service serves its console: what may be cached, what the browser may load, under which path, and that no other
 * file can be had.
 * Boundary: a folder as the build writes one; the console itself is test/browser.
 */
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type RpcService, startRpcService } from "../support/services/rpc-service.ts";

const PAGE =
  '<meta name="base" content="__BASE__"><meta property="csp-nonce" nonce="__NONCE__">' +
  '<script type="module" crossorigin src="./assets/main-1.js"></script>';
const SCRIPT = "export const words = 'a script';";
const SECRET = "not to be served";

let folder = "";
let open: RpcService;
let closed: RpcService;
let behindProxy: RpcService;
let unbuilt: RpcService;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "workflows-console-"));
  const built = join(folder, "console");
  await mkdir(join(built, "assets"), { recursive: true });
  await writeFile(join(folder, "secret.js"), SECRET);
  await writeFile(join(built, "index.html"), PAGE);
  await writeFile(join(built, "icon.svg"), "<svg/>");
  await writeFile(join(built, ".secret.js"), SECRET);
  await writeFile(join(built, "assets", "main-1.js"), SCRIPT);
  await writeFile(join(built, "assets", "main-1.js.gz"), gzipSync(SCRIPT));
  const oidc = {
    issuer: "https://id.example.com/realm",
    clientId: "console",
    audience: "workflows",
  };
  [open, closed, behindProxy, unbuilt] = await Promise.all([
    startRpcService({ console: { authMode: "none", folder: built } }),
    startRpcService(),
    startRpcService({ console: { authMode: "jwt", oidc, prefix: "/flows", folder: built } }),
    startRpcService({ console: { authMode: "none", folder: join(folder, "nothing") } }),
  ]);
});
afterAll(async () => {
  await Promise.all([open, closed, behindProxy, unbuilt].map((service) => service.stop()));
  await rm(folder, { recursive: true });
});

function get(service: RpcService, path: string, init: RequestInit = {}) {
  return fetch(`${service.baseUrl}${path}`, { redirect: "manual", ...init });
}

/** The first line and the body of an answer to a path that no client would send as it is. */
function rawGet(service: RpcService, path: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(Number(new URL(service.baseUrl).port), "127.0.0.1");
    let answer = "";
    socket.on("error", reject);
    socket.on("data", (bytes) => {
      answer += bytes.toString();
    });
    socket.on("close", () => resolve(answer));
    socket.write(`GET ${path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n`);
  });
}

describe("the page", () => {
  test.each(["/console/", "/console/runs", "/console/inbox/wfr_1%2Fsign%2F1", "/console/runs?x=1"])(
    "is there at %s",
    async (path) => {
      const response = await get(open, path);
      expect(response.status).toBe(200);
      expect(response.headers.get("content-type")).toBe("text/html; charset=utf-8");
      expect(response.headers.get("cache-control")).toBe("no-store");
      expect(await response.text()).toContain('src="/console/assets/main-1.js"');
    },
  );

  test("may load what is of this origin, and styles with a nonce that no other answer has", async () => {
    const answers = await Promise.all([get(open, "/console/"), get(open, "/console/")]);
    const pages = await Promise.all(answers.map((answer) => answer.text()));
    const nonces = pages.map((page) => /nonce="([^"]+)"/.exec(page)?.[1] ?? "");
    expect(new Set(nonces).size).toBe(2);
    answers.forEach((answer, at) => {
      const policy = answer.headers.get("content-security-policy")?.split("; ");
      expect(policy).toContain("default-src 'self'");
      expect(policy).toContain("connect-src 'self'");
      expect(policy).toContain(`style-src 'self' 'nonce-${nonces[at]}'`);
      expect(policy).toContain("frame-ancestors 'none'");
      expect(policy?.some((part) => part.startsWith("script-src"))).toBe(false);
    });
  });

  test("of a service whose users sign in elsewhere may call that place", async () => {
    const response = await get(behindProxy, "/console/");
    const policy = response.headers.get("content-security-policy");
    expect(policy).toContain("connect-src 'self' https://id.example.com;");
  });

  test("has the prefix of PUBLIC_URL, whatever a header says", async () => {
    const headers = { "x-forwarded-prefix": "/other" };
    const page = await (await get(behindProxy, "/console/runs", { headers })).text();
    expect(page).toContain('content="/flows/console"');
    expect(page).toContain('src="/flows/console/assets/main-1.js"');
  });

  test("has the prefix that the proxy names", async () => {
    const headers = { "x-forwarded-prefix": "/a/b-c/" };
    const response = await get(open, "/console/", { headers });
    expect(await response.text()).toContain('content="/a/b-c/console"');
    expect(response.headers.get("vary")).toContain("X-Forwarded-Prefix");
    const moved = await get(open, "/console", { headers });
    expect(moved.status).toBe(308);
    expect(moved.headers.get("location")).toBe("/a/b-c/console/");
  });

  test.each(["//evil.example", 'a"><script>', "/a//b", "/a b", "https://evil.example", "/é"])(
    "does not take %s for a prefix",
    async (prefix) => {
      const headers = { "x-forwarded-prefix": encodeURI(prefix) };
      const page = await (await get(open, "/console/", { headers })).text();
      expect(page).toContain('content="/console"');
    },
  );
});

describe("files", () => {
  test("with a hash in their names are kept for ever, and come compressed to who takes that", async () => {
    const path = "/console/assets/main-1.js";
    const plain = await get(open, path, { headers: { "accept-encoding": "identity" } });
    expect(plain.headers.get("cache-control")).toBe("public, max-age=31536000, immutable");
    expect(plain.headers.get("content-type")).toBe("text/javascript; charset=utf-8");
    expect(plain.headers.get("x-content-type-options")).toBe("nosniff");
    expect(plain.headers.get("content-encoding")).toBeNull();
    expect(await plain.text()).toBe(SCRIPT);
    const zipped = await get(open, path);
    expect(zipped.headers.get("content-encoding")).toBe("gzip");
    expect(await zipped.text()).toBe(SCRIPT);
  });

  test("without one are asked for again after an hour", async () => {
    const response = await get(open, "/console/icon.svg");
    expect(response.headers.get("cache-control")).toBe("public, max-age=3600");
    expect(response.headers.get("content-type")).toBe("image/svg+xml");
  });

  test("that are not there are no page", async () => {
    expect((await get(open, "/console/assets/gone.js")).status).toBe(404);
  });

  test.each([
    "/console/../secret.js",
    "/console/assets/../../secret.js",
    "/console/..%2fsecret.js",
    "/console/%2e%2e/secret.js",
    "/console/assets/..\\..\\secret.js",
    "/console/.secret.js",
    "/console//etc/passwd",
    "/console/assets/main-1.js%00.svg",
  ])("outside of the build cannot be had by %s", async (path) => {
    const answer = await rawGet(open, path);
    expect(answer).toMatch(/^HTTP\/1\.1 (200|404)/);
    expect(answer).not.toContain(SECRET);
    expect(answer).not.toContain("root:");
    expect(answer).not.toContain(SCRIPT);
  });
});

test("the configuration is there before anybody has signed in, and is not kept", async () => {
  const response = await get(behindProxy, "/console/config.json");
  expect(response.headers.get("cache-control")).toBe("no-store");
  expect(await response.json()).toEqual({
    version: expect.stringMatching(/^\d+\.\d+\.\d+/),
    authMode: "jwt",
    oidc: { issuer: "https://id.example.com/realm", clientId: "console", audience: "workflows" },
  });
});

test("a request that would write is refused", async () => {
  const response = await get(open, "/console/", { method: "POST", body: "x" });
  expect([response.status, response.headers.get("allow")]).toEqual([405, "GET, HEAD"]);
});

test("HEAD has the headers of GET, and no body", async () => {
  const response = await get(open, "/console/", { method: "HEAD" });
  expect([response.status, await response.text()]).toEqual([200, ""]);
});

test("a console that was not built says how to build it", async () => {
  const response = await get(unbuilt, "/console/");
  expect(response.status).toBe(503);
  expect(await response.text()).toContain("tools/build-console.mjs");
});

test("a service without a console has nothing there", async () => {
  for (const path of ["/console", "/console/", "/console/config.json"]) {
    expect((await get(closed, path)).status).toBe(404);
  }
});
