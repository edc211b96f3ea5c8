/** The calls of the command line against the real service: payloads that are as deep as it takes. */
import type { JsonObject } from "@bufbuild/protobuf";
import { afterAll, beforeAll, expect, test } from "vitest";
import { StepType } from "../../../gen/workflows/v1/workflows_pb.ts";
import { connectService, type Service } from "../../../src/cli/service.ts";
import { type RpcService, startRpcService } from "../../support/services/rpc-service.ts";

const DEEPEST = 64;
let service: RpcService;
let cli: Service;
let definitionId: string;

beforeAll(async () => {
  service = await startRpcService();
  const settings = { server: service.baseUrl, workspace: "ws", actor: "sam" };
  cli = connectService(settings);
  const { definition } = await cli.workflows.createDefinition({ workspaceId: "ws", name: "deep" });
  definitionId = definition?.id ?? "";
  const steps = [{ id: "one", name: "One", stepType: StepType.HUMAN_TASK }];
  await cli.workflows.publishVersion({ definitionId, steps });
});
afterAll(() => service.stop());

test.each([
  ["objects", (value: JsonObject): JsonObject => ({ in: value })],
  ["lists", (value: JsonObject): JsonObject => ({ in: [[[value]]] })],
])("a payload of %s is read", async (_, wrap) => {
  let inputPayload: JsonObject = { end: true };
  // Each list around it is a level, too.
  while (depthOf(wrap(inputPayload)) <= DEEPEST) inputPayload = wrap(inputPayload);
  const started = await cli.workflows.startRun({ definitionId, inputPayload });
  const { run } = await cli.workflows.getRun({ id: started.run?.id ?? "" });
  expect(run?.inputPayload).toEqual(inputPayload);
});

function depthOf(value: unknown): number {
  if (typeof value !== "object" || value === null) return 0;
  return 1 + Math.max(0, ...Object.values(value).map(depthOf));
}
