/** Many runs wait for one service that is away and returns: it is neither asked in vain all the time nor run over. */
import { setTimeout as delay } from "node:timers/promises";
import { afterAll, beforeAll, expect, it } from "vitest";
import {
  ActionDecision,
  EvaluateActionResponseSchema,
} from "../../gen/governance/v1/governance_pb.ts";
import { StepType, WorkflowState } from "../../gen/workflows/v1/workflows_pb.ts";
import { until } from "../support/assertions/until.ts";
import {
  type Answer,
  messageOf,
  startCollaborator,
  type TestCollaborator,
} from "../support/collaborators/collaborators.ts";
import { startWorld, type World } from "../support/services/fixture-world.ts";

const RUNS = 500;
const CONCURRENCY = 16;
const WORK_MS = 5;
const FAILURES_TO_OPEN = 5;
const PATIENCE_MS = 90_000;
const ALLOWED = messageOf(EvaluateActionResponseSchema, {
  evaluation: { decision: ActionDecision.ALLOW },
});

let away = true;
let open = 0;
let openAtMost = 0;
let governance: TestCollaborator;
let world: World;

/** Answers at once while it is away, as a proxy does; otherwise it works for some ms. */
async function answer(): Promise<Answer> {
  if (away) return { status: 503 };
  open += 1;
  openAtMost = Math.max(openAtMost, open);
  await delay(WORK_MS);
  open -= 1;
  return ALLOWED;
}

beforeAll(async () => {
  governance = await startCollaborator(answer);
  world = await startWorld(
    {},
    { GOVERNANCE_URL: governance.url, COLLABORATOR_CONCURRENCY: String(CONCURRENCY) },
  );
});
afterAll(async () => {
  await world?.stop();
  await governance?.stop();
});

it("is left alone by the breaker, then asked within its concurrency, each call about once", async () => {
  const { workflows } = world;
  const { definition } = await workflows.createDefinition({ workspaceId: "w", name: "herd" });
  const definitionId = definition?.id ?? "";
  await workflows.publishVersion({
    definitionId,
    steps: [{ id: "judge", stepType: StepType.GOVERNANCE_CHECK, actionType: "look" }],
  });
  const ids = new Set<string | undefined>();
  const start = async () => {
    for (let n = 0; n < RUNS / CONCURRENCY; n += 1) {
      ids.add((await workflows.startRun({ definitionId })).run?.id);
    }
  };
  await Promise.all(Array.from({ length: CONCURRENCY }, start));
  const runs = ids.size;

  // The breaker opens after five failures in a row, when others may be under way; then it lets a call through at times.
  await until(() => (governance.asked.length > FAILURES_TO_OPEN + 1 ? true : undefined));
  const askedInVain = governance.asked.length;
  expect(askedInVain).toBeLessThanOrEqual(2 * CONCURRENCY);

  away = false;
  const pages = async () => {
    const { total } = await workflows.listRuns({
      workspaceId: "w",
      definitionId,
      state: WorkflowState.COMPLETED,
      limit: 1,
    });
    return total === runs ? true : undefined;
  };
  await until(pages, PATIENCE_MS);
  expect(runs).toBeGreaterThanOrEqual(RUNS);
  expect(openAtMost).toBeLessThanOrEqual(CONCURRENCY);
  const keys = new Set(governance.asked.map(({ headers }) => headers["idempotency-key"]));
  expect(keys.size).toBe(runs);
  expect(governance.asked.length - askedInVain).toBeLessThanOrEqual(runs * 1.1);
});
