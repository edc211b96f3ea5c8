/** Settings: defaults, every fault at once, secrets masked. */
import { describe, expect, test } from "vitest";
import { type Config, describeConfig, readConfig } from "../../src/config.ts";
import type { Environment } from "../../src/environment.ts";

const NEEDED = { DATABASE_URL: "postgres://u:pw@db/x", NATS_URL: "nats://one:4222,two:4222" };
const files: Record<string, string> = { "/cert": "CERT", "/key": "KEY", "/ca": "CA" };
const readFile = (path: string): string => {
  const text = files[path];
  if (text === undefined) throw new Error("no such file");
  return text;
};

function configOf(env: Environment): Config {
  const result = readConfig({ ...NEEDED, ...env }, readFile);
  if (!result.ok) throw new Error(result.faults.join("\n"));
  return result.config;
}

function faultsOf(env: Environment): string[] {
  const result = readConfig(env, readFile);
  return result.ok ? [] : result.faults;
}

test("defaults", () => {
  expect(configOf({ PORT: " ", LOG_LEVEL: "" })).toEqual({
    host: "127.0.0.1",
    port: 8080,
    corsOrigins: [],
    databaseUrl: "postgres://u:pw@db/x",
    migrate: true,
    nats: { servers: ["nats://one:4222", "two:4222"] },
    bus: {
      sources: [
        { stream: "OBJECTIVES", subject: "objectives.changes.>" },
        { stream: "APPROVALS", subject: "approvals.changes.>" },
        { stream: "GOVERNANCE", subject: "governance.changes.>" },
        { stream: "AGENTS", subject: "agents.changes.>" },
        { stream: "SIPHON", subject: "siphon.tap.>" },
        { stream: "WORKFLOWS", subject: "workflows.changes.run.>" },
      ],
      createStreams: false,
      stream: "WORKFLOWS",
      limits: { maxAgeMs: 7 * 86_400_000, replicas: 1 },
      format: "cloudevents",
    },
    collaborators: { urls: {}, protocol: "connect", timeoutMs: 10_000, concurrency: 64 },
    builtIn: {},
    console: { authMode: "none" },
    endpoints: { secretsKeys: [], publicUrl: "" },
    hookOrigins: [],
    reconcileIntervalMs: 60_000,
    retentionDays: 90,
    auth: { mode: "none" },
    reflection: true,
    log: { level: "info", format: "json" },
  });
});

test("everything set", () => {
  const config = configOf({
    PORT: "0",
    HOST: "0.0.0.0",
    AUTH_ALLOW_NONE: "true",
    METRICS_PORT: "9100",
    TLS_CERT_FILE: "/cert",
    TLS_KEY_FILE: "/key",
    TLS_CLIENT_CA_FILE: "/ca",
    MIGRATE: "off",
    NATS_USER: "u",
    NATS_PASSWORD: "p",
    BUS_SOURCES: "A=a.>, A=b.*.c",
    BUS_CREATE_STREAMS: "true",
    BUS_FORMAT: "ensemble-json",
    OBJECTIVES_URL: "http://objectives:8080/",
    COLLABORATOR_PROTOCOL: "grpc-web",
    COLLABORATOR_CONCURRENCY: "5",
    RECONCILE_INTERVAL_MS: "1000",
    RETENTION_DAYS: "0",
    REFLECTION: "off",
    LOG_FORMAT: "pretty",
    OTEL_EXPORTER_OTLP_ENDPOINT: "http://otel:4318",
  });
  expect(config).toMatchObject({
    host: "0.0.0.0",
    port: 0,
    metricsPort: 9100,
    tls: { cert: "CERT", key: "KEY", clientCa: "CA" },
    migrate: false,
    nats: { user: "u", password: "p" },
    bus: {
      sources: [
        { stream: "A", subject: "a.>" },
        { stream: "A", subject: "b.*.c" },
      ],
      createStreams: true,
      format: "ensemble-json",
    },
    collaborators: { urls: { objectives: "http://objectives:8080" }, concurrency: 5 },
    reconcileIntervalMs: 1000,
    retentionDays: 0,
    reflection: false,
    otlpEndpoint: "http://otel:4318",
  });
});

