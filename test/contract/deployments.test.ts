/**
 * Deployments of workflows.ops.v1, and what callers of WorkflowService see of them: rollback, environments of runs, vars.
 * Boundary: the RPCs; scopes and other workspaces are the tables of rpc-auth.test.ts and visibility.test.ts.
 */
import { type Client, createClient } from "@connectrpc/connect";
import { createConnectTransport } from "@connectrpc/connect-node";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { DeploymentState } from "../../gen/workflows/ops/v1/deployments_pb.ts";
import { Inbox, ItemKind, ItemState, Verdict } from "../../gen/workflows/ops/v1/inbox_pb.ts";
import { Runs } from "../../gen/workflows/ops/v1/runs_pb.ts";
import { PublishOutcome, Workflows } from "../../gen/workflows/ops/v1/workflows_pb.ts";
import { StepRunState, StepType, TriggerType } from "../../gen/workflows/v1/workflows_pb.ts";
import { nameOf } from "../../src/cli/show-run.ts";
import { findEventTriggers } from "../../src/runtime/routing/route-starts.ts";
import { until } from "../support/assertions/until.ts";
import { type RpcService, refusedBy, startRpcService } from "../support/services/rpc-service.ts";

const WORKSPACE = "ws";
const { ACTIVE, SUPERSEDED, RETIRED, REJECTED, PENDING_APPROVAL } = DeploymentState;
let service: RpcService;
let sources: Client<typeof Workflows>;
let runs: Client<typeof Runs>;
let inbox: Client<typeof Inbox>;

beforeAll(async () => {
  service = await startRpcService();
  const transport = createConnectTransport({ baseUrl: service.baseUrl, httpVersion: "1.1" });
  sources = createClient(Workflows, transport);
  runs = createClient(Runs, transport);
  inbox = createClient(Inbox, transport);
});
afterAll(() => service.stop());

const inEnvironment = (name: string) => ({ headers: { "Workflows-Environment": name } });
const task = (id: string, config = {}) => ({
  ...{ id, name: id, stepType: StepType.HUMAN_TASK, config },
});
let made = 0;

/** A workflow with so many versions, whose only step has the version's number in its id; gives its id. */
async function workflow(versions: number, more: object = {}): Promise<string> {
  made += 1;
  const named = { workspaceId: WORKSPACE, name: `w${made}` };
  const { definition } = await service.client.createDefinition(named);
  const definitionId = definition?.id ?? "";
  for (let n = 1; n <= versions; n += 1) {
    await service.client.publishVersion({ definitionId, steps: [task(`v${n}`)], ...more });
  }
  return definitionId;
}

const listens = (eventType: string) => ({
  trigger: { triggerType: TriggerType.EVENT, eventType },
});
const latestOf = async (id: string) =>
  (await service.client.getDefinition({ id })).definition?.latestVersion;
const shownOf = async (definitionId: string) =>
  (await sources.listDeployments({ definitionId })).deployments.map(
    ({ environment, version, state }) => [environment, version, nameOf(DeploymentState, state)],
  );
const trigger = (eventType: string, triggerEventId: string, environment?: string) =>
  service.client.handleTrigger(
    {
      ...{ workspaceId: WORKSPACE, triggerType: TriggerType.EVENT, eventType, triggerEventId },
    },
    environment === undefined ? {} : inEnvironment(environment),
  );
const statements: string[] = [];
/** The rows that a statement gives. */
function sql(text: string, values: unknown[]): Promise<Record<string, unknown>[]> {
  if (!statements.includes(text)) statements.push(text);
  const name = `of_test_${statements.indexOf(text)}`;
  return service.database.write.query<Record<string, unknown>>({ name, text }, values);
}

