/** The wait of `start --wait` and the list of workflows, against a service that is played: away, or with very many workflows. */
import { once } from "node:events";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { create } from "@bufbuild/protobuf";
import { Code, ConnectError } from "@connectrpc/connect";
import { connectNodeAdapter } from "@connectrpc/connect-node";
import { afterEach, describe, expect, it } from "vitest";
import {
  WorkflowRunSchema,
  WorkflowService,
  WorkflowState,
} from "../../../gen/workflows/v1/workflows_pb.ts";
import { requireDefinition } from "../../../src/cli/definitions.ts";
import { connectService, type Service } from "../../../src/cli/service.ts";
import { waitForEnd } from "../../../src/cli/wait.ts";

const STARTED = create(WorkflowRunSchema, { id: "wfr_a", state: WorkflowState.RUNNING });
let server: Server | undefined;

afterEach(() => {
  server?.closeAllConnections();
  server?.close();
});

/** A service that answers as `states` say, the last one for ever; undefined is a 503. */
async function play(states: readonly (WorkflowState | undefined)[]): Promise<Service> {
  let asked = 0;
  const adapter = connectNodeAdapter({
    routes: (router) =>
      router.service(WorkflowService, {
        getRun: () => ({
          run: { id: "wfr_a", state: states[Math.min(asked++, states.length - 1)] ?? 0 },
        }),
        listDefinitions({ offset }) {
          if (offset > 10_000) throw new ConnectError("offset", Code.InvalidArgument);
          const names = Array.from({ length: 500 }, (_, at) => `n${offset + at}`);
          return { definitions: names.map((name) => ({ id: `wf_${name}`, name })) };
        },
      }),
  });
  server = createServer((request, response) => {
    if (asked < states.length ? states[asked] !== undefined : states.at(-1) !== undefined) {
      adapter(request, response);
      return;
    }
    asked += 1;
    response.writeHead(503).end();
  });
  await once(server.listen(0, "127.0.0.1"), "listening");
  const { port } = server.address() as AddressInfo;
  return connectService({ server: `http://127.0.0.1:${port}`, workspace: "ws" });
}

/** A clock that goes on by what is waited. */
function playedClock() {
  let at = 0;
  return {
    now: () => at,
    pause: async (ms: number) => {
      at += ms;
    },
  };
}

describe("the wait for an end", () => {
  it("goes on while the service is away for a time", async () => {
    const service = await play([
      ...[undefined, undefined, WorkflowState.RUNNING],
      ...[undefined, undefined, undefined, WorkflowState.COMPLETED],
    ]);
    const ended = await waitForEnd(service, STARTED, undefined, playedClock());
    expect(ended.state).toBe(WorkflowState.COMPLETED);
  });

  it("counts a time away from its first failure", async () => {
    // Some 40 s away, twice.
    const away = Array<undefined>(25).fill(undefined);
    const states = [...away, WorkflowState.RUNNING, ...away, WorkflowState.FAILED];
    const ended = await waitForEnd(await play(states), STARTED, undefined, playedClock());
    expect(ended.state).toBe(WorkflowState.FAILED);
  });

  it("gives up after a minute away and names the run", async () => {
    const clock = playedClock();
    const waiting = waitForEnd(await play([undefined]), STARTED, undefined, clock);
    await expect(waiting).rejects.toMatchObject({
      exitCode: 5,
      message: expect.stringMatching(/503.*; wfr_a was started: workflows runs wfr_a$/),
    });
    expect(clock.now()).toBeGreaterThanOrEqual(60_000);
    expect(clock.now()).toBeLessThan(63_000);
  });

  it("ends at its time while the service is away", async () => {
    const clock = playedClock();
    const last = await waitForEnd(await play([undefined]), STARTED, 10_000, clock);
    expect(last.state).toBe(WorkflowState.RUNNING);
    expect(clock.now()).toBe(10_000);
  });
});

describe("a workspace with more workflows than are listed", () => {
  it("asks for the id", async () => {
    await expect(requireDefinition(await play([0]), "other")).rejects.toMatchObject({
      exitCode: 2,
      message: "the workspace has more than 10,000 workflows: use the id",
    });
  });
});