test("approvals that are built in", () => {
  const env = { APPROVALS_URL: "builtin", APPROVALS_EXPIRE_AFTER: "2h" };
  expect(configOf(env)).toMatchObject({
    builtIn: {
      approvals: {
        stream: "APPROVALS",
        subjects: ["approvals.changes.>"],
        expireAfterMs: 7_200_000,
      },
    },
    collaborators: { urls: {} },
  });
  const sources = "A=a.>,P=crm.>,P=approvals.*.approval.resolve";
  expect(configOf({ APPROVALS_URL: "builtin", BUS_SOURCES: sources }).builtIn).toEqual({
    approvals: { stream: "P", subjects: ["crm.>", "approvals.*.approval.resolve"] },
  });
  expect(configOf({ APPROVALS_URL: "http://approvals" }).builtIn).toEqual({});
  expect(
    faultsOf({ ...NEEDED, APPROVALS_URL: "builtin", BUS_SOURCES: "A=approvals.>.x,B=b" }),
  ).toEqual(expect.arrayContaining([expect.stringContaining("BUS_SOURCES")]));
  expect(
    faultsOf({ ...NEEDED, APPROVALS_URL: "builtin", BUS_SOURCES: "A=approvals.changes" }),
  ).toEqual(["BUS_SOURCES has no approvals.changes.>, which APPROVALS_URL=builtin needs"]);
  expect(faultsOf({ ...NEEDED, APPROVALS_EXPIRE_AFTER: "2h" })).toEqual([
    "APPROVALS_EXPIRE_AFTER needs APPROVALS_URL=builtin",
  ]);
  expect(faultsOf({ ...NEEDED, APPROVALS_URL: "built-in" })).toHaveLength(1);
});

test("notifications that are built in", () => {
  const env = {
    NOTIFICATIONS_URL: "builtin",
    NOTIFICATIONS_SMTP_URL: "smtp://user:hidden@mail:587",
    NOTIFICATIONS_FROM: "W <w@example.com>",
    NOTIFICATIONS_TARGETS: "slack:#a=https://hooks/x?key=hidden, ann=mailto:ann@example.com",
    NOTIFICATIONS_ORIGINS: "https://hooks.example.com",
    NOTIFICATIONS_GIVE_UP_AFTER: "2h",
  };
  const config = configOf(env);
  expect(config).toMatchObject({
    builtIn: {
      notifications: {
        smtp: { url: env.NOTIFICATIONS_SMTP_URL, from: "W <w@example.com>" },
        targets: { "slack:#a": "https://hooks/x?key=hidden", ann: "mailto:ann@example.com" },
        origins: ["https://hooks.example.com"],
        giveUpAfterMs: 7_200_000,
      },
    },
    collaborators: { urls: {} },
  });
  expect(JSON.stringify(describeConfig(config))).not.toContain("hidden");
  const wrong = { ...NEEDED, ...env, NOTIFICATIONS_FROM: "", NOTIFICATIONS_ORIGINS: "hooks/x" };
  expect(faultsOf({ ...wrong, NOTIFICATIONS_TARGETS: "a=ftp://hidden,b" })).toEqual([
    expect.stringContaining("NOTIFICATIONS_FROM is required"),
    expect.stringMatching(/^NOTIFICATIONS_TARGETS (?!.*hidden)/),
    expect.stringMatching(/^NOTIFICATIONS_TARGETS /),
    expect.stringContaining("NOTIFICATIONS_ORIGINS has an entry that is no origin"),
  ]);
  expect(faultsOf({ ...NEEDED, NOTIFICATIONS_TARGETS: "a=https://x" })).toEqual([
    "NOTIFICATIONS_TARGETS needs NOTIFICATIONS_URL=builtin",
  ]);
});

