/** `workflows runs --watch`: where it goes on after a cut. */
import { create } from "@bufbuild/protobuf";
import { expect, test } from "vitest";
import {
  type WatchManyRequest,
  WatchManyResponseSchema,
} from "../../../gen/workflows/ops/v1/runs_pb.ts";
import { WorkflowRunSchema, WorkflowState } from "../../../gen/workflows/v1/workflows_pb.ts";
import { CliFailure, EXIT } from "../../../src/cli/failure.ts";
import type { Service } from "../../../src/cli/service.ts";
import { watchRuns } from "../../../src/cli/watch-runs.ts";

const state = WorkflowState.RUNNING;
const quiet = { json: false, quiet: true, line() {}, object() {}, talk() {}, table() {} };

test("goes on after each place that it knows, though the stream was cut before it knew all", async () => {
  const asked: WatchManyRequest[] = [];
  async function* watchMany(request: WatchManyRequest) {
    asked.push(request);
    if (asked.length === 2) return;
    yield create(WatchManyResponseSchema, { runId: "a", cursor: "a7", state });
    throw new CliFailure("cut", EXIT.away);
  }
  const service = { runs: { watchMany } } as unknown as Service;
  const listed = ["a", "b"].map((id) => create(WorkflowRunSchema, { id, state }));
  await watchRuns(service, listed, quiet);
  expect(asked).toMatchObject([
    { runIds: ["a", "b"], after: [], onlyNew: true },
    { runIds: ["a", "b"], after: ["a7"], onlyNew: true },
  ]);
});
