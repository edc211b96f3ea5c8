/**
 * Bad input to every RPC: the right code, field paths, and nothing stored. Never INTERNAL.
 */
import { create, type JsonObject, toBinary } from "@bufbuild/protobuf";
import { BinaryWriter, WireType } from "@bufbuild/protobuf/wire";
import { ConnectError, createClient } from "@connectrpc/connect";
import { errorFromJsonBytes } from "@connectrpc/connect/protocol-connect";
import {
  compressionBrotli,
  compressionGzip,
  createConnectTransport,
  createGrpcTransport,
} from "@connectrpc/connect-node";
import pg from "pg";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { BadRequestSchema, ResourceInfoSchema } from "../../gen/google/rpc/error_details_pb.ts";
import {
  PublishVersionRequestSchema,
  StepRunState,
  StepType,
  TriggerType,
  WorkflowService,
} from "../../gen/workflows/v1/workflows_pb.ts";
import {
  type RpcService,
  refusedBy,
  startRpcService,
  TRANSPORTS,
} from "../support/services/rpc-service.ts";

let service: RpcService;
/** Of workspace ws_a: a definition, a run of it that waits in `a`, and a cancelled run. */
let definitionId = "";
let runId = "";
let cancelledId = "";
beforeAll(async () => {
  service = await startRpcService();
  const { client } = service;
  const made = await client.createDefinition({ workspaceId: "ws_a", name: "one" });
  definitionId = made.definition?.id ?? "";
  await client.publishVersion({
    definitionId,
    steps: [{ id: "a", name: "a", stepType: StepType.HUMAN_TASK }],
  });
  runId = (await client.startRun({ definitionId })).run?.id ?? "";
  cancelledId = (await client.startRun({ definitionId })).run?.id ?? "";
  await client.cancelRun({ id: cancelledId });
});
afterAll(() => service.stop());

/** Sends a body as it is; rejects with the error that the answer holds. */
async function sendJson(method: string, body: string): Promise<never> {
  const response = await fetch(`${service.baseUrl}/${WorkflowService.typeName}/${method}`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body,
  });
  const answered = new ConnectError("the request was not refused");
  throw errorFromJsonBytes(new Uint8Array(await response.arrayBuffer()), undefined, answered);
}

/** Everything that is stored, as text. */
async function stored(): Promise<string> {
  const client = new pg.Client({ connectionString: service.url });
  await client.connect();
  try {
    const tables = [
      "workflow_definitions",
      "workflow_versions",
      "workflow_runs",
      "step_runs",
      "run_moves",
      "kept_events",
      "run_starts",
      "effects",
    ];
    const texts: string[] = [];
    for (const table of tables) {
      const { rows } = await client.query(`select * from ${table} t order by t::text`);
      texts.push(JSON.stringify(rows));
    }
    return texts.join("\n");
  } finally {
    await client.end();
  }
}

const NUL = "a\u0000b";
const LONG = "x".repeat(257);
const deep = () => {
  let payload: JsonObject = {};
  for (let depth = 0; depth < 64; depth++) payload = { a: payload };
  return payload;
};
const large = { text: "x".repeat(256 * 1024) };
const task = { id: "a", name: "a", stepType: StepType.HUMAN_TASK };
const BAD_SCHEMAS: JsonObject[] = [
  { type: "nothing" },
  { $ref: "#" },
  { $ref: "https://example.com/schema.json" },
  { pattern: "(" },
];
type Call = (client: RpcService["client"]) => Promise<unknown>;

