/** A run with more open child runs than an answer lists: Explain and the previews say how many are left out. */
import { create } from "@bufbuild/protobuf";
import { afterAll, beforeAll, expect, it } from "vitest";
import { PreviewCancelRequestSchema } from "../../gen/workflows/ops/v1/previews_pb.ts";
import { ExplainRequestSchema, ReasonCode } from "../../gen/workflows/ops/v1/runs_pb.ts";
import { explainWith } from "../../src/ingress/rpc/explain/explain.ts";
import { answerPreviewCancel } from "../../src/ingress/rpc/previews.ts";
import { createGraphCache } from "../../src/runtime/graphs.ts";
import { EVERY_WORKSPACE } from "../../src/store/reads/visibility.ts";
import { stepOf, triggerOf, versionOf } from "../support/builders/version-spec.ts";
import { freshDatabase, type TestDatabase } from "../support/servers/database.ts";
import { type ParentService, startParentService } from "../support/services/parent-service.ts";

const LISTED = 200;
const OPEN = 230;
const REASONS_A_STEP = 20;
let database: TestDatabase;
let at: ParentService;

beforeAll(async () => {
  database = await freshDatabase();
  at = startParentService(database.url);
});
afterAll(async () => {
  await at?.stop();
  await database?.drop();
});

/** A run whose step has so many child runs that wait for a person. */
async function startParent(name: string, children: number): Promise<string> {
  const trigger = triggerOf({ triggerType: "WORKFLOW" });
  const task = stepOf("sign", { stepType: "HUMAN_TASK", name: "sign" });
  await at.publish(`${name}-child`, versionOf([task], [], { trigger }));
  const workflow = { name: `${name}-child`, for_each: "list", max_parallel: children };
  const step = stepOf("call", { agentId: "", config: { workflow } });
  const version = await at.publish(name, versionOf([step]));
  const list = Array.from({ length: children }, (_, item) => item);
  const runId = await at.start(version, { input: { list } });
  await at.children(runId, children);
  await at.quiet();
  return runId;
}

function deps() {
  return {
    ...{ database: at.database, graphs: createGraphCache(at.database) },
    ...{ visibility: EVERY_WORKSPACE, answerHeader: new Headers() },
  };
}

it("counts what it does not list", async () => {
  const runId = await startParent("many", OPEN);
  const { inFlight } = await answerPreviewCancel(
    deps(),
    create(PreviewCancelRequestSchema, { runId }),
  );
  expect(inFlight.map(({ childRunIds }) => childRunIds.length)).toEqual([LISTED]);
  expect(inFlight[0]?.moreChildRuns).toBe(OPEN - LISTED);
  const explain = explainWith(undefined);
  const { explanation } = await explain(deps(), create(ExplainRequestSchema, { runId }));
  expect(explanation.waits.map(({ code }) => code)).toEqual(
    Array(REASONS_A_STEP).fill(ReasonCode.CHILD),
  );
  expect(explanation.moreWaits).toBe(OPEN - REASONS_A_STEP);
});

it("leaves nothing out of a few", async () => {
  const runId = await startParent("few", 3);
  const { inFlight } = await answerPreviewCancel(
    deps(),
    create(PreviewCancelRequestSchema, { runId }),
  );
  expect(inFlight[0]).toMatchObject({ moreChildRuns: 0 });
  const explain = explainWith(undefined);
  const { explanation } = await explain(deps(), create(ExplainRequestSchema, { runId }));
  expect(explanation).toMatchObject({ moreWaits: 0 });
});