describe("production", () => {
  test("has what was published last, and a rollback makes an older version the latest one in all respects", async () => {
    const type = "rolled.back";
    const definitionId = await workflow(3, listens(type));
    expect(await shownOf(definitionId)).toEqual([
      ["production", 3, "ACTIVE"],
      ["production", 2, "SUPERSEDED"],
      ["production", 1, "SUPERSEDED"],
    ]);
    const { deployment } = await sources.deploy({
      ...{ definitionId, environment: "production", version: 1, reason: "3 is wrong" },
    });
    expect(deployment).toMatchObject({ version: 1, state: ACTIVE, note: "3 is wrong" });
    expect(await latestOf(definitionId)).toBe(1);
    const { startedRuns } = await trigger(type, "after");
    expect(startedRuns.map(({ definitionVersion }) => definitionVersion)).toEqual([1]);
    const { run } = await service.client.startRun({ definitionId });
    expect(run?.definitionVersion).toBe(1);
    // An answer about all versions counts those behind the latest one too.
    expect((await sources.listVersionHeads({ definitionId })).totalSize).toBe(3);
    const published = await service.client.publishVersion({ definitionId, steps: [task("v4")] });
    expect(published.version?.version).toBe(4);
    expect(await latestOf(definitionId)).toBe(4);
  });

  test("takes the trigger of the version it goes back to, and its schedule from now on", async () => {
    const cron = { trigger: { triggerType: TriggerType.SCHEDULE, cronExpr: "* * * * *" } };
    const definitionId = await workflow(1, cron);
    await service.client.publishVersion({ definitionId, steps: [task("a")], ...listens("other") });
    const slots = () =>
      sql(`select version, next_at > now() as "isLater" from schedules where definition_id = $1`, [
        definitionId,
      ]);
    expect(await slots()).toEqual([]);
    await sql(
      `update workflow_versions set created_at = now() - interval '1 day' where definition_id = $1`,
      [definitionId],
    );
    await sources.deploy({ definitionId, environment: "production", version: 1 });
    // No slot of the time between is due.
    expect(await slots()).toEqual([{ version: 1, isLater: true }]);
    expect((await trigger("other", "gone")).startedRuns).toEqual([]);
  });

  test("of a workflow without rows is its latest version", async () => {
    const definitionId = await workflow(2);
    await sql("delete from workflow_deployments where definition_id = $1", [definitionId]);
    const { deployments, totalSize } = await sources.listDeployments({ definitionId });
    expect(deployments).toMatchObject([{ id: "", version: 2, state: ACTIVE }]);
    expect(totalSize).toBe(1);
    const { workflow: shown } = await sources.get({ id: definitionId });
    expect(shown?.deployments).toMatchObject([{ environment: "production", version: 2 }]);
    await sources.deploy({ definitionId, environment: "staging", fromEnvironment: "production" });
    const first = await sources.listDeployments({ definitionId, pageSize: 1 });
    const second = await sources.listDeployments({
      ...{ definitionId, pageSize: 1, pageToken: first.nextPageToken },
    });
    const listed = [first, second].flatMap((page) => page.deployments);
    expect(listed.map(({ environment }) => environment)).toEqual(["production", "staging"]);
    expect(second.nextPageToken).toBe("");
    await sources.deploy({ definitionId, environment: "production", version: 1 });
    expect(await shownOf(definitionId)).toEqual([
      ["production", 1, "ACTIVE"],
      ["staging", 2, "ACTIVE"],
    ]);
  });

  test("follows a replica of the release before, whose versions get the next free numbers", async () => {
    const definitionId = await workflow(3);
    const vars = { limit: 5 };
    await sources.deploy({ definitionId, environment: "production", version: 1, vars });
    // What that release does: the latest version's number and 1, the row's number, then the definition.
    const [stored] = await sql(
      `insert into workflow_versions (id, definition_id, version, steps, edges, trigger, timeout_seconds, author)
        select 'wfv_older_' || definition_id, definition_id, $2::integer, steps, edges, trigger, timeout_seconds, author
        from workflow_versions where definition_id = $1 and version = 1 returning id, version`,
      [definitionId, ((await latestOf(definitionId)) ?? 0) + 1],
    );
    expect(stored?.version).toBe(4);
    await sql(
      "update workflow_definitions set latest_version = $2, latest_version_id = $3 where id = $1",
      [...[definitionId, 4, stored?.id]],
    );
    const { deployments } = await sources.listDeployments({
      ...{ definitionId, environment: "production", states: [ACTIVE] },
    });
    expect(deployments).toMatchObject([{ version: 4, vars }]);
  });

  test("and the latest version are one, and numbers have no gaps, whatever is published and deployed at once", async () => {
    const definitionId = await workflow(2);
    const calls = Array.from({ length: 24 }, (_, n) =>
      n % 2 === 0
        ? service.client.publishVersion({ definitionId, steps: [task(`p${n}`)] })
        : sources.deploy({
            definitionId,
            environment: "production",
            version: 1 + ((n % 4) - 1) / 2,
          }),
    );
    // Of two that deploy at once none is refused for the other; each version is there.
    await Promise.all(calls);
    const rows = await sql(
      "select version from workflow_versions where definition_id = $1 order by version",
      [definitionId],
    );
    expect(rows.map(({ version }) => version)).toEqual(Array.from({ length: 14 }, (_, n) => n + 1));
    const active = await sql(
      `select p.version_id = d.latest_version_id as same from workflow_deployments p
        join workflow_definitions d on d.id = p.definition_id
        where p.definition_id = $1 and p.environment = 'production' and p.state = 'ACTIVE'`,
      [definitionId],
    );
    expect(active).toEqual([{ same: true }]);
    const ended = await sources.listDeployments({
      definitionId,
      states: [SUPERSEDED],
      pageSize: 1,
    });
    expect(ended.nextPageToken).not.toBe("");
  });
});

