/** Which attempt the orders of the command line name, against a service that is played. */
import { once } from "node:events";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { connectNodeAdapter } from "@connectrpc/connect-node";
import { afterEach, expect, it } from "vitest";
import { Runs } from "../../../gen/workflows/ops/v1/runs_pb.ts";
import { complete } from "../../../src/cli/decide.ts";
import { fail, retry, skip } from "../../../src/cli/orders.ts";
import { createOutput } from "../../../src/cli/output.ts";

let server: Server | undefined;

afterEach(() => {
  server?.closeAllConnections();
  server?.close();
});

/** The attempts that orders name while the step's latest attempt is 7; gives the server's URL. */
async function play(named: number[]): Promise<string> {
  const record = ({ stepId, attempt }: { stepId: string; attempt: number }) => {
    named.push(attempt);
    return { step: { stepId } };
  };
  const adapter = connectNodeAdapter({
    routes: (router) =>
      router.service(Runs, {
        getAttempts: () => ({ attempts: [{ attempt: 6 }, { attempt: 7 }] }),
        ...{ retryStep: record, skipStep: record, completeStep: record, failStep: record },
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