test("a plain queue as a source of events", () => {
  const queueOf = (BUS_SOURCES: string) => configOf({ BUS_SOURCES }).bus.sources;
  expect(queueOf("A=a.>,ORDERS=orders.new?workspace=ws_1&type=queue.orders")).toEqual([
    { stream: "A", subject: "a.>" },
    {
      ...{ stream: "ORDERS", subject: "orders.new" },
      queue: { workspaceId: "ws_1", type: "queue.orders" },
    },
  ]);
  for (const wrong of [
    "O=o?workspace=ws_1",
    "O=o?type=queue.orders",
    "O=o?workspace=ws_1&type=orders.made",
    "O=o?workspace=ws_1&type=queue.orders&more=1",
    "O=o?workspace=&type=queue.orders",
    "O=objectives.changes.>?workspace=ws_1&type=queue.orders",
    "O=o,O=o?workspace=ws_1&type=queue.orders",
    "O=o.>,O=o.new?workspace=ws_1&type=queue.orders",
    "O=o.*.a?workspace=ws_1&type=queue.a,O=o.b.*?workspace=ws_1&type=queue.b",
  ]) {
    expect(faultsOf({ ...NEEDED, BUS_SOURCES: wrong }), wrong).toHaveLength(1);
  }
  for (const right of ["O=o.*,O=o.a.b", "O=o.a.>,O=o.a", "P=o.>,O=o.a", "O=o.*.a,O=o.*.b"]) {
    expect(queueOf(`${right}?workspace=ws_1&type=queue.orders`), right).toHaveLength(2);
  }
  // Events of several sources are told apart by their ids.
  expect(queueOf("O=o.>,O=o.new")).toHaveLength(2);
});

test("every fault at once, one line each", () => {
  const faults = faultsOf({
    PORT: "eighty",
    NATS_URL: "http://x",
    BUS_SOURCES: "A=a.>.b,B",
    BUS_STREAM: "A B",
    LOG_LEVEL: "loud\nnext line",
    TLS_CERT_FILE: "/nowhere",
    NATS_USER: "u",
    AGENTS_URL: "agents:8080",
    COLLABORATOR_TIMEOUT_MS: "0",
    MIGRATE: "no",
  });
  expect(faults.map((fault) => fault.split(" ")[0]).sort()).toEqual([
    "AGENTS_URL",
    "BUS_SOURCES",
    "BUS_SOURCES",
    "BUS_STREAM",
    "COLLABORATOR_TIMEOUT_MS",
    "DATABASE_URL",
    "LOG_LEVEL",
    "MIGRATE",
    "NATS_URL",
    "NATS_USER",
    "PORT",
    "TLS_CERT_FILE",
    "TLS_CERT_FILE",
  ]);
  for (const fault of faults) expect(fault).not.toContain("\n");
});

test("nothing set: both required variables are named", () => {
  expect(faultsOf({})).toEqual(["DATABASE_URL is required", "NATS_URL is required"]);
});

test.each(["nats://", "nats://one,tls://", "http://x", "a b"])(
  "NATS_URL=%s names no server",
  (url) => {
    expect(faultsOf({ ...NEEDED, NATS_URL: url })).toEqual([
      expect.stringMatching(/^NATS_URL has /),
    ]);
  },
);

test("metrics on a port of their own need another port, or any free one", () => {
  expect(faultsOf({ ...NEEDED, PORT: "8090", METRICS_PORT: "8090" })).toEqual([
    "METRICS_PORT is 8090, which is PORT; leave it unset for metrics on that port",
  ]);
  expect(configOf({ PORT: "0", METRICS_PORT: "0" })).toMatchObject({ port: 0, metricsPort: 0 });
});