describe("Deploy", () => {
  test("promotes, keeps the vars of the environment, and changes nothing where all is there", async () => {
    const definitionId = await workflow(2);
    const staged = await sources.deploy({
      ...{ definitionId, environment: "staging", version: 1, vars: { url: "test" } },
    });
    await sources.deploy({ definitionId, environment: "production", vars: { url: "real" } });
    const { deployment } = await sources.deploy({
      ...{
        definitionId,
        environment: "production",
        fromEnvironment: "staging",
        expectedVersion: 2,
      },
    });
    expect(deployment).toMatchObject({ version: 1, vars: { url: "real" } });
    const again = await sources.deploy({ definitionId, environment: "staging", version: 1 });
    expect(again.deployment).toEqual(staged.deployment);
    const other = await sources.deploy({
      definitionId,
      environment: "staging",
      version: 1,
      vars: {},
    });
    expect(other.deployment).toMatchObject({ supersedes: staged.deployment?.id });
    expect(other.deployment?.vars).toBeUndefined();
  });

  test("is done once for a key, and refused in words where it cannot be done", async () => {
    const definitionId = await workflow(1);
    const request = { definitionId, environment: "staging", vars: { n: 1 } };
    const key = { headers: { "Idempotency-Key": "deploy-1" } };
    const first = await sources.deploy(request, key);
    expect(await sources.deploy(request, key)).toEqual(first);
    const refused = async (more: object, at = definitionId) =>
      refusedBy(sources.deploy({ definitionId: at, environment: "staging", ...more }));
    expect((await refused({ expectedVersion: 7 })).error.rawMessage).toBe(
      "staging has version 1, not version 7: look again",
    );
    expect((await refused({ fromEnvironment: "qa" })).error.rawMessage).toBe(
      "nothing is deployed in qa; it is in production, staging",
    );
    expect(await refused({ version: 9 })).toMatchObject({ code: "NotFound" });
    expect(await refused({}, "wf_none")).toMatchObject({ code: "NotFound" });
    expect(await refused({}, await workflow(0))).toMatchObject({ reason: "NOTHING_PUBLISHED" });
    expect(await refused({ environment: "production", retire: true })).toMatchObject({
      code: "FailedPrecondition",
    });
    for (const [more, field] of [
      [{ environment: "Staging" }, "environment"],
      [{ environment: "" }, "environment"],
      [{ version: -1 }, "version"],
      [{ version: 1, fromEnvironment: "production" }, "version"],
      [{ fromEnvironment: "staging" }, "from_environment"],
      [{ retire: true, version: 1 }, "retire"],
      [{ vars: { text: "x".repeat(17_000) } }, "vars"],
    ] as const) {
      expect([more, (await refused(more)).fields]).toEqual([more, [field]]);
    }
  });

  test("refuses a version that starts a workflow which is not there", async () => {
    const definitionId = await workflow(1);
    const child = {
      id: "call",
      stepType: StepType.AGENT_ACTION,
      config: { workflow: { name: "nowhere" } },
    };
    await service.client.publishVersion({ definitionId, steps: [child] });
    const { error } = await refusedBy(sources.deploy({ definitionId, environment: "staging" }));
    expect(error.rawMessage).toBe(
      "version 2 cannot run: it starts workflows that are not there: nowhere",
    );
    expect(await shownOf(definitionId)).toHaveLength(2);
  });

  test("retires what is deployed, and has 16 environments at most", async () => {
    const definitionId = await workflow(1);
    const deploy = (environment: string) => sources.deploy({ definitionId, environment });
    for (let n = 0; n < 16; n += 1) await deploy(`e${n}`);
    expect(await refusedBy(deploy("one-more"))).toMatchObject({ code: "FailedPrecondition" });
    const retired = { definitionId, environment: "e0", retire: true, reason: "done" };
    expect((await sources.deploy(retired)).deployment).toMatchObject({ state: RETIRED });
    expect(await refusedBy(sources.deploy(retired))).toMatchObject({ code: "FailedPrecondition" });
    await deploy("one-more");
    const { workflows } = await sources.list({ workspaceId: WORKSPACE, pageSize: 1 });
    expect(workflows[0]?.deployments).toHaveLength(17);
  });

  test("lists page by page, by environment and state", async () => {
    const definitionId = await workflow(3);
    await sources.deploy({ definitionId, environment: "staging" });
    const numbers: number[] = [];
    let pageToken = "";
    do {
      const request = { definitionId, environment: "production", pageSize: 2, pageToken };
      const page = await sources.listDeployments(request);
      numbers.push(...page.deployments.map(({ version }) => version));
      expect(page.totalSize).toBe(3);
      pageToken = page.nextPageToken;
    } while (pageToken !== "");
    expect(numbers).toEqual([3, 2, 1]);
    const { deployments } = await sources.listDeployments({ definitionId, states: [ACTIVE] });
    expect(deployments.map(({ environment }) => environment)).toEqual(["staging", "production"]);
    const bad = sources.listDeployments({ definitionId, pageToken: "x", states: [0] });
    expect((await refusedBy(bad)).fields).toEqual(["states", "page_token"]);
  });
});