/** Name, call, paths of the fields that are at fault. */
const INVALID: [string, Call, string[]][] = [
  ["CreateDefinition: empty", (c) => c.createDefinition({}), ["workspace_id", "name"]],
  [
    "CreateDefinition: blank name",
    (c) => c.createDefinition({ workspaceId: "w", name: " " }),
    ["name"],
  ],
  [
    "CreateDefinition: NUL, too long",
    (c) =>
      c.createDefinition({
        workspaceId: NUL,
        name: LONG,
        description: "x".repeat(4097),
        tags: ["ok", "", "x".repeat(129), NUL],
      }),
    ["workspace_id", "name", "description", "tags[1]", "tags[2]", "tags[3]"],
  ],
  [
    "CreateDefinition: too many tags",
    (c) => c.createDefinition({ workspaceId: "w", name: "n", tags: Array(65).fill("t") }),
    ["tags"],
  ],
  ["GetDefinition: empty", (c) => c.getDefinition({}), ["id"]],
  ["GetDefinition: NUL", (c) => c.getDefinition({ id: NUL }), ["id"]],
  ["ListDefinitions: empty", (c) => c.listDefinitions({}), ["workspace_id"]],
  [
    "ListDefinitions: page",
    (c) => c.listDefinitions({ workspaceId: "w", limit: 501, offset: 10_001 }),
    ["limit", "offset"],
  ],
  [
    "ListDefinitions: negative page",
    (c) => c.listDefinitions({ workspaceId: "w", limit: -1, offset: -1, tag: NUL }),
    ["tag", "limit", "offset"],
  ],
  ["PublishVersion: empty", (c) => c.publishVersion({}), ["definition_id", "steps"]],
  [
    "PublishVersion: unknown enum numbers beside a bad graph",
    (c) =>
      c.publishVersion({
        definitionId: NUL,
        steps: [task, { id: "b", stepType: 77 as never }, task],
        edges: [{ fromStepId: "b", toStepId: "missing" }],
        trigger: { triggerType: 9 as never },
      }),
    [
      "definition_id",
      "steps[1].step_type",
      "trigger.trigger_type",
      "steps[2].id",
      "edges[0].to_step_id",
    ],
  ],
  [
    "PublishVersion: trigger without a type",
    (c) => c.publishVersion({ definitionId, steps: [task], trigger: { eventType: "x" } }),
    ["trigger.trigger_type"],
  ],
  ...["", "* * * *", "0 0 30 2 *", "CRON_TZ=Mars/Olympus @daily", "@every soon"].map(
    (cronExpr): [string, Call, string[]] => [
      `PublishVersion: the cron line "${cronExpr}"`,
      (c) =>
        c.publishVersion({
          definitionId,
          steps: [task],
          trigger: { triggerType: TriggerType.SCHEDULE, cronExpr },
        }),
      ["trigger.cron_expr"],
    ],
  ),
  [
    "PublishVersion: an output_schema that is none, recursive, remote",
    (c) =>
      c.publishVersion({
        definitionId,
        steps: BAD_SCHEMAS.map((schema, index) => ({
          ...task,
          id: `s${index}`,
          config: { output_schema: schema },
        })),
      }),
    [0, 1, 2, 3].map((index) => `steps[${index}].config.output_schema`),
  ],
  ["ListVersions: empty", (c) => c.listVersions({}), ["definition_id"]],
  ["StartRun: empty", (c) => c.startRun({}), ["definition_id"]],
  [
    "StartRun: everything wrong",
    (c) =>
      c.startRun({
        definitionId: NUL,
        definitionVersion: -1,
        workspaceId: LONG,
        triggerType: 42 as never,
        triggerEventId: LONG,
        inputPayload: { list: [1, { text: NUL }] },
      }),
    [
      "definition_id",
      "workspace_id",
      "input_payload.list[1].text",
      "trigger_type",
      "trigger_event_id",
      "definition_version",
    ],
  ],
  [
    "StartRun: a SCHEDULE without its slot",
    (c) => c.startRun({ definitionId, triggerType: TriggerType.SCHEDULE }),
    ["trigger_event_id"],
  ],
  [
    "StartRun: a WORKFLOW without a parent",
    (c) => c.startRun({ definitionId, triggerType: TriggerType.WORKFLOW }),
    ["parent_run_id"],
  ],
  ["StartRun: large", (c) => c.startRun({ definitionId, inputPayload: large }), ["input_payload"]],
  [
    "StartRun: deep",
    (c) => c.startRun({ definitionId, inputPayload: deep() }),
    [`input_payload.${Array(64).fill("a").join(".")}`],
  ],
  ["HandleTrigger: empty", (c) => c.handleTrigger({}), ["workspace_id", "trigger_type"]],
  ...[TriggerType.MANUAL, TriggerType.WORKFLOW, 42 as never].map(
    (triggerType): [string, Call, string[]] => [
      `HandleTrigger: type ${triggerType}`,
      (c) => c.handleTrigger({ workspaceId: "w", triggerType }),
      ["trigger_type"],
    ],
  ),
  [
    "HandleTrigger: a SCHEDULE without a line",
    (c) => c.handleTrigger({ workspaceId: "w", triggerType: TriggerType.SCHEDULE, cronExpr: " " }),
    ["cron_expr"],
  ],
  [
    "HandleTrigger: a SCHEDULE whose line is none",
    (c) => c.handleTrigger({ workspaceId: "w", triggerType: TriggerType.SCHEDULE, cronExpr: "x" }),
    ["cron_expr"],
  ],
  [
    "HandleTrigger: an EVENT without one",
    (c) => c.handleTrigger({ workspaceId: "w", triggerType: TriggerType.EVENT }),
    ["event_type"],
  ],
  ["GetRun: empty", (c) => c.getRun({}), ["id"]],
  ["ListRuns: empty", (c) => c.listRuns({}), ["workspace_id"]],
  [
    "ListRuns: everything wrong",
    (c) =>
      c.listRuns({
        workspaceId: "w",
        state: 99 as never,
        definitionId: NUL,
        limit: 501,
        offset: -1,
      }),
    ["definition_id", "state", "limit", "offset"],
  ],
  ["TransitionStep: empty", (c) => c.transitionStep({}), ["run_id", "step_id", "state"]],
  [
    "TransitionStep: a target that is none",
    (c) => c.transitionStep({ runId, stepId: "a", state: StepRunState.SKIPPED }),
    ["state"],
  ],
  [
    "TransitionStep: everything wrong",
    (c) =>
      c.transitionStep({
        runId,
        stepId: "a",
        state: StepRunState.COMPLETED,
        costUsd: Number.NaN,
        governanceDecision: "PERHAPS",
        errorMessage: "x".repeat(16 * 1024 + 1),
        outputPayload: large,
      }),
    ["output_payload", "error_message", "cost_usd", "governance_decision"],
  ],
  [
    "TransitionStep: a cost no sum could hold",
    (c) => c.transitionStep({ runId, stepId: "a", state: StepRunState.COMPLETED, costUsd: 1e300 }),
    ["cost_usd"],
  ],
  [
    "TransitionStep: a negative cost",
    (c) => c.transitionStep({ runId, stepId: "a", state: StepRunState.COMPLETED, costUsd: -1 }),
    ["cost_usd"],
  ],
  ["PauseRun: empty", (c) => c.pauseRun({}), ["id"]],
  ["PauseRun: reason", (c) => c.pauseRun({ id: runId, reason: "x".repeat(4097) }), ["reason"]],
  ["ResumeRun: empty", (c) => c.resumeRun({}), ["id"]],
  ["CancelRun: NUL", (c) => c.cancelRun({ id: runId, reason: NUL }), ["reason"]],
  ["CompensateRun: empty", (c) => c.compensateRun({}), ["id"]],
];