test("origins of pages that may call from a browser", () => {
  const origins = ["https://app.example.com", "http://localhost:3000"];
  expect(configOf({}).corsOrigins).toEqual([]);
  expect(configOf({ CORS_ORIGINS: origins.join(", ") }).corsOrigins).toEqual(origins);
  expect(configOf({ CORS_ORIGINS: "*" }).corsOrigins).toEqual(["*"]);
  const wrong = ["app.example.com", "https://app.example.com/", "ftp://x", "null", "*,http://x"];
  for (const CORS_ORIGINS of wrong) {
    expect(faultsOf({ ...NEEDED, CORS_ORIGINS })).toEqual([
      expect.stringMatching(/^CORS_ORIGINS has /),
    ]);
  }
});

describe("the console", () => {
  const JWT = {
    AUTH_MODE: "jwt",
    JWT_ISSUER: "https://id.example.com/realm",
    JWT_AUDIENCE: "workflows",
    JWKS_URL: "https://id.example.com/keys",
  };
  const consoleOf = (env: Environment) => configOf(env).console;

  test("is not there when it is off", () => {
    expect(consoleOf({ CONSOLE: "off" })).toBeUndefined();
  });

  test("signs in at the issuer with the client's id, and by a pasted token without one", () => {
    expect(consoleOf(JWT)).toEqual({ authMode: "jwt" });
    expect(consoleOf({ ...JWT, CONSOLE_CLIENT_ID: "console" })).toEqual({
      authMode: "jwt",
      oidc: { issuer: JWT.JWT_ISSUER, clientId: "console", audience: "workflows" },
    });
  });

  test.each([
    ["https://flows.example.com", ""],
    ["https://flows.example.com/", ""],
    ["https://flows.example.com/a/b-c/", "/a/b-c"],
  ])("behind PUBLIC_URL=%s has the prefix '%s'", (PUBLIC_URL, prefix) => {
    expect(consoleOf({ PUBLIC_URL })).toEqual({ authMode: "none", prefix });
  });

  test.each([
    [{ CONSOLE: "yes" }, "CONSOLE is yes; it must be one of on, off"],
    [{ CONSOLE_CLIENT_ID: "x" }, "CONSOLE_CLIENT_ID needs AUTH_MODE=jwt"],
    [
      { ...JWT, JWT_ISSUER: "issuer", CONSOLE_CLIENT_ID: "x" },
      "CONSOLE_CLIENT_ID needs a JWT_ISSUER that is a URL: users sign in there",
    ],
    [
      { PUBLIC_URL: "https://x/%22onload=" },
      "PUBLIC_URL must be an address and a path of letters, digits and . _ ~ -",
    ],
    [
      { PUBLIC_URL: "https://x/?a=b" },
      "PUBLIC_URL must be an address and a path of letters, digits and . _ ~ -",
    ],
  ])("%j is refused", (env, fault) => {
    expect(faultsOf({ ...NEEDED, ...env })).toEqual([fault]);
  });
});