describe("a run", () => {
  test("starts by what is deployed in the environment that its call names, and is found by it", async () => {
    const definitionId = await workflow(2);
    await sources.deploy({ definitionId, environment: "staging", version: 1 });
    const { run } = await service.client.startRun({ definitionId }, inEnvironment("staging"));
    expect(run?.definitionVersion).toBe(1);
    const live = await service.client.startRun({ definitionId }, inEnvironment("production"));
    expect(live.run?.definitionVersion).toBe(2);
    const search = async (environment: string) => {
      const found = await runs.search({ workspaceId: WORKSPACE, definitionId, environment });
      const environments = found.environments.map((each) => [each.runId, each.environment]);
      return [found.runs.map(({ id }) => id), environments];
    };
    const id = run?.id ?? "";
    expect(await search("staging")).toEqual([[id], [[id, "staging"]]]);
    expect(await search("production")).toEqual([[live.run?.id], []]);
    const { explanation } = await runs.explain({ runId: id });
    expect(explanation?.environment).toBe("staging");
    const refused = await refusedBy(service.client.startRun({ definitionId }, inEnvironment("qa")));
    expect(refused).toMatchObject({ code: "FailedPrecondition" });
    expect(refused.error.rawMessage).toContain("not deployed in qa; it is in production, staging");
    const malformed = await refusedBy(
      service.client.startRun({ definitionId }, inEnvironment("A B")),
    );
    expect(malformed.fields).toEqual(["Workflows-Environment"]);
  });

  test("starts once for an event and a key in each environment", async () => {
    const type = "each.environment";
    const definitionId = await workflow(1, listens(type));
    await sources.deploy({ definitionId, environment: "staging" });
    const ids = async (environment?: string) =>
      (await trigger(type, "same", environment)).startedRuns.map(({ id }) => id);
    const [staged, live] = [await ids("staging"), await ids()];
    expect([staged.length, live.length]).toEqual([1, 1]);
    expect(staged).not.toEqual(live);
    expect([await ids("staging"), await ids()]).toEqual([staged, live]);
    const start = (headers: Record<string, string>) =>
      service.client.startRun({ definitionId, triggerEventId: "same" }, { headers });
    expect((await start({ "Workflows-Environment": "staging" })).run?.id).toBe(staged[0]);
    expect((await start({})).run?.id).toBe(live[0]);
    // Of a paused workflow what has started is found, in its environment.
    await sources.deploy({ definitionId, environment: "qa" });
    await sources.pause({ definitionId });
    expect((await start({ "Workflows-Environment": "staging" })).run?.id).toBe(staged[0]);
    const paused = await refusedBy(start({ "Workflows-Environment": "qa" }));
    expect(paused.reason).toBe("WORKFLOW_PAUSED");
    await sources.resume({ definitionId });
    const key = { "Idempotency-Key": "start-1" };
    await start(key);
    const other = await refusedBy(start({ ...key, "Workflows-Environment": "staging" }));
    expect(other.code).toBe("AlreadyExists");
  });

  test("of an environment is started by events of it alone, and its waits take no others", async () => {
    const type = "of.staging";
    const wait = { id: "wait", stepType: StepType.WAIT_FOR_EVENT, eventTypePattern: "go.on" };
    const definitionId = await workflow(1);
    await service.client.publishVersion({ definitionId, steps: [wait], ...listens(type) });
    await sources.deploy({ definitionId, environment: "staging" });
    await service.client.publishVersion({ definitionId, steps: [task("none")] });
    // The version in production does not listen: what listens in staging is no trigger of production.
    expect((await trigger(type, "live")).startedRuns).toEqual([]);
    expect((await trigger(type, "qa", "qa")).startedRuns).toEqual([]);
    const { startedRuns } = await trigger(type, "staged", "staging");
    expect(startedRuns.map(({ definitionVersion }) => definitionVersion)).toEqual([2]);
    expect((await trigger("go.on", "of-production")).updatedRuns).toEqual([]);
    const { updatedRuns } = await trigger("go.on", "of-staging", "staging");
    expect(updatedRuns.map(({ id }) => id)).toEqual(startedRuns.map(({ id }) => id));
    await sources.deploy({ definitionId, environment: "staging", retire: true });
    expect((await trigger(type, "late", "staging")).startedRuns).toEqual([]);
  });

  test("reads the vars of the deployment by which it started, whatever is deployed later", async () => {
    const titled = task("ask", { title: "{{ run.environment }} {{ run.vars.limit }}" });
    const definitionId = await workflow(0);
    const next = { ...titled, id: "next" };
    const edges = [{ fromStepId: "ask", toStepId: "next" }];
    await service.client.publishVersion({ definitionId, steps: [titled, next], edges });
    await sources.deploy({ definitionId, environment: "staging", vars: { limit: 1 } });
    await sources.deploy({ definitionId, environment: "production", vars: { limit: 2 } });
    const start = async (environment: string) => {
      const { run } = await service.client.startRun({ definitionId }, inEnvironment(environment));
      return run?.id ?? "";
    };
    const [staged, live] = [await start("staging"), await start("production")];
    await sources.deploy({ definitionId, environment: "staging", vars: { limit: 3 } });
    // It stays with its vars, also where the replica has to read it again.
    const titleOf = async (runId: string, stepId: string) => {
      const rows = await sql(
        `select detail #>> '{asked,title}' as title from step_runs where run_id = $1 and step_index = $2::integer`,
        [runId, stepId === "ask" ? 0 : 1],
      );
      return rows[0]?.title;
    };
    const complete = (runId: string) =>
      service.client.transitionStep({ runId, stepId: "ask", state: 4, outputPayload: {} });
    await Promise.all([complete(staged), complete(live)]);
    expect(await titleOf(staged, "ask")).toBe("staging 1");
    expect(await titleOf(staged, "next")).toBe("staging 1");
    expect(await titleOf(live, "next")).toBe("production 2");
    expect(await titleOf(await start("staging"), "ask")).toBe("staging 3");
    // A version that is published keeps the vars of production.
    await service.client.publishVersion({ definitionId, steps: [titled, next], edges });
    expect(await titleOf(await start("production"), "ask")).toBe("production 2");
  });

  test("rerun with a version that is not deployed there reads the vars of what is", async () => {
    const titled = task("ask", { title: "{{ run.vars.limit }}" });
    const definitionId = await workflow(0);
    for (let n = 1; n <= 2; n += 1) {
      await service.client.publishVersion({ definitionId, steps: [titled] });
    }
    const order = { definitionId, environment: "staging" };
    await sources.deploy({ ...order, version: 2, vars: { limit: 1 } });
    const named = { definitionId, definitionVersion: 1 };
    const { run } = await service.client.startRun(named, inEnvironment("staging"));
    const runId = run?.id ?? "";
    await service.client.cancelRun({ id: runId });
    const rerun = async (of: string) => {
      const { plan } = await runs.planRerun({ runId: of });
      const again = { runId: of, planId: plan?.id ?? "", reason: "again" };
      return (await runs.rerun(again)).run?.id ?? "";
    };
    const varsOf = async (of: string) =>
      (await sql("select vars from workflow_runs where id = $1", [of]))[0]?.vars;
    expect(await varsOf(runId)).toEqual({ limit: 1 });
    const second = await rerun(runId);
    expect(await varsOf(second)).toEqual({ limit: 1 });
    // A version that was deployed there keeps its own.
    await sources.deploy({ ...order, version: 1, vars: { limit: 2 } });
    await sources.deploy({ ...order, version: 2, vars: { limit: 3 } });
    await service.client.cancelRun({ id: second });
    expect(await varsOf(await rerun(second))).toEqual({ limit: 2 });
  });

  test("started by a parent is where its parent is", async () => {
    const definitionId = await workflow(1);
    const childId = await workflow(2);
    await sources.deploy({ definitionId, environment: "staging" });
    await sources.deploy({ definitionId: childId, environment: "staging", version: 1 });
    const { run } = await service.client.startRun({ definitionId }, inEnvironment("staging"));
    const parentRunId = run?.id ?? "";
    const child = await service.client.startRun({ definitionId: childId, parentRunId });
    expect(child.run?.definitionVersion).toBe(1);
    const found = await runs.search({
      workspaceId: WORKSPACE,
      parentRunId,
      environment: "staging",
    });
    expect(found.runs.map(({ id }) => id)).toEqual([child.run?.id]);
    const elsewhere = await service.client
      .startRun({ definitionId: childId, parentRunId }, inEnvironment("production"))
      .then(({ run: started }) => started?.definitionVersion);
    // Production is what is meant where nothing is named.
    expect(elsewhere).toBe(1);
    const refused = await refusedBy(
      service.client.startRun({ definitionId: childId, parentRunId }, inEnvironment("qa")),
    );
    expect(refused.fields).toEqual(["parent_run_id"]);
  });
});

