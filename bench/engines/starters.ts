/**
 * What starts runs for others, and lists what they belong to: endpoints, schedules, a workspace with many workflows.
 * Boundary: makes, calls and times them; what is measured beside is a line's.
 */
import { randomUUID } from "node:crypto";
import { Agent, request } from "node:http";
import { setTimeout as delay } from "node:timers/promises";
import { timestampMs } from "@bufbuild/protobuf/wkt";
import { createClient } from "@connectrpc/connect";
import { createGrpcTransport } from "@connectrpc/connect-node";
import { Endpoints, EndpointVerification } from "../../gen/workflows/ops/v1/endpoints_pb.ts";
import { ScheduleOverlap, Schedules } from "../../gen/workflows/ops/v1/schedules_pb.ts";
import { Workflows } from "../../gen/workflows/ops/v1/workflows_pb.ts";
import { StepType } from "../../gen/workflows/v1/workflows_pb.ts";
import { nowMs } from "../parts/clock.ts";
import type { Engine } from "./engine.ts";
import { inFlight } from "./in-flight.ts";
import type { Stage } from "./ours.ts";
import { WORKSPACE } from "./words.ts";

/** Where the many workflows are: no other load lists it. */
const CROWDED = "ws_crowded";
const PAGE_SIZE = 50;
/** A workflow has 1,000 at most. */
const SCHEDULES_OF_ONE = 500;
/** Never due while a load runs. */
const SELDOM = "0 0 29 2 *";
const OFTEN = "*/5 * * * * *";
const ACCEPTED = 202;
const LISTED_AT_ONCE = 100;
/** The id that a slot has as an event. */
const SLOT = /^schedule:[^:]+:(.+)$/;

/** How many, and how many of them at a time. */
interface Load {
  readonly times: number;
  readonly atATime: number;
}

/** The commands. */
export function starterCommands(stage: Stage): NonNullable<Engine["own"]> {
  const transport = createGrpcTransport({ baseUrl: stage.service.url });
  const schedules = createClient(Schedules, transport);
  const workflows = createClient(Workflows, transport);
  const definitionId = stage.definitions.park;
  let hookUrl: Promise<string> | undefined;
  const schedule = (line: string, of = definitionId) =>
    schedules.create({
      definitionId: of,
      spec: { name: randomUUID(), line, overlap: ScheduleOverlap.ALLOW, input: { id: "slot" } },
    });
  return {
    /** Posts so many deliveries, each with an id of its own, to one endpoint, whose runs wait; ms until all are accepted. */
    async deliver({ times, atATime }: Load) {
      hookUrl ??= createEndpoint(stage, definitionId);
      const url = await hookUrl;
      const agent = new Agent({ keepAlive: true, maxSockets: atATime });
      const beganAtMs = nowMs();
      await inFlight(times, atATime, () => post(agent, url));
      const tookMs = nowMs() - beganAtMs;
      agent.destroy();
      return tookMs;
    },
    /** Makes so many schedules that are not due, of as many workflows as they need. */
    async scheduleSeldom({ times, atATime }: Load) {
      const owners = Array.from({ length: Math.ceil(times / SCHEDULES_OF_ONE) }, () =>
        publishTask(stage),
      );
      const ids = await Promise.all(owners);
      await inFlight(times, atATime, (at) => schedule(SELDOM, ids[at % ids.length]));
    },
    /** Makes a few schedules, each due every five seconds, for so long; how late each of their runs was made, in ms. */
    async scheduleOften({ times, forMs }: { times: number; forMs: number }) {
      const made = await Promise.all(Array.from({ length: times }, () => schedule(OFTEN)));
      await delay(forMs);
      const ids = made.flatMap(({ schedule }) => schedule?.id ?? []);
      await Promise.all(ids.map((id) => schedules.delete({ id })));
      return latenessOf(stage, definitionId);
    },
    /** Makes so many workflows. */
    async crowd({ times, atATime }: Load) {
      const tag = randomUUID();
      await inFlight(times, atATime, (at) =>
        stage.client.createDefinition({ workspaceId: CROWDED, name: `${tag} ${at}` }),
      );
    },
    /** Lists the first page of them so often, one after another; ms of each. */
    async listWorkflows({ times }: { times: number }) {
      const took: number[] = [];
      await inFlight(times, 1, async () => {
        const beganAtMs = nowMs();
        await workflows.list({ workspaceId: CROWDED, pageSize: PAGE_SIZE });
        took.push(nowMs() - beganAtMs);
      });
      return took;
    },
  };
}

/** A workflow of one task; gives its id. */
async function publishTask({ client }: Stage): Promise<string> {
  const named = { workspaceId: WORKSPACE, name: randomUUID() };
  const { definition } = await client.createDefinition(named);
  const definitionId = definition?.id ?? "";
  const steps = [{ id: "work", name: "Work", stepType: StepType.HUMAN_TASK }];
  await client.publishVersion({ definitionId, steps });
  return definitionId;
}

async function createEndpoint(stage: Stage, definitionId: string): Promise<string> {
  const endpoints = createClient(Endpoints, createGrpcTransport({ baseUrl: stage.service.url }));
  const { url } = await endpoints.create({ definitionId, verification: EndpointVerification.NONE });
  return new URL(url, stage.service.url).href;
}

function post(agent: Agent, url: string): Promise<void> {
  const body = JSON.stringify({ id: randomUUID() });
  const headers = { "content-type": "application/json", "webhook-id": randomUUID() };
  return new Promise((resolve, reject) => {
    const sent = request(url, { method: "POST", agent, headers }, (answer) => {
      answer.resume();
      answer.once("end", () => {
        if (answer.statusCode === ACCEPTED) resolve();
        else reject(new Error(`a delivery was answered with ${answer.statusCode}`));
      });
    });
    sent.once("error", reject);
    sent.end(body);
  });
}

/** From the slot to the start of the run, of each run that a schedule started. */
async function latenessOf({ client }: Stage, definitionId: string): Promise<number[]> {
  const late: number[] = [];
  for (let offset = 0, total = 1; offset < total; offset += LISTED_AT_ONCE) {
    const asked = { workspaceId: WORKSPACE, definitionId, limit: LISTED_AT_ONCE, offset };
    const page = await client.listRuns(asked);
    for (const { triggerEventId, startedAt } of page.runs) {
      const slot = SLOT.exec(triggerEventId)?.[1];
      if (slot === undefined || startedAt === undefined) continue;
      late.push(timestampMs(startedAt) - Date.parse(slot));
    }
    total = page.total;
  }
  return late;
}