const UNKNOWN: [string, Call][] = [
  ["GetDefinition", (c) => c.getDefinition({ id: "wf_none" })],
  ["PublishVersion", (c) => c.publishVersion({ definitionId: "wf_none", steps: [task] })],
  ["ListVersions", (c) => c.listVersions({ definitionId: "wf_none" })],
  ["StartRun", (c) => c.startRun({ definitionId: "wf_none" })],
  ["GetRun", (c) => c.getRun({ id: "wfr_none" })],
  [
    "TransitionStep: run",
    (c) => c.transitionStep({ runId: "wfr_none", stepId: "a", state: StepRunState.COMPLETED }),
  ],
  [
    "TransitionStep: failing a step of an unknown run",
    (c) => c.transitionStep({ runId: "wfr_none", stepId: "a", state: StepRunState.FAILED }),
  ],
  [
    "TransitionStep: step",
    (c) => c.transitionStep({ runId, stepId: "missing", state: StepRunState.COMPLETED }),
  ],
  ["PauseRun", (c) => c.pauseRun({ id: "wfr_none" })],
  ["ResumeRun", (c) => c.resumeRun({ id: "wfr_none" })],
  ["CancelRun", (c) => c.cancelRun({ id: "wfr_none" })],
  ["CompensateRun", (c) => c.compensateRun({ id: "wfr_none" })],
];