describe("a policy", () => {
  const workspaceId = "ws_policy";
  const as = (actor: string) => ({ headers: { "Workflows-Actor": actor } });
  let definitionId = "";
  beforeAll(async () => {
    const { definition } = await service.client.createDefinition({ workspaceId, name: "kept" });
    definitionId = definition?.id ?? "";
    for (const id of ["a", "b"]) {
      await service.client.publishVersion({ definitionId, steps: [task(id)] });
    }
    const rules = [{ environment: "production", approvers: ["ben", "group:leads"] }];
    await sources.putDeployPolicy({ workspaceId, rules, reason: "audit" }, as("ann"));
  });
  const deploy = async (version: number) => {
    const request = { definitionId, environment: "production", version, reason: "why" };
    const { deployment } = await sources.deploy(request, as("ann"));
    if (deployment === undefined) throw new Error("no deployment");
    return deployment;
  };
  const decide = (id: string, verdict: Verdict, actor: string, digest: string) =>
    inbox.decide({ id, verdict, digest, comment: "fine" }, as(actor));

  test("is changed by who has read it", async () => {
    const { policy } = await sources.getDeployPolicy({ workspaceId });
    expect(policy?.rules).toMatchObject([
      { environment: "production", approvers: ["ben", "group:leads"] },
    ]);
    const stale = sources.putDeployPolicy({ workspaceId, etag: "other" }, as("ann"));
    expect((await refusedBy(stale)).code).toBe("Aborted");
    const rules = [
      { environment: "A" },
      { environment: "qa", approvers: [""] },
      { environment: "qa" },
    ];
    const bad = sources.putDeployPolicy(
      { workspaceId, rules, etag: policy?.etag ?? "" },
      as("ann"),
    );
    expect((await refusedBy(bad)).fields).toEqual([
      "rules[0].environment",
      "rules[1].approvers[0]",
      "rules[2].environment",
    ]);
  });

  test("closes production to PublishVersion and leaves other environments open", async () => {
    const { error, code } = await refusedBy(
      service.client.publishVersion({ definitionId, steps: [task("c")] }),
    );
    expect([code, error.rawMessage]).toEqual([
      "FailedPrecondition",
      "a policy of the workspace asks for more before production: publish to another environment (PublishDraft with deploy_to, or PublishSource with the header Workflows-Environment), then Deploy",
    ]);
    expect((await sources.listVersionHeads({ definitionId })).totalSize).toBe(2);
    const staged = await sources.deploy({ definitionId, environment: "staging", version: 1 });
    expect(staged.deployment?.state).toBe(ACTIVE);
  });

  test("lets a deployment wait in the inbox until one who is asked approves that very version", async () => {
    const first = await deploy(1);
    expect(first.state).toBe(PENDING_APPROVAL);
    expect(await deploy(1)).toEqual(first);
    expect(await latestOf(definitionId)).toBe(2);
    const listed = await inbox.list({ workspaceId, kinds: [ItemKind.DEPLOY] });
    expect(listed).toMatchObject({
      items: [
        {
          ...{ id: first.id, kind: ItemKind.DEPLOY, state: ItemState.OPEN, digest: first.digest },
          ...{ title: "Deploy kept version 1 to production", actionType: "workflow.deploy" },
        },
      ],
      totalSize: 1,
    });
    const mine = async (actor: string) =>
      (await inbox.count({ workspaceId, mine: true }, as(actor))).totalSize;
    expect([await mine("ben"), await mine("carl")]).toEqual([1, 0]);
    const { item } = await inbox.get({ id: first.id });
    expect(item?.payload).toMatchObject({ environment: "production", version: 1 });
    for (const [actor, digest, code] of [
      ["ann", first.digest, "PermissionDenied"],
      ["ben", "f".repeat(64), "FailedPrecondition"],
    ] as const) {
      const refused = await refusedBy(decide(first.id, Verdict.APPROVE, actor, digest));
      expect([actor, refused.code]).toEqual([actor, code]);
    }
    const decided = await decide(first.id, Verdict.APPROVE, "ben", first.digest);
    expect(decided.item).toMatchObject({ state: ItemState.DONE, given: 1 });
    expect(await latestOf(definitionId)).toBe(1);
    // A repeat is answered, another decision is late.
    expect((await decide(first.id, Verdict.APPROVE, "ben", first.digest)).item?.state).toBe(
      ItemState.DONE,
    );
    const late = await refusedBy(decide(first.id, Verdict.DENY, "ben", first.digest));
    expect(late.code).toBe("FailedPrecondition");
    const { deployments } = await sources.listDeployments({ definitionId, states: [ACTIVE] });
    expect(deployments.find(({ environment }) => environment === "production")).toMatchObject({
      ...{ id: first.id, version: 1, decidedBy: "unverified:ben", decisionReason: "fine" },
    });
  });

  test("shows through which program somebody published, deployed and decided, in rows and changes", async () => {
    const through = (actor: string, via: string) => ({
      headers: { "Workflows-Actor": actor, "Workflows-Via": via },
    });
    const ws = { workspaceId: "ws_via" };
    const sourceText = "workflow: told\nsteps: { a: { task: Look } }";
    const made = await sources.publishSource(
      { ...ws, sourceText },
      {
        headers: { ...through("ann", "cli").headers, "Workflows-Environment": "qa" },
      },
    );
    await sources.putDeployPolicy({ ...ws, rules: [{ environment: "production" }] });
    const told = made.definition?.id ?? "";
    expect(made.version).toMatchObject({ publishedBy: "unverified:ann", publishedVia: "cli" });
    const place = { definitionId: told, environment: "production", version: 1 };
    const { deployment } = await sources.deploy(place, through("ann", "console"));
    const { id = "", digest = "" } = deployment ?? {};
    const verdict = { id, digest, verdict: Verdict.APPROVE, comment: "fine" };
    await inbox.decide(verdict, through("ben", "slack"));
    await sources.pause({ definitionId: told, reason: "later" });
    const { deployments } = await sources.listDeployments({ definitionId: told });
    expect(deployments).toMatchObject([
      { environment: "production", deployedVia: "console", decidedVia: "slack" },
      { environment: "qa", deployedVia: "cli", decidedVia: "" },
    ]);
    const { versions } = await sources.listVersionHeads({ definitionId: told });
    expect(versions).toMatchObject([{ publishedVia: "cli" }]);
    const changes: string[][] = [];
    for await (const { change } of sources.watchWorkflows({ ...ws, fromOldest: true })) {
      if (change === undefined) continue;
      const { operation, by, via, data } = change;
      expect(data?.via ?? "").toBe(via);
      changes.push([operation, by, via]);
      if (operation === "paused") break;
    }
    expect(changes).toEqual([
      ["created", "unverified:ann", "cli"],
      ["published", "unverified:ann", "cli"],
      ["deployment_changed", "unverified:ann", "cli"],
      ["deployment_changed", "unverified:ann", "console"],
      ["activated", "unverified:ben", "slack"],
      ["paused", "", ""],
    ]);
  });

  test("ends what waits by a denial, and by a newer deployment", async () => {
    const denied = await deploy(2);
    await decide(denied.id, Verdict.DENY, "ben", denied.digest);
    const states = async () =>
      (
        await sources.listDeployments({ definitionId, environment: "production", pageSize: 2 })
      ).deployments.map(({ id, state }) => [id, state]);
    expect((await states())[0]).toEqual([denied.id, REJECTED]);
    const older = await deploy(2);
    await sources.deploy(
      { definitionId, environment: "production", version: 2, vars: { n: 1 } },
      as("ann"),
    );
    expect((await states())[1]).toEqual([older.id, SUPERSEDED]);
    expect((await inbox.get({ id: older.id })).item?.state).toBe(ItemState.VOID);
    const late = await refusedBy(decide(older.id, Verdict.APPROVE, "ben", older.digest));
    expect(late.code).toBe("FailedPrecondition");
    expect(await latestOf(definitionId)).toBe(1);
  });

  test("lets nothing of an archived workflow listen: what waits can be denied, not approved", async () => {
    const other = { workspaceId: "ws_archived", name: "archived" };
    const { definition } = await service.client.createDefinition(other);
    const id = definition?.id ?? "";
    const type = "of.archived";
    await service.client.publishVersion({ definitionId: id, steps: [task("a")], ...listens(type) });
    await service.client.publishVersion({ definitionId: id, steps: [task("b")] });
    await sources.deploy({ definitionId: id, environment: "staging", version: 1 });
    const rules = [{ environment: "production", approvers: [] }];
    await sources.putDeployPolicy({ workspaceId: other.workspaceId, rules }, as("ann"));
    const wanted = { definitionId: id, environment: "production", version: 1 };
    const { deployment } = await sources.deploy(wanted, as("ann"));
    const { id: waiting = "", digest = "" } = deployment ?? {};
    await sources.archive({ definitionId: id });
    const approving = await refusedBy(decide(waiting, Verdict.APPROVE, "ben", digest));
    expect(approving.reason).toBe("ARCHIVED");
    expect(await latestOf(id)).toBe(2);
    const listening = async () =>
      (
        await findEventTriggers(
          service.database,
          [undefined, "staging"].map((environment) => ({
            ...{ workspaceId: other.workspaceId, id: "e", source: "", type, subject: "" },
            ...{ time: "", data: {}, actorAgentId: "", hops: 0 },
            ...(environment === undefined ? {} : { environment }),
          })),
          undefined,
        )
      ).map(({ version }) => version);
    expect(await listening()).toEqual([]);
    const denied = await decide(waiting, Verdict.DENY, "ben", digest);
    expect(denied.item?.state).toBe(ItemState.DONE);
    await sources.unarchive({ definitionId: id });
    expect(await listening()).toEqual([1]);
  });
});