describe("limits of streams", () => {
  const limitsOf = (env: Environment) => configOf(env).bus.limits;

  test.each([
    ["7d", 604_800_000],
    ["12h", 43_200_000],
    ["1m", 60_000],
    ["90s", 90_000],
    ["3650d", 315_360_000_000],
    ["0", 0],
  ])("BUS_STREAM_MAX_AGE=%s is %i ms", (text, ms) => {
    expect(limitsOf({ BUS_STREAM_MAX_AGE: text }).maxAgeMs).toBe(ms);
  });

  test.each([
    ["10GiB", 10 * 2 ** 30],
    ["1MiB", 2 ** 20],
    ["5000000", 5_000_000],
  ])("BUS_STREAM_MAX_BYTES=%s is %i bytes", (text, bytes) => {
    expect(limitsOf({ BUS_STREAM_MAX_BYTES: text }).maxBytes).toBe(bytes);
  });

  test.each([
    ["BUS_STREAM_MAX_AGE", "7", "is 7; it must be a time from 1m to 3650d, such as 7d, or 0"],
    ["BUS_STREAM_MAX_AGE", "59s", "from 1m to 3650d"],
    ["BUS_STREAM_MAX_AGE", "3651d", "from 1m to 3650d"],
    ["BUS_STREAM_MAX_AGE", "7w", "is 7w"],
    ["BUS_STREAM_MAX_AGE", "-1d", "is -1d"],
    ["BUS_STREAM_MAX_BYTES", "1KiB", "from 1MiB to 1024TiB"],
    ["BUS_STREAM_MAX_BYTES", "0", "from 1MiB to 1024TiB"],
    ["BUS_STREAM_MAX_BYTES", "10GB", "such as 10GiB"],
    ["BUS_STREAM_REPLICAS", "6", "must be a whole number from 1 to 5"],
  ])("%s=%s is refused", (name, text, words) => {
    const faults = faultsOf({ ...NEEDED, [name]: text });
    expect(faults).toHaveLength(1);
    expect(faults[0]).toMatch(new RegExp(`^${name} `));
    expect(faults[0]).toContain(words);
  });
});

test.each(["postgres://u@/db?host=/run/pg", "postgres:///db?user=u&host=%2Frun%2Fpg"])(
  "DATABASE_URL=%s names a socket",
  (url) => {
    expect(configOf({ DATABASE_URL: url }).databaseUrl).toBe(url);
  },
);

test.each([
  "postgres://u:p@one,two/db",
  "postgres://one:5432,two:5432/db",
  "postgres://u@/db?host=one,two",
  "postgres://u@one/db?sslmode=require&host=one%2Ctwo",
  "postgres://u@/db?host=/run/one,/run/two",
  "postgres://u@/db?host=/run/one&host=/run/two",
])("DATABASE_URL=%s names several hosts", (url) => {
  const faults = faultsOf({ ...NEEDED, DATABASE_URL: url });
  expect(faults).toEqual(["DATABASE_URL names several hosts; it must name one"]);
});

test.each(["postgres://u:p,q@one/db", "postgres://u@/a,b?host=/run/pg"])(
  "DATABASE_URL=%s names one host",
  (url) => {
    expect(configOf({ DATABASE_URL: url }).databaseUrl).toBe(url);
  },
);

test("a credentials file that holds something else is refused", () => {
  expect(faultsOf({ ...NEEDED, NATS_CREDS_FILE: "/cert" })).toEqual([
    "NATS_CREDS_FILE names a file that is no NATS credentials (a JWT and a seed)",
  ]);
});

describe("who may listen without authentication", () => {
  test.each(["127.0.0.1", "127.8.8.8", "localhost", "::1"])("%s may", (HOST) => {
    expect(configOf({ HOST }).host).toBe(HOST);
  });

  test.each(["0.0.0.0", "::", "10.0.0.1", "127.example.com"])("%s may not", (HOST) => {
    expect(faultsOf({ ...NEEDED, HOST })).toEqual([
      expect.stringMatching(/^HOST .*AUTH_ALLOW_NONE=true/),
    ]);
  });

  test.each([
    { AUTH_MODE: "introspect", IDENTITY_URL: "http://identity" },
    { AUTH_MODE: "jwt", JWT_ISSUER: "i", JWT_AUDIENCE: "a", JWKS_URL: "https://keys/jwks" },
  ])("with AUTH_MODE=$AUTH_MODE any address may", (env) => {
    expect(configOf({ ...env, HOST: "0.0.0.0" }).host).toBe("0.0.0.0");
  });
});

