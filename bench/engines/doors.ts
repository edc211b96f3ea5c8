/**
 * The doors beside the RPCs: the same call as a route of REST and as its RPC, and searches over MCP.
 * Boundary: calls over HTTP/1.1 and times them; what they cost is the line's.
 */
import { Agent, request } from "node:http";
import { text } from "node:stream/consumers";
import { nowMs } from "../parts/clock.ts";
import type { Engine } from "./engine.ts";
import { inFlight } from "./in-flight.ts";
import type { Stage } from "./ours.ts";
import { WORKSPACE } from "./words.ts";

/** The calls that are compared: one that reads, and one that writes. */
export type DoorCall = "get" | "start";
/** How a call is made. */
export type DoorWay = "rest" | "rpc";

/** Calls of one kind. */
export interface DoorLoad {
  readonly call: DoorCall;
  readonly way: DoorWay;
  readonly times: number;
  readonly atATime: number;
}

const V1 = "/workflows.v1.WorkflowService";
const JSON_TYPE = { "content-type": "application/json" };

interface Sent {
  readonly method: "GET" | "POST";
  readonly path: string;
  readonly body?: string;
}

/** The commands. */
export function doorCommands(stage: Stage): NonNullable<Engine["own"]> {
  const { definitions, service } = stage;
  let runId: Promise<string> | undefined;
  const sentOf = async ({ call, way }: DoorLoad): Promise<Sent> => {
    runId ??= stage.begin("park", "doors");
    const id = await runId;
    if (call === "get" && way === "rest") return { method: "GET", path: `/api/v1/runs/${id}` };
    const fields = call === "get" ? { id } : { definitionId: definitions.park };
    const body = JSON.stringify(fields);
    const rpc = call === "get" ? "GetRun" : "StartRun";
    return { method: "POST", path: way === "rest" ? "/api/v1/runs" : `${V1}/${rpc}`, body };
  };
  return {
    /** So many calls; ms of all. */
    async callDoor(load: DoorLoad) {
      const sent = await sentOf(load);
      const agent = new Agent({ keepAlive: true, maxSockets: load.atATime });
      const beganAtMs = nowMs();
      await inFlight(load.times, load.atATime, () => send(agent, service.url, sent));
      const tookMs = nowMs() - beganAtMs;
      agent.destroy();
      return tookMs;
    },
    /** Searches for workflows over MCP, one after another; ms of each. */
    async searchMcp({ times }: { times: number }) {
      const agent = new Agent({ keepAlive: true, maxSockets: 1 });
      const params = { name: "search", arguments: { type: "Workflow" } };
      const message = { jsonrpc: "2.0", id: 1, method: "tools/call", params };
      const path = `/mcp?workspace=${WORKSPACE}`;
      const sent = { method: "POST", path, body: JSON.stringify(message) } as const;
      const took: number[] = [];
      await inFlight(times, 1, async () => {
        const beganAtMs = nowMs();
        const answer = await send(agent, service.url, sent);
        took.push(nowMs() - beganAtMs);
        if (!answer.includes('"results"')) throw new Error(`no results: ${answer.slice(0, 200)}`);
      });
      agent.destroy();
      return took;
    },
  };
}

function send(agent: Agent, url: string, { method, path, body }: Sent): Promise<string> {
  const headers = {
    ...(body === undefined ? {} : JSON_TYPE),
    accept: "application/json, text/event-stream",
  };
  return new Promise((resolve, reject) => {
    const sent = request(new URL(path, url), { method, agent, headers }, (answer) => {
      const { statusCode = 0 } = answer;
      text(answer).then((given) => {
        if (statusCode < 300) resolve(given);
        else reject(new Error(`${method} ${path} is ${statusCode}: ${given.slice(0, 200)}`));
      }, reject);
    });
    sent.on("error", reject);
    sent.end(body);
  });
}