describe("the header Workflows-Environment", () => {
  const [staging, qa] = ["staging", "qa"].map(inEnvironment);

  test("says where Deploy deploys, or is refused beside another name", async () => {
    const definitionId = await workflow(1);
    const { deployment } = await sources.deploy({ definitionId, version: 1 }, staging);
    expect(deployment).toMatchObject({ environment: "staging", state: ACTIVE });
    await sources.deploy({ definitionId, environment: "staging" }, staging);
    const refused = await refusedBy(sources.deploy({ definitionId, environment: "staging" }, qa));
    expect(refused).toMatchObject({ code: "InvalidArgument", fields: ["environment"] });
    const steps = [task("next")];
    const published = await refusedBy(
      service.client.publishVersion({ definitionId, steps }, staging),
    );
    expect(published.fields).toEqual(["Workflows-Environment"]);
    expect(published.error.rawMessage).toContain("PublishSource");
    expect((await sources.listVersionHeads({ definitionId })).totalSize).toBe(1);
  });

  test("says where PublishSource puts a version, once for a text", async () => {
    const sourceText = "workflow: placed\nsteps:\n  a: { task: A }\n";
    const request = { workspaceId: WORKSPACE, sourceText };
    const first = await sources.publishSource(request, staging);
    const definitionId = first.definition?.id ?? "";
    expect(first).toMatchObject({ outcome: PublishOutcome.CREATED, version: { version: 1 } });
    expect(await latestOf(definitionId)).toBe(0);
    expect(await shownOf(definitionId)).toEqual([["staging", 1, "ACTIVE"]]);
    const again = await sources.publishSource(request, staging);
    expect(again).toMatchObject({ outcome: PublishOutcome.UNCHANGED, version: { version: 1 } });
    const next = await sources.publishSource(
      { ...request, sourceText: sourceText.replace("task: A", "task: B") },
      staging,
    );
    expect(next).toMatchObject({ outcome: PublishOutcome.PUBLISHED, version: { version: 2 } });
    expect(await latestOf(definitionId)).toBe(0);
  });
});

