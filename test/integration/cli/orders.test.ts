/** What the orders of the command line send, against a service that is played. */
import { once } from "node:events";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { connectNodeAdapter } from "@connectrpc/connect-node";
import { afterEach, expect, it } from "vitest";
import { Runs } from "../../../gen/workflows/ops/v1/runs_pb.ts";
import { complete } from "../../../src/cli/decide.ts";
import { resume } from "../../../src/cli/lifecycle.ts";
import { fail, retry, skip } from "../../../src/cli/orders.ts";
import { createOutput } from "../../../src/cli/output.ts";

let server: Server | undefined;

afterEach(() => {
  server?.closeAllConnections();
  server?.close();
});

/** The attempts that orders name while the step's latest attempt is 7, and the inputs that are changed; gives the server's URL. */
async function play(named: number[], changed: unknown[] = []): Promise<string> {
  const record = ({ stepId, attempt }: { stepId: string; attempt: number }) => {
    named.push(attempt);
    return { step: { stepId } };
  };
  const adapter = connectNodeAdapter({
    routes: (router) =>
      router.service(Runs, {
        getAttempts: () => ({ attempts: [{ attempt: 6 }, { attempt: 7 }] }),
        ...{ retryStep: record, skipStep: record, completeStep: record, failStep: record },
        resumeWith({ runId, inputs, reason }) {
          changed.push({ runId, inputs, reason });
          return { run: { id: runId } };
        },
      }),
  });
  server = createServer(adapter);
  await once(server.listen(0, "127.0.0.1"), "listening");
  const { port } = server.address() as AddressInfo;
  return `http://127.0.0.1:${port}`;
}

it("an order names the latest attempt; one with a key names none, and so can be repeated", async () => {
  const named: number[] = [];
  const url = await play(named);
  const out = createOutput({ json: false, quiet: true });
  const args = ["wfr_a", "charge"];
  const options = { server: url, reason: "so" };
  for (const act of [retry, skip, complete, fail]) await act({ args, options, out });
  await retry({ args, options: { ...options, key: "k" }, out });
  expect(named).toEqual([7, 7, 7, 7, 0]);
});

it("resume --set gathers the fields of each step: JSON, or else a text", async () => {
  const changed: unknown[] = [];
  const server = await play([], changed);
  const out = createOutput({ json: false, quiet: true });
  const set = ["pay.amount_usd=40", "pay.to.mail=null", "pay.note=so=so", 'tell.text="4"'];
  const call = { args: ["wfr_a"], options: { server, reason: "so", set }, out };
  expect(await resume(call)).toBe(0);
  expect(changed).toEqual([
    {
      ...{ runId: "wfr_a", reason: "so" },
      inputs: { pay: { amount_usd: 40, to: { mail: null }, note: "so=so" }, tell: { text: "4" } },
    },
  ]);
});

it.each([
  ["without a reason", { set: ["pay.a=1"] }, ["wfr_a"]],
  ["of several runs", { set: ["pay.a=1"], reason: "so" }, ["wfr_a", "wfr_b"]],
  ["of a step as a whole", { set: ["pay=1"], reason: "so" }, ["wfr_a"]],
  ["of a field twice", { set: ["pay.a=1", "pay.a=2"], reason: "so" }, ["wfr_a"]],
  ["by what is no field", { set: ["pay.a"], reason: "so" }, ["wfr_a"]],
  ["with half a list", { set: ["pay.a=[1"], reason: "so" }, ["wfr_a"]],
  ["by a reason alone", { reason: "so" }, ["wfr_a"]],
])("a change %s is wrong usage, and nothing is sent", async (_, options, args) => {
  const changed: unknown[] = [];
  const server = await play([], changed);
  const out = createOutput({ json: false, quiet: true });
  const run = async () => resume({ args, options: { server, ...options }, out });
  await expect(run()).rejects.toMatchObject({ exitCode: 2 });
  expect(changed).toEqual([]);
});
