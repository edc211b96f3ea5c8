/**
 * Deployed workflows that cannot work are found, stored, and forgotten once they can.
 * Boundary: a real database; the agents service is the test's own.
 */
import { fromBinary } from "@bufbuild/protobuf";
import { afterAll, beforeAll, expect, test } from "vitest";
import {
  GetRequestSchema,
  GetResponseSchema,
  ListResponseSchema,
} from "../../../../gen/agents/v1/agents_pb.ts";
import { createClients } from "../../../../src/collaborators/clients.ts";
import { createLook } from "../../../../src/egress/health/health-checks.ts";
import { publishVersion } from "../../../../src/runtime/definitions.ts";
import { EVERY_WORKSPACE } from "../../../../src/store/reads/visibility.ts";
import { findWorkflowHealth } from "../../../../src/store/reads/workflow-health.ts";
import { COUNTER_KINDS, dayOf } from "../../../../src/store/run-counts.ts";
import {
  findDeployedWorkflows,
  listDeployedWorkflows,
} from "../../../../src/store/service-reads/deployed-workflows.ts";
import { beginHealthRound, keepHealthPlace } from "../../../../src/store/workflow-health.ts";
import { until } from "../../../support/assertions/until.ts";
import { edgeOf, stepOf, versionOf } from "../../../support/builders/version-spec.ts";
import {
  messageOf,
  startCollaborator,
  type TestCollaborator,
} from "../../../support/collaborators/collaborators.ts";
import { type DeafService, startDeafService } from "../../../support/services/deaf-service.ts";
import { publish, startOf, WORKSPACE } from "../../../support/services/processor.ts";

let agents: TestCollaborator;
let service: DeafService;
let isAway = false;
let isKnown = false;
beforeAll(async () => {
  agents = await startCollaborator(({ path, body }) => {
    if (isAway) return { status: 503 };
    if (path.endsWith("/List")) return messageOf(ListResponseSchema, { agents: [] });
    const { id } = fromBinary(GetRequestSchema, body);
    if (id === "gone" && !isKnown) return { status: 404, json: { code: "not_found" } };
    return messageOf(GetResponseSchema, { agent: { id, workspaceId: WORKSPACE } });
  });
  service = await startDeafService({ agents: agents.url });
});
afterAll(async () => {
  await service.stop();
  await agents.stop();
});

/** Looks as a replica that has just started: it remembers nothing. */
async function lookAt(...ids: string[]): Promise<(string | undefined)[]> {
  const clients = createClients(
    {
      urls: { agents: agents.url, objectives: agents.url },
      ...{ protocol: "connect", timeoutMs: 2_000, concurrency: 8 },
    },
    service.log,
  );
  const { database } = service;
  await createLook({ database, clients })(await findDeployedWorkflows(database.read, ids));
  clients.disconnect();
  const found = await findWorkflowHealth(database.read, EVERY_WORKSPACE, ids);
  return ids.map((id) => found.get(id)?.reasons.join("\n"));
}

test("a workflow whose agent is gone, or whose capability nobody has, cannot work until it is there", async () => {
  const names = await publish(
    service.database,
    "names",
    versionOf([stepOf("a", { agentId: "gone" })]),
  );
  const needs = await publish(
    service.database,
    "needs",
    versionOf([stepOf("b", { agentId: "", requiredCapability: "payments" })]),
  );
  const ids = [names.definitionId, needs.definitionId];
  const [first, second] = await lookAt(...ids);
  expect(first).toContain('There is no agent "gone", which step "a" names');
  expect(second).toContain('No agent has the capability "payments", which step "b" needs');
  isAway = true;
  isKnown = true;
  expect(await lookAt(...ids)).toEqual([first, second]);
  isAway = false;
  expect(await lookAt(...ids)).toEqual([undefined, second]);
});

test("a workflow that starts one which was deleted cannot work until that is there again", async () => {
  const { database, sql } = service;
  const child = await publish(database, "child", versionOf([stepOf("a")]));
  const call = (workflow: object) =>
    versionOf([stepOf("call", { agentId: "", config: { workflow: { ...workflow } } })]);
  const named = await publish(database, "by-name", call({ name: "child" }));
  const known = await publish(database, "by-id", call({ definition_id: child.definitionId }));
  const ids = [named.definitionId, known.definitionId];
  expect(await lookAt(...ids)).toEqual([undefined, undefined]);
  const rename = (name: string) =>
    sql.query("update workflow_definitions set name = $1 where id = $2", [
      name,
      child.definitionId,
    ]);
  await rename("another");
  const [reason, stays] = await lookAt(...ids);
  expect(reason).toContain('Step "call" starts the workflow "child", which is not there');
  expect(stays).toBeUndefined();
  await rename("child");
  expect(await lookAt(...ids)).toEqual([undefined, undefined]);
});

test("a workflow whose last five starts failed at their first step cannot work until another version is published", async () => {
  const spec = versionOf([stepOf("pay"), stepOf("send")], [edgeOf("pay -> send")]);
  const version = await publish(service.database, "fails", spec);
  const { definitionId } = version;
  const cause = { kind: "rpc", id: "StartRun" } as const;
  // The objectives service of the runs is not set: each fails by itself.
  const fail = async () => {
    const start = startOf(version);
    const { runId } = await service.processor.submit({ kind: "start", start, cause });
    await until(async () => {
      const { rows } = await service.sql.query("select state from workflow_runs where id = $1", [
        runId,
      ]);
      return rows[0]?.state === "FAILED" ? true : undefined;
    });
  };
  for (let n = 0; n < 4; n += 1) await fail();
  // As the publisher counts them.
  await service.sql.query(
    `insert into workflow_counters (runs, duration_ms, cost_usd, day, kind, shard, definition_id, name)
      values (5, 0, 0, $1, $2, 0, $3, 'pay')`,
    [dayOf(Date.now()), COUNTER_KINDS.failedStep, definitionId],
  );
  expect(await lookAt(definitionId)).toEqual([undefined]);
  await fail();
  const [found] = await lookAt(definitionId);
  expect(found).toMatch(/^The last 5 starts failed at their first step "pay" \(.*OBJECTIVES_URL/);
  await publishVersion(service, { definitionId, spec });
  expect(await lookAt(definitionId)).toEqual([undefined]);
});

test("one replica begins a round, and the next one goes on where it ended", async () => {
  const { write, read } = service.database;
  expect(await beginHealthRound(write, 60)).toBe("");
  expect(await beginHealthRound(write, 60)).toBeUndefined();
  const [first] = await listDeployedWorkflows(read, "", 1);
  await keepHealthPlace(write, first?.definitionId ?? "");
  expect(await beginHealthRound(write, 0)).toBe(first?.definitionId);
});