describe("a rule", () => {
  const workspaceId = "ws_rules";
  const as = (actor: string) => ({ headers: { "Workflows-Actor": actor } });
  let names = 0;
  /** A workflow with so many versions of one task. */
  const kept = async (versions: number) => {
    names += 1;
    const made = await service.client.createDefinition({ workspaceId, name: `rule${names}` });
    const definitionId = made.definition?.id ?? "";
    for (let n = 1; n <= versions; n += 1) {
      await service.client.publishVersion({ definitionId, steps: [task(`v${n}`)] });
    }
    return definitionId;
  };
  beforeAll(async () => {
    const rules = [
      { environment: "qa", requiresSimulation: true, noApproval: true },
      { environment: "live", ranIn: "staging", noApproval: true },
      { environment: "slow", approvers: ["ben"] },
    ];
    await sources.putDeployPolicy({ workspaceId, rules });
  });

  test("is refused where it asks for nothing, or for a run where it deploys to", async () => {
    const { policy } = await sources.getDeployPolicy({ workspaceId });
    const rules = [
      { environment: "a", noApproval: true },
      { environment: "b", ranIn: "b" },
      { environment: "c", noApproval: true, approvers: ["ben"], requiresSimulation: true },
    ];
    const put = sources.putDeployPolicy({ workspaceId, rules, etag: policy?.etag ?? "" });
    expect((await refusedBy(put)).fields).toEqual([
      ...["rules[0].no_approval", "rules[1].ran_in", "rules[2].no_approval"],
    ]);
  });

  test("asks for a simulation that ends well, once for a version, and not where the version was before", async () => {
    const definitionId = await kept(3);
    const environment = "qa";
    const deploy = (version: number, simulation?: object) =>
      sources.deploy({
        ...{ definitionId, environment, version },
        ...(simulation === undefined ? {} : { simulation }),
      });
    const bare = await refusedBy(deploy(1));
    expect([bare.code, bare.error.rawMessage]).toEqual([
      "FailedPrecondition",
      expect.stringContaining("was simulated: give Deploy a simulation"),
    ]);
    const mocks = [{ stepId: "v1", errorMessage: "nobody came" }];
    const failing = await refusedBy(deploy(1, { mocks }));
    expect(failing.error.rawMessage).toContain('FAILED at step "v1" (nobody came)');
    const wrong = await refusedBy(deploy(1, { mocks: [{ stepId: "other", costUsd: 1 }] }));
    expect(wrong).toMatchObject({ code: "InvalidArgument", fields: ["simulation.mocks.other"] });
    expect(await shownOf(definitionId)).toHaveLength(3);
    const { deployment } = await deploy(1, {});
    expect(deployment).toMatchObject({ state: ACTIVE, version: 1 });
    expect(deployment?.simulatedAt).toBeDefined();
    // Another environment's simulation of it counts too, and a rollback waits for none.
    await sources.deploy({ definitionId, environment: "dev", version: 2, simulation: {} });
    expect((await deploy(2)).deployment?.state).toBe(ACTIVE);
    expect((await deploy(1)).deployment?.state).toBe(ACTIVE);
    expect((await refusedBy(deploy(3))).code).toBe("FailedPrecondition");
  });

  test("asks for a run of the version that completed elsewhere", async () => {
    const definitionId = await kept(1);
    const deploy = () => sources.deploy({ definitionId, environment: "live", version: 1 });
    await sources.deploy({ definitionId, environment: "staging", version: 1 });
    const end = async (environment: string | undefined) => {
      const options = environment === undefined ? {} : inEnvironment(environment);
      const { run } = await service.client.startRun({ definitionId }, options);
      const done = { runId: run?.id ?? "", stepId: "v1", state: StepRunState.COMPLETED };
      return () => service.client.transitionStep(done);
    };
    await (await end(undefined))();
    const complete = await end("staging");
    const refused = await refusedBy(deploy());
    expect(refused.error.rawMessage).toContain(
      "ran in staging: no run of version 1 completed there",
    );
    await complete();
    expect((await deploy()).deployment?.state).toBe(ACTIVE);
  });

  test("is looked at once more when a deployment is approved, and so is the version", async () => {
    const child = await service.client.createDefinition({ workspaceId, name: "child" });
    const step = {
      ...{ id: "call", name: "call", stepType: StepType.AGENT_ACTION },
      config: { workflow: { name: "child" } },
    };
    const parent = await service.client.createDefinition({ workspaceId, name: "parent" });
    const definitionId = parent.definition?.id ?? "";
    await service.client.publishVersion({ definitionId, steps: [step] });
    const wanted = { definitionId, environment: "slow", version: 1 };
    const { deployment } = await sources.deploy(wanted, as("ann"));
    const { id = "", digest = "" } = deployment ?? {};
    await sources.delete({ definitionId: child.definition?.id ?? "" });
    const approve = (of = id) =>
      inbox.decide({ id: of, digest, verdict: Verdict.APPROVE }, as("ben"));
    const refused = await refusedBy(approve());
    expect(refused.error.rawMessage).toContain("version 1 cannot run");
    await service.client.createDefinition({ workspaceId, name: "child" });
    const { policy } = await sources.getDeployPolicy({ workspaceId });
    const etag = policy?.etag ?? "";
    const stricter = (policy?.rules ?? []).map((rule) =>
      rule.environment === "slow" ? { ...rule, requiresSimulation: true } : rule,
    );
    const put = await sources.putDeployPolicy({ workspaceId, rules: stricter, etag });
    expect((await refusedBy(approve())).error.rawMessage).toContain("was simulated");
    expect((await sources.deploy(wanted, as("ann"))).deployment?.id).toBe(id);
    const simulated = { ...wanted, simulation: {} };
    const { deployment: shown } = await sources.deploy(simulated, as("ann"));
    expect(shown).toMatchObject({ state: PENDING_APPROVAL, simulatedAt: expect.anything() });
    expect((await sources.deploy(simulated, as("ann"))).deployment?.id).toBe(shown?.id);
    expect((await approve(shown?.id)).item?.state).toBe(ItemState.DONE);
    const back = { workspaceId, rules: policy?.rules ?? [], etag: put.policy?.etag ?? "" };
    await sources.putDeployPolicy(back);
  });

  test("that lets a deployment wait shows it to watchers, until who made it withdraws it", async () => {
    const definitionId = await kept(2);
    const ending = new AbortController();
    const watch = async (kinds: ItemKind[]) => {
      const shown: string[] = [];
      const stream = inbox.watch({ workspaceId, kinds }, { signal: ending.signal });
      const read = (async () => {
        for await (const { item, gone } of stream) {
          if (item !== undefined) shown.push(item.id);
          if (gone !== "") shown.push(`gone ${gone}`);
        }
      })().catch(() => undefined);
      return { shown, read };
    };
    const all = await watch([]);
    const tasks = await watch([ItemKind.TASK]);
    const wanted = { definitionId, environment: "slow", version: 1 };
    const { deployment } = await sources.deploy(wanted, as("ann"));
    const id = deployment?.id ?? "";
    await until(() => (all.shown.includes(id) ? true : undefined));
    const withdraw = (actor: string) =>
      sources.withdrawDeployment({ id, reason: "wrong version" }, as(actor));
    const refused = await refusedBy(withdraw("ben"));
    expect([refused.code, refused.error.rawMessage]).toEqual([
      "PermissionDenied",
      expect.stringContaining("unverified:ann made the deployment"),
    ]);
    const withdrawn = await withdraw("ann");
    expect(withdrawn.deployment).toMatchObject({
      ...{ id, state: RETIRED, decidedBy: "", decisionReason: "wrong version" },
    });
    expect(await withdraw("ann")).toEqual(withdrawn);
    await until(() => (all.shown.includes(`gone ${id}`) ? true : undefined));
    expect(tasks.shown).toEqual([]);
    ending.abort();
    await Promise.all([all.read, tasks.read]);
    expect((await inbox.get({ id })).item?.state).toBe(ItemState.VOID);
    const { digest = "" } = deployment ?? {};
    const late = inbox.decide({ id, digest, verdict: Verdict.APPROVE }, as("ben"));
    expect((await refusedBy(late)).code).toBe("FailedPrecondition");
    const made = await sources.deploy({ ...wanted, environment: "dev" }, as("ann"));
    const active = sources.withdrawDeployment({ id: made.deployment?.id ?? "" }, as("ann"));
    expect((await refusedBy(active)).error.rawMessage).toContain("the deployment is ACTIVE");
  });
});
