import { describe, expect, test } from "vitest";
import {
  baseUrlOf,
  challengeOf,
  type McpGuardSettings,
  requirePlace,
  resourceMetadata,
} from "../../../src/ingress/rpc/mcp/guard.ts";

const OPEN: McpGuardSettings = {
  ...{ isAuthenticated: false, publicUrl: "", corsOrigins: [], issuer: undefined, isTls: false },
};
const SIGNED: McpGuardSettings = {
  ...{ ...OPEN, isAuthenticated: true, issuer: "https://id.example.com" },
  publicUrl: "https://flows.example.com/base",
};

function isLet(settings: McpGuardSettings, host: string | undefined, origin?: string): boolean {
  try {
    requirePlace(settings, { host, origin });
    return true;
  } catch {
    return false;
  }
}

describe("without authentication the host", () => {
  test.each([
    ["127.0.0.1:8080", true],
    ["localhost:8080", true],
    ["LOCALHOST", true],
    ["[::1]:8080", true],
    ["10.0.0.7", true],
    ["evil.example:8080", false],
    ["localhost.evil.example", false],
    ["127.0.0.1.evil.example", false],
    ["localhost:8080/@evil", false],
    ["", false],
    [undefined, false],
  ])("%s: %s", (host, expected) => {
    expect(isLet(OPEN, host)).toBe(expected);
  });

  test("may be that of PUBLIC_URL", () => {
    const settings = { ...OPEN, publicUrl: SIGNED.publicUrl };
    expect(isLet(settings, "flows.example.com")).toBe(true);
    expect(isLet(settings, "other.example.com")).toBe(false);
  });
});

test("with authentication any host is taken, for a page has no token", () => {
  expect(isLet(SIGNED, "workflows.default.svc:8080")).toBe(true);
  expect(isLet(SIGNED, undefined)).toBe(false);
});

describe("a page of the origin", () => {
  test.each([
    ["http://127.0.0.1:8080", true],
    ["http://127.0.0.1:9090", false],
    ["http://localhost:8080", false],
    ["https://evil.example", false],
    ["null", false],
    ["file://", false],
    ["chrome-extension://127.0.0.1:8080", false],
  ])("%s: %s", (origin, expected) => {
    expect(isLet(OPEN, "127.0.0.1:8080", origin)).toBe(expected);
  });

  test("is let where CORS_ORIGINS or PUBLIC_URL names it", () => {
    const corsOrigins = ["https://app.example.com"];
    expect(isLet({ ...OPEN, corsOrigins }, "127.0.0.1", "https://app.example.com")).toBe(true);
    expect(isLet({ ...OPEN, corsOrigins }, "127.0.0.1", "https://app.example.com.x")).toBe(false);
    expect(isLet({ ...OPEN, corsOrigins: ["*"] }, "127.0.0.1", "https://x.example")).toBe(true);
    expect(isLet(SIGNED, "10.0.0.7", "https://flows.example.com")).toBe(true);
    expect(isLet(SIGNED, "10.0.0.7", "http://flows.example.com")).toBe(false);
  });
});

test("clients are told of the issuer with tokens that are signed, by the address of PUBLIC_URL", () => {
  expect(resourceMetadata(OPEN, { host: "x" }, [])).toBeUndefined();
  expect(resourceMetadata(SIGNED, { host: "x" }, ["workflows:read"])).toMatchObject({
    resource: "https://flows.example.com/base/mcp",
    ...{ authorization_servers: ["https://id.example.com"], scopes_supported: ["workflows:read"] },
  });
  expect(challengeOf(OPEN, { host: "x" })).toBe("Bearer");
  expect(challengeOf(SIGNED, { host: "x" }, { code: "invalid_token" })).toBe(
    'Bearer error="invalid_token", resource_metadata="https://flows.example.com/base/.well-known/oauth-protected-resource/mcp"',
  );
  expect(baseUrlOf({ ...OPEN, isTls: true }, { host: "h:1" })).toBe("https://h:1");
});