describe("authentication", () => {
  test("introspect", () => {
    const config = configOf({ AUTH_MODE: "introspect", IDENTITY_URL: "http://identity/" });
    expect(config.auth).toEqual({ mode: "introspect" });
    expect(config.collaborators.urls.identity).toBe("http://identity");
  });

  test("jwt", () => {
    const env = { JWT_ISSUER: "i", JWT_AUDIENCE: "a", JWKS_URL: "https://keys/jwks" };
    const given = { mode: "jwt", issuer: "i", audience: "a", jwksUrl: "https://keys/jwks" };
    const config = configOf({ AUTH_MODE: "jwt", ...env });
    expect(config.auth).toEqual({ ...given, workspaceClaim: "org_id", agentClaim: "agent_type" });
    const named = configOf({ AUTH_MODE: "jwt", ...env, JWT_WORKSPACE_CLAIM: "tenant" });
    expect(named.auth).toEqual({ ...given, workspaceClaim: "tenant", agentClaim: "agent_type" });
  });

  test.each([
    { AUTH_MODE: "introspect", named: ["IDENTITY_URL"] },
    { AUTH_MODE: "jwt", named: ["JWT_ISSUER", "JWT_AUDIENCE", "JWKS_URL"] },
    { AUTH_MODE: "magic", named: ["AUTH_MODE"] },
  ])("$AUTH_MODE alone: $named are missing", ({ AUTH_MODE, named }) => {
    const faults = faultsOf({ ...NEEDED, AUTH_MODE });
    expect(faults.map((fault) => fault.split(" ")[0])).toEqual(named);
  });

  test("reflection is on by default only without authentication", () => {
    const env = { AUTH_MODE: "introspect", IDENTITY_URL: "http://identity" };
    expect(configOf({}).reflection).toBe(true);
    expect(configOf(env).reflection).toBe(false);
    expect(configOf({ ...env, REFLECTION: "on" }).reflection).toBe(true);
  });
});

test("what is printed holds no secret", () => {
  const config = configOf({
    DATABASE_URL: "postgres://user:SECRET@db/x?password=SECRET",
    NATS_URL: "nats://SECRET@one:4222,nats://u:SECRET@two:4222",
    NATS_TOKEN: "SECRET",
    COLLABORATOR_TOKEN: "SECRET",
    AGENTS_URL: "http://u:SECRET@agents",
    TLS_CERT_FILE: "/cert",
    TLS_KEY_FILE: "/key",
    AUTH_MODE: "jwt",
    JWT_ISSUER: "i",
    JWT_AUDIENCE: "a",
    JWKS_URL: "https://u:SECRET@keys/jwks?key=SECRET",
  });
  const printed = JSON.stringify(describeConfig(config));
  expect(printed).not.toMatch(/SECRET|KEY/);
  expect(printed).toContain("postgres://user:***@db/x");
});

test("a fault does not show the password of a URL that is wrong", () => {
  const env = { DATABASE_URL: "mysql://u:SECRET@db/x", NATS_URL: "ftp://u:SECRET@x" };
  expect(faultsOf(env).join()).not.toContain("SECRET");
});

describe("keys of secrets", () => {
  const KEY = Buffer.alloc(32, 7).toString("base64");

  test("seal and open in their order, and are not shown", () => {
    const config = configOf({
      SECRETS_KEY: `${KEY}, ${KEY}`,
      PUBLIC_URL: "https://x.example/flows/",
    });
    expect(config.endpoints.secretsKeys.map(({ byteLength }) => byteLength)).toEqual([32, 32]);
    expect(config.endpoints.publicUrl).toBe("https://x.example/flows");
    const described = JSON.stringify(describeConfig(config));
    expect(described).not.toContain(KEY);
    expect(describeConfig(config)).toMatchObject({ endpoints: { secretsKeys: 2 } });
  });

  test.each(["short", Buffer.alloc(31).toString("base64"), "ä".repeat(43)])(
    "are 32 bytes in base64, unlike %s, which no fault shows",
    (SECRETS_KEY) => {
      const faults = faultsOf({ ...NEEDED, SECRETS_KEY });
      expect(faults).toEqual([expect.stringMatching(/^SECRETS_KEY must be 32 bytes in base64/)]);
      expect(faults.join()).not.toContain(SECRETS_KEY);
    },
  );
});