const WRONG_STATE: [string, Call][] = [
  ["PauseRun of a cancelled run", (c) => c.pauseRun({ id: cancelledId })],
  ["ResumeRun of a cancelled run", (c) => c.resumeRun({ id: cancelledId })],
];

describe("bad input stores nothing", () => {
  let before = "";
  beforeAll(async () => {
    before = await stored();
  });

  test.each(INVALID)("%s", async (_name, call, fields) => {
    const refused = await refusedBy(call(service.client));
    expect(refused).toMatchObject({ code: "InvalidArgument", reason: "INVALID_FIELDS" });
    expect([...new Set(refused.fields)]).toEqual(fields);
  });

  test.each(UNKNOWN)("unknown: %s", async (_name, call) => {
    expect(await refusedBy(call(service.client))).toMatchObject({
      code: "NotFound",
      reason: "NOT_FOUND",
    });
  });

  test.each(WRONG_STATE)("wrong state: %s", async (_name, call) => {
    expect(await refusedBy(call(service.client))).toMatchObject({
      code: "FailedPrecondition",
      reason: "ILLEGAL_MOVE",
    });
  });

  test.each(Object.values(WorkflowService.method))("junk bytes: $name", async ({ name }) => {
    const url = `${service.baseUrl}/${WorkflowService.typeName}/${name}`;
    const bodies: [string, Uint8Array | string, string][] = [
      ["application/proto", Uint8Array.of(0x0a, 0xff, 0xff), "invalid_argument"],
      ["application/json", '{"', "invalid_argument"],
      ["application/json", '"text"', "invalid_argument"],
      ["application/json", `{"a":${"[".repeat(5_000)}`, "invalid_argument"],
      ["application/proto", new Uint8Array(1024 * 1024 + 1), "resource_exhausted"],
    ];
    for (const [contentType, body, code] of bodies) {
      const headers = { "content-type": contentType };
      const response = await fetch(url, { method: "POST", headers, body });
      expect(await response.json()).toMatchObject({ code });
    }
  });

  test.each([
    ['{"id": 5}', "id"],
    ['{"nosuch": 5}', "nosuch"],
    ['"text"', ""],
    ['{"id":', ""],
  ])("JSON that does not fit, %s, names its field", async (body, field) => {
    const refused = await refusedBy(sendJson("GetRun", body));
    expect(refused).toMatchObject({ code: "InvalidArgument", reason: "MALFORMED_REQUEST" });
    expect(refused.fields).toEqual([field]);
  });

  test.each([
    ['{"state":"WAT"}', "ListRuns", "state"],
    ['{"inputPayload":{"a":1},"input_payload":[1]}', "StartRun", "input_payload"],
    ['{"steps":[{"id":"a"},{"id":"b","stepType":"WAT"}]}', "PublishVersion", "steps[1].step_type"],
    ['{"steps":[{"id":"a","config":"x"}]}', "PublishVersion", "steps[0].config"],
    ['{"steps":[{"retry_policy":{"max":1}}]}', "PublishVersion", "steps[0].retry_policy.max"],
    ['{"steps":[{"id":"a"},"b"]}', "PublishVersion", "steps[1]"],
    ['{"steps":[{}],"edges":[{"label":true}]}', "PublishVersion", "edges[0].label"],
    ['{"trigger":{"filter_expr":1}}', "PublishVersion", "trigger.filter_expr"],
  ])("JSON that does not fit, %s, names the path", async (body, method, path) => {
    const refused = await refusedBy(sendJson(method, body));
    expect(refused).toMatchObject({ code: "InvalidArgument", reason: "MALFORMED_REQUEST" });
    expect(refused.fields).toEqual([path]);
    expect(refused.error.rawMessage).toContain(`${path}: cannot decode`);
  });

  test("the refusal of an oversized request names its size and the limit", async () => {
    const refused = await refusedBy(sendJson("GetRun", `{"id": "${"x".repeat(1024 * 1024)}"}`));
    expect(refused).toMatchObject({ code: "ResourceExhausted", reason: "TOO_LARGE" });
    expect(refused.error.rawMessage).toBe(
      "the request has 1048586 bytes, more than the limit of 1048576 bytes",
    );
  });

  test.each<[string, Call]>([
    ["there is no run wfr_none", (c) => c.getRun({ id: "wfr_none" })],
    ["there is no run wfr_none", (c) => c.pauseRun({ id: "wfr_none" })],
    ["there is no definition wf_none", (c) => c.getDefinition({ id: "wf_none" })],
    [
      "there is no definition wf_none",
      (c) => c.publishVersion({ definitionId: "wf_none", steps: [task] }),
    ],
    [
      "definition ID has no version 7; its latest is 1",
      (c) => c.startRun({ definitionId, definitionVersion: 7 }),
    ],
    [
      "the name is taken by definition ID",
      (c) => c.createDefinition({ workspaceId: "ws_a", name: "one" }),
    ],
  ])("the sentence names what is meant: %s", async (sentence, call) => {
    const { error } = await refusedBy(call(service.client));
    expect(error.rawMessage).toBe(sentence.replace("ID", definitionId));
  });

  test.each([
    ...TRANSPORTS,
    [
      "connect, gzip",
      (baseUrl: string) =>
        createConnectTransport({ baseUrl, httpVersion: "1.1", sendCompression: compressionGzip }),
    ] as const,
    [
      "grpc, brotli",
      (baseUrl: string) => createGrpcTransport({ baseUrl, sendCompression: compressionBrotli }),
    ] as const,
  ])("lists with too many items are refused before they are decoded: %s", async (_name, make) => {
    const client = createClient(WorkflowService, make(service.baseUrl));
    const crowd = (items: number) => Array.from({ length: items }, () => ({}));
    const refused = await refusedBy(
      client.publishVersion({ definitionId, steps: crowd(10_001), edges: crowd(20_000) }),
    );
    expect(refused).toMatchObject({ code: "InvalidArgument", fields: ["steps", "edges"] });
    expect(refused.error.rawMessage).toContain("steps: has 10001 items, over the limit of 10000");
    const many = await refusedBy(client.publishVersion({ definitionId, steps: crowd(10_000) }));
    expect(many.error.rawMessage).toContain("a version has at most 1000 steps");
  });

  const tagged = (number: number, type: WireType) => new BinaryWriter().tag(number, type);
  const steps = (items: number) =>
    Buffer.alloc(2 * items, tagged(2, WireType.LengthDelimited).bytes(new Uint8Array()).finish());
  const crowd = Array.from({ length: 10_001 }, () => ({}));
  const own = (hidden: Uint8Array) => Buffer.concat([hidden, steps(10_001)]);
  /** A step with a field 4 bytes longer than the step: a reader takes them for the field's end, or for another field. */
  const overrun = Buffer.from([0x12, 3, 0xfa, 1, 4, 0x7a, 0xa2, 0x9c, 1]);
  const envelope = (message: Uint8Array) => {
    const header = Buffer.alloc(5);
    header.writeUInt32BE(message.byteLength, 1);
    return Buffer.concat([header, message]);
  };
  const two = Buffer.concat([envelope(new Uint8Array()), envelope(Buffer.from([0xff]))]);
  const items = "steps: has 10001 items, over the limit of 10000";
  const noMessage = "malformed: ";
  test.each<[name: string, type: string, body: string | Uint8Array, expected: string]>([
    ["a type in capitals", "application/JSON", JSON.stringify({ steps: crowd }), items],
    ["a byte order mark", "application/json", `\ufeff${JSON.stringify({ steps: crowd })}`, items],
    ["a group's end", "application/proto", own(Buffer.from([0x14, 0])), noMessage],
    ["a group's begin", "application/proto", own(Buffer.from([0x0b, 0])), noMessage],
    [
      "another type",
      "application/proto",
      own(Buffer.from([0x09, 0, 0, 0, 0, 0, 0, 0, 0])),
      noMessage,
    ],
    ["a field that runs over its message", "application/proto", own(overrun), noMessage],
    ["gRPC in capitals", "application/GRPC-web+proto", envelope(steps(10_001)), items],
    ["a second message", "application/grpc-web+proto", two, "received extra input message"],
  ])("lists are counted as they are decoded: %s", async (_name, type, body, expected) => {
    const response = await fetch(`${service.baseUrl}/${WorkflowService.typeName}/PublishVersion`, {
      method: "POST",
      headers: { "content-type": type },
      body,
    });
    expect(decodeURIComponent(await response.text())).toContain(expected);
  });

  test.each([
    ["a text that is not UTF-8", [0x0a, 2, 0xff, 0xfe], "a text is not UTF-8"],
    ["a step's text that is not UTF-8", [0x12, 4, 0x0a, 2, 0xff, 0xfe], "a text is not UTF-8"],
    ["a config that is no Struct", [0x12, 5, 0x72, 3, 0x0a, 5, 0x0a], "a payload is malformed"],
  ])("bytes with %s are malformed", async (_name, bytes, why) => {
    const response = await fetch(`${service.baseUrl}/${WorkflowService.typeName}/PublishVersion`, {
      method: "POST",
      headers: { "content-type": "application/proto" },
      body: Uint8Array.from(bytes),
    });
    const text = await response.text();
    expect(text).toContain("MALFORMED_REQUEST");
    expect(text).toContain(why);
  });

  test("a list of texts is counted as it is decoded", async () => {
    const tags = Buffer.alloc(20_002, Buffer.from([0x22, 0]));
    const response = await fetch(
      `${service.baseUrl}/${WorkflowService.typeName}/CreateDefinition`,
      {
        method: "POST",
        headers: { "content-type": "application/proto" },
        body: tags,
      },
    );
    expect(await response.text()).toContain("tags: has 10001 items, over the limit of 10000");
  });

  test("a missing step is named", async () => {
    const call = service.client.transitionStep({ runId, stepId: "z", state: StepRunState.FAILED });
    const { error } = await refusedBy(call);
    expect(error.findDetails(ResourceInfoSchema)[0]).toMatchObject({
      resourceType: "step",
      resourceName: "z",
    });
  });

  test("a payload's number that is not finite", async () => {
    const number = (value: number) =>
      new BinaryWriter().tag(2, WireType.Bit64).double(value).finish();
    const entry = new BinaryWriter();
    entry.tag(1, WireType.LengthDelimited).string("n");
    entry.tag(2, WireType.LengthDelimited).bytes(number(Number.NaN));
    const struct = new BinaryWriter().tag(1, WireType.LengthDelimited).bytes(entry.finish());
    const request = new BinaryWriter().tag(1, WireType.LengthDelimited).string(definitionId);
    request.tag(9, WireType.LengthDelimited).bytes(struct.finish());
    const response = await fetch(`${service.baseUrl}/${WorkflowService.typeName}/StartRun`, {
      method: "POST",
      headers: { "content-type": "application/proto" },
      body: request.finish(),
    });
    const answer: unknown = await response.json();
    expect(answer).toMatchObject({ code: "invalid_argument" });
    expect(JSON.stringify(answer)).toContain("input_payload.n: is not a finite number");
  });

  test("more faults than a gRPC trailer holds: as many as fit, and how many more", async () => {
    const steps = Array.from({ length: 900 }, () => ({ ...task, id: "no good id" }));
    const request = create(PublishVersionRequestSchema, { definitionId, steps });
    expect(toBinary(PublishVersionRequestSchema, request).length).toBeLessThan(1024 * 1024);
    const overGrpc = createClient(
      WorkflowService,
      createGrpcTransport({ baseUrl: service.baseUrl }),
    );
    const byGrpc = await refusedBy(overGrpc.publishVersion(request));
    expect(byGrpc.fields.length).toBeGreaterThan(20);
    const violations = byGrpc.error.findDetails(BadRequestSchema)[0]?.fieldViolations ?? [];
    expect(violations.at(-1)?.description).toMatch(/^\d+ more faults/);
    const byConnect = await refusedBy(service.client.publishVersion(request));
    expect(byConnect.fields.length).toBeGreaterThanOrEqual(900);
  });

  test("nothing is stored", async () => {
    expect(await stored()).toBe(before);
  });
});
