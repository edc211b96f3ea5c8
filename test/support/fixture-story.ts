/**
 * The story that the fixtures tell, played on a live service: the sales pipeline up to the manager's approval, the
 * approval, and the lead's answer, which comes in by HandleTrigger. After it two short runs of another process, one that
 * fails and one that is cancelled.
 * Boundary: asks the service by RPC and listens to its bus as any other team does; nothing that it answers is changed.
 *
 * The points at which answers are kept hold still: nobody decides the approval but this story, a person must answer the
 * lead, and a run that is COMPLETED stays as it is.
 */
import { readFile } from "node:fs/promises";
import { create, fromJsonString } from "@bufbuild/protobuf";
import { createClient } from "@connectrpc/connect";
import { createConnectTransport } from "@connectrpc/connect-node";
import { ApprovalService, DecisionType } from "../../gen/approvals/v1/approvals_pb.ts";
import {
  type GetRunResponse,
  GetRunResponseSchema,
  type HandleTriggerRequest,
  HandleTriggerRequestSchema,
  HandleTriggerResponseSchema,
  PublishVersionRequestSchema,
  PublishVersionResponseSchema,
  TriggerType,
} from "../../gen/workflows/v1/workflows_pb.ts";
import { requireObject } from "../../src/sandbox/bus.ts";
import type { SandboxScript } from "../../src/sandbox/script.ts";
import { writeSalesScript } from "../../src/sandbox/scripts/sales.ts";
import { publishTapEvent, renderTapEvent } from "../../src/sandbox/tap.ts";
import {
  contactCreated,
  DANA,
  publishSalesVersion,
  WORKSPACE_ID,
} from "../../tools/demo/sales-process.ts";
import { type HeardEvent, listenToRuns } from "./fixture-events.ts";
import {
  BARE,
  type BusFormat,
  ENVELOPES,
  EVENT_FIXTURES,
  eventIn,
  writeJson,
} from "./fixture-files.ts";
import type { Documents } from "./fixture-normaliser.ts";
import { playRefunds } from "./fixture-refund.ts";
import { startWorld, type World } from "./fixture-world.ts";
import { until } from "./until.ts";

/** What was told and answered, by the names of the fixtures' files; ids and times are those of this very story. */
export interface ToldStory {
  readonly documents: Documents;
  /** EVENT_FIXTURES as they came, in that order. */
  readonly heard: readonly HeardEvent[];
}

const ANSWER_REPLY = new URL("../../testdata/processes/answer-reply.json", import.meta.url);
const ANSWER_AFTER_MS = 250;
const WAITING = "workflows.changes.step.waiting";

/** Starts the service with a format of the bus, plays the story on it and stops it again. */
export async function playFixtures(format: BusFormat): Promise<ToldStory> {
  const world = await startWorld(makeScript(), { BUS_FORMAT: format });
  try {
    return await playStory(world, format);
  } finally {
    await world.stop();
  }
}

/** The sales story without its approver and without the lead: this story plays them itself. */
function makeScript(): SandboxScript {
  const { tasks = [], ...script } = writeSalesScript();
  return {
    ...script,
    tasks: tasks.map(({ match, reply: { followedBy: _, ...reply } }) => ({
      match,
      reply: { ...reply, afterMs: ANSWER_AFTER_MS },
    })),
    approvals: [],
  };
}

async function playStory({ workflows, sandbox }: World, format: BusFormat): Promise<ToldStory> {
  const published = await publishSalesVersion(workflows);
  const ear = await listenToRuns(sandbox.bus.connection, format);
  await publishTapEvent(sandbox.bus.connection, contactCreated(DANA, WORKSPACE_ID));
  await ear.find(WAITING, "manager-approval");
  const [{ id: runId = "" } = {}] = (await workflows.listRuns({ workspaceId: WORKSPACE_ID })).runs;
  const middle = await workflows.getRun({ id: runId });
  await publishAnswerReply(workflows);
  await approve(sandbox.urls.APPROVALS_URL, middle);
  await ear.find(WAITING, "await-reply");
  await until(async () => {
    const { run } = await workflows.getRun({ id: runId });
    return run?.steps.find(({ notificationId }) => notificationId !== "");
  });
  const request = replyReceived();
  const triggered = await workflows.handleTrigger(request);
  await playRefunds(workflows);
  const heard: HeardEvent[] = [];
  for (const { type, stepId } of EVENT_FIXTURES) heard.push(await ear.find(type, stepId));
  await ear.close();
  return {
    heard,
    documents: {
      "publish-version.response.json": writeJson(PublishVersionResponseSchema, published),
      "get-run.response.json": writeJson(GetRunResponseSchema, middle),
      "handle-trigger.request.json": writeJson(HandleTriggerRequestSchema, request),
      "handle-trigger.response.json": writeJson(HandleTriggerResponseSchema, triggered),
      ...documentsOf(heard, format),
    },
  };
}

function documentsOf(heard: readonly HeardEvent[], format: BusFormat): Documents {
  return Object.fromEntries(
    heard.flatMap(({ envelope }, at) => {
      const name = EVENT_FIXTURES[at]?.name ?? "";
      return [
        [name + BARE, eventIn(envelope)],
        [name + ENVELOPES[format], envelope],
      ];
    }),
  );
}

/** A second process, which the same event starts that the sales process waits for. */
async function publishAnswerReply(workflows: World["workflows"]): Promise<void> {
  const content = fromJsonString(PublishVersionRequestSchema, await readFile(ANSWER_REPLY, "utf8"));
  const { definition } = await workflows.createDefinition({
    workspaceId: WORKSPACE_ID,
    name: "answer-reply",
    description: "A person answers a lead who wrote back.",
    tags: ["sales"],
  });
  await workflows.publishVersion({ ...content, definitionId: definition?.id ?? "" });
}

/** The manager says yes, in the approvals service. */
async function approve(approvalsUrl: string, { run }: GetRunResponse): Promise<void> {
  const step = run?.steps.find(({ stepId }) => stepId === "manager-approval");
  const transport = createConnectTransport({ baseUrl: approvalsUrl, httpVersion: "1.1" });
  await createClient(ApprovalService, transport).resolveApproval({
    approvalRequestId: step?.approvalRequestId ?? "",
    decision: DecisionType.APPROVED,
    decidedBy: "user_sales_manager",
    reason: "Strong fit, go ahead.",
  });
}

/** That the lead's mail arrived, as a caller tells it who has no bus. */
function replyReceived(): HandleTriggerRequest {
  const event = renderTapEvent({
    workspaceId: WORKSPACE_ID,
    provider: "gmail",
    entityType: "message",
    entityId: "msg_18f2c0a97b3d4e51",
    action: "received",
    snapshot: {
      from: DANA.email,
      subject: "Re: Cutting line changeover time",
      body: "Good timing, we are looking at exactly this. Could we talk on Thursday?",
    },
  });
  const { "@type": _, ...data } = requireObject(event.data);
  return create(HandleTriggerRequestSchema, {
    workspaceId: WORKSPACE_ID,
    triggerType: TriggerType.WEBHOOK,
    triggerEventId: "gmail-history-4181093",
    eventType: event.type,
    eventSubject: event.type,
    tapProvider: "gmail",
    tapEntityType: "message",
    tapAction: "received",
    initiatorAgentId: "agent_inbox",
    entityId: "msg_18f2c0a97b3d4e51",
    entityType: "message",
    inputPayload: data,
  });
}
