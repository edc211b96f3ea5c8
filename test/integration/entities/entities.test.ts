/**
 * Workflows as entities on a running service: each use that the entity's document shows, and what is refused.
 * Boundary: needs TEST_DATABASE_URL and the program nats-server; the agents are those of the sandbox.
 */
import type { JsonObject } from "@bufbuild/protobuf";
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import { createClient, type WorkflowRun, WorkflowState } from "../../../src/client/index.ts";
import {
  type CursorStore,
  createEntities,
  type Entities,
  type NewWorkflow,
  type WorkflowEntity,
  WorkflowsError,
} from "../../../src/entities/index.ts";
import type { SandboxScript } from "../../../src/sandbox/script.ts";
import { until } from "../../support/assertions/until.ts";
import { startWorld, type World } from "../../support/services/fixture-world.ts";

const WELCOME: NewWorkflow = {
  name: "Welcome Customers",
  triggerEvent: "Deal.won",
  steps: [
    { action: "Customer.create", mapping: { title: "deal.title", contact: "deal.contact" } },
    { action: "Plan.book", mapping: { plan: "deal.plan", customer: "step.0.$id" } },
    { action: "Note.write", mapping: { text: '"Talk to " + deal.contact.name', kind: "Call" } },
  ],
  errorHandling: "Fallback",
  timeout: 45_500,
};
const DEAL = { title: "Acme", plan: "gold", contact: { name: "Ann" } };

/** What agents do, by the action. */
const SCRIPT: SandboxScript = {
  agents: [{ id: "able", capabilities: ["*"], maxObjectives: 1_000 }],
  tasks: [
    {
      match: { actionType: "Customer.create" },
      reply: { afterMs: 0, output: { $id: "customer_1" } },
    },
    { match: { actionType: "Fail.now" }, reply: { afterMs: 0, fail: "no luck" } },
    { match: { actionType: "Wait.long" }, reply: { afterMs: 0, silent: true } },
    { match: {}, reply: { afterMs: 0, output: {} } },
  ],
};

let world: World;
let baseUrl = "";
let entities: Entities;
let workspace = "";
let workspaces = 0;
const opened: Entities[] = [];
const errors: unknown[] = [];

beforeAll(async () => {
  world = await startWorld(SCRIPT, {});
  baseUrl = world.url;
});
afterAll(() => world?.stop());
beforeEach(() => {
  workspace = `ws_entities_${++workspaces}`;
  entities = open();
});
afterEach(async () => {
  await Promise.all(opened.splice(0).map((each) => each.close()));
  expect(errors.splice(0)).toEqual([]);
});

/** Entities of another process, as it were. */
function open(cursors?: CursorStore): Entities {
  const onError = (error: unknown) => errors.push(error);
  const made = createEntities({ baseUrl, workspace, onError, ...(cursors && { cursors }) });
  opened.push(made);
  return made;
}

async function refusal(call: PromiseLike<unknown>): Promise<WorkflowsError> {
  const thrown: unknown = await call.then(
    (answer) => new Error(`it was answered: ${JSON.stringify(answer)}`),
    (error: unknown) => error,
  );
  if (!(thrown instanceof WorkflowsError)) throw thrown;
  return thrown;
}

/** Runs of the workspace that have ended, once there are so many. */
function endedRuns(atLeast: number): Promise<WorkflowRun[]> {
  return until(async () => {
    const { runs } = await entities.client.workflows.listRuns({ workspaceId: workspace });
    return runs.filter(({ state }) => ENDED.has(state)).length >= atLeast ? runs : undefined;
  });
}

/** The inputs that the steps of a run had, once it has ended. */
function inputsOf(runId: string): Promise<(JsonObject | undefined)[]> {
  return until(async () => {
    const { run } = await entities.client.workflows.getRun({ id: runId });
    if (run === undefined || !ENDED.has(run.state)) return undefined;
    return run.steps.map(({ inputPayload }) => inputPayload);
  });
}

const ENDED = new Set<WorkflowState>([WorkflowState.COMPLETED, WorkflowState.FAILED]);

test("a workflow is created as a draft, activated, and found; its event starts it with the mapped data", async () => {
  const { Workflow, $ } = entities;
  const made = await Workflow.create(WELCOME, { reason: "new customers" });
  expect(made).toMatchObject({
    ...{ $id: expect.stringMatching(/^wf_/), $type: "Workflow", organization: workspace },
    ...{ ...WELCOME, timeout: 46_000, status: "Draft", version: 0, runCount: 0 },
  });
  expect(await Workflow.get(made.$id)).toEqual(made);
  expect(await Workflow.find({ status: ["Active", "Triggered"] })).toEqual([]);
  const activated = await Workflow.activate(made.$id);
  expect(activated).toMatchObject({ ...WELCOME, timeout: 46_000, status: "Activated", version: 1 });
  for (const status of ["Activated", "Active"] as const) {
    const [found, ...others] = await Workflow.find({ status });
    expect([found?.$id, found && "steps" in found, others]).toEqual([made.$id, false, []]);
  }
  const [whole] = await Workflow.find({ name: WELCOME.name }, { withContent: true });
  expect(whole).toEqual(activated);

  // The event names its thing, or is it.
  await $.Event.create({ type: "Deal.won", data: { deal: DEAL } });
  await $.Event.create({ type: "Deal.won", data: DEAL });
  for (const { id, state } of await endedRuns(2)) {
    expect(state).toBe(WorkflowState.COMPLETED);
    expect(await inputsOf(id)).toEqual([
      { title: "Acme", contact: { name: "Ann" } },
      { plan: "gold", customer: "customer_1" },
      { text: "Talk to Ann", kind: "Call" },
    ]);
  }
});

test("counts say how healthy workflows are, and runs that are triggered by hand are counted too", async () => {
  const { Workflow } = entities;
  const steps = [{ action: "Lead.assign", mapping: { to: "round-robin" } }];
  const { $id } = await Workflow.create({ name: "Leads", triggerEvent: "Lead.created", steps });
  await Workflow.activate($id);
  const { runId, status } = await Workflow.trigger($id, { lead: { name: "Bo" } });
  expect([status, await inputsOf(runId)]).toEqual(["Activated", [{ to: "round-robin" }]]);
  await Workflow.update($id, { steps: [{ action: "Fail.now" }] });
  await Workflow.trigger($id);
  const counted = await until(async () => {
    const workflow = await Workflow.get($id);
    return workflow.successCount + workflow.failureCount === 2 ? workflow : undefined;
  });
  expect(counted).toMatchObject({ runCount: 2, successCount: 1, failureCount: 1, openRuns: 0 });
  expect(counted.lastRunAt).toBeInstanceOf(Date);
  const rates: string[] = [];
  for await (const { name, runCount, successCount } of Workflow.find({ status: "Activated" })) {
    rates.push(`${name}: ${((successCount / runCount) * 100).toFixed(1)}%`);
  }
  expect(rates).toEqual(["Leads: 50.0%"]);
  expect(await Workflow.find({ status: "Triggered" })).toEqual([]);
  await Workflow.update($id, { steps: [{ action: "Wait.long" }] });
  await Workflow.trigger($id);
  expect(await Workflow.find({ status: "Triggered" })).toMatchObject([{ $id, openRuns: 1 }]);
});

test("after a failed step Stop ends the run, Continue goes on, and Fallback with the output that was given", async () => {
  const { Workflow } = entities;
  const ended = async (name: string, more: Partial<NewWorkflow>) => {
    const { $id } = await Workflow.create({ name, triggerEvent: "A.b", ...more });
    await Workflow.activate($id);
    return inputsOf((await Workflow.trigger($id)).runId);
  };
  const first = { action: "Fail.now", mapping: { at: "first" } };
  const steps = [first, { action: "B.b", mapping: { to: "round-robin" } }];
  expect(await ended("stop", { steps })).not.toContainEqual({ to: "round-robin" });
  const goesOn = await ended("continue", { steps, errorHandling: "Continue" });
  expect(goesOn[1]).toEqual({ to: "round-robin" });
  const fallback = { $id: "none" };
  const fallen = JSON.stringify([
    { ...first, fallback },
    { action: "B.b", mapping: { id: "step.0.$id" } },
  ]);
  const other = await ended("fallback", { steps: fallen, errorHandling: "Fallback" });
  expect(other[1]).toEqual({ id: "none" });
});

test("an update of a draft keeps it one; of an activated workflow it is the next version", async () => {
  const { Workflow } = entities;
  const { $id } = await Workflow.create({ name: "Begun", triggerEvent: "Deal.won" });
  const [step] = (WELCOME.steps ?? []) as { action: string }[];
  const steps = step === undefined ? [] : [step];
  const drafted = await Workflow.update($id, { name: "Renamed", description: "Welcomes", steps });
  expect(drafted).toMatchObject({
    ...{ name: "Renamed", description: "Welcomes", steps, status: "Draft", version: 0 },
  });
  await Workflow.activate($id);
  const changes = { retryPolicy: "3 x exponential 10s", timeout: 1_500, steps: undefined };
  const changed = await Workflow.update($id, changes, { reason: "it is slow" });
  expect(changed).toMatchObject({
    ...{ steps, retryPolicy: "3 x exponential 10s", timeout: 2_000, version: 2 },
    status: "Activated",
  });
  const { version } = await entities.client.sources.getVersion({ definitionId: $id });
  expect(version?.defaultRetryPolicy).toMatchObject({
    ...{ maxRetries: 3, backoffSeconds: 10, backoffMultiplier: 2 },
  });
  expect((await Workflow.update($id, { description: "Greets" })).version).toBe(2);
  // What another editor has written is shown, and not overwritten.
  const sourceText = "workflow: Renamed\non: { event: Deal.won }\nsteps: { ask: { task: Ask } }\n";
  await entities.client.sources.publishSource({ workspaceId: workspace, sourceText });
  expect(await Workflow.get($id)).toMatchObject({ version: 3, steps: [{ action: "ask" }] });
  const refused = await refusal(Workflow.update($id, { timeout: 1 }));
  expect([refused.code, refused.reason]).toEqual(["FAILED_PRECONDITION", "WRITTEN_ELSEWHERE"]);
});

test("a hook before a verb refuses it, in the process that calls it alone", async () => {
  const { Workflow } = entities;
  const asked: string[] = [];
  const unhook = Workflow.activating(({ triggerEvent, steps }) => {
    if (!triggerEvent) throw new Error("Which event?");
    if (!steps) throw new Error("A step is missing");
  });
  Workflow.creating(({ name }) => {
    asked.push(`create ${name}`);
  });
  Workflow.updating(async (workflow, _, changes) => {
    asked.push(`update ${workflow.name} ${Object.keys(changes)}`);
  });
  Workflow.triggering((_, $, data) => {
    asked.push(`trigger ${JSON.stringify(data)} ${typeof $.Event.create}`);
  });
  const { $id } = await Workflow.create({ name: "Checked", triggerEvent: "Deal.won" });
  await expect(Workflow.activate($id)).rejects.toThrow("A step is missing");
  expect((await Workflow.get($id)).status).toBe("Draft");
  await Workflow.update($id, { steps: [{ action: "A.a" }] });
  expect((await Workflow.activate($id)).status).toBe("Activated");
  await Workflow.trigger($id, { a: 1 });
  unhook();
  const stop = new Error("not now");
  for (const before of [Workflow.pausing, Workflow.archiving, Workflow.deleting] as const) {
    before(() => Promise.reject(stop));
  }
  for (const verb of [Workflow.pause, Workflow.delete] as const) {
    await expect(verb($id)).rejects.toBe(stop);
  }
  await open().Workflow.pause($id);
  await expect(Workflow.archive($id)).rejects.toBe(stop);
  expect(asked).toEqual([
    ...["create Checked", "update Checked steps", 'trigger {"a":1} function'],
  ]);
});

test("hooks after verbs see what any process does, once it begins again where its cursor is", async () => {
  let cursor = "";
  const cursors = {
    load: () => cursor,
    save(saved: string) {
      cursor = saved;
    },
  };
  const seen: string[] = [];
  const watch = (watching: Entities) => {
    const note = (workflow: WorkflowEntity, _: unknown, { verb }: { verb: string }) => {
      seen.push(`${verb} ${workflow.name} ${workflow.version}`);
    };
    const { Workflow } = watching;
    for (const after of [Workflow.created, Workflow.updated, Workflow.activated]) after(note);
    for (const after of [Workflow.paused, Workflow.archived, Workflow.deleted]) after(note);
  };
  const seenAll = (count: number) => until(() => (seen.length >= count ? true : undefined));
  const watching = open(cursors);
  watch(watching);
  const started: string[] = [];
  watching.Workflow.triggered((workflow, _, { runId }) => {
    started.push(`${workflow.$id} ${runId}`);
  });
  watching.Workflow.activated(async ({ $id, triggerEvent, version }, $) => {
    const data = { workflow: $id, triggerEvent: triggerEvent ?? "", version };
    await $.Event.create({ type: "workflow.activated", data });
  });
  // The verbs of the process that has the hooks wait until it hears.
  const listener = await watching.Workflow.create({
    ...{ name: "Listener", triggerEvent: "workflow.activated" },
    steps: [{ action: "Log.write", mapping: { workflow: "input.workflow" } }],
  });
  const { $id } = await watching.Workflow.create({ ...WELCOME, name: "Heard" });
  await entities.Workflow.activate(listener.$id);
  await watching.Workflow.activate($id);
  const { runId } = await entities.Workflow.trigger($id, DEAL);
  await watching.Workflow.update($id, { timeout: 1_000 });
  await seenAll(6);
  await until(() => (started.includes(`${$id} ${runId}`) ? true : undefined));
  // The workflow is as it is when the hook is called.
  expect(seen.map((each) => each.replace(/ \d+$/, ""))).toEqual([
    ...["create Listener", "create Heard", "activate Listener", "activate Heard"],
    ...["update Heard", "activate Heard"],
  ]);
  const runs = (await endedRuns(4)).filter(({ definitionId }) => definitionId === listener.$id);
  const told = (await Promise.all(runs.map(({ id }) => inputsOf(id)))).flat();
  expect(told.map((input) => input?.workflow).sort()).toEqual([listener.$id, $id, $id].sort());
  await watching.close();
  seen.length = 0;
  await entities.Workflow.pause($id);
  await entities.Workflow.archive($id);
  const gone = await entities.Workflow.create({ name: "Gone", triggerEvent: "A.b" });
  await entities.Workflow.delete(gone.$id);
  watch(open(cursors));
  await seenAll(4);
  expect(seen).toEqual(["pause Heard 2", "archive Heard 2", "create Gone 0", "delete Gone 0"]);
});

test("an editor that saves by itself updates a workflow too", async () => {
  const updated: string[] = [];
  entities.Workflow.updated(({ name, triggerEvent }) => {
    updated.push(`${name} ${triggerEvent}`);
  });
  const { $id } = await entities.Workflow.create({ name: "Edited", triggerEvent: "A.b" });
  const { client } = entities;
  const { draft } = await client.sources.getDraft({ definitionId: $id });
  const sourceText = "workflow: Edited\non: { event: A.c }\n";
  const { etag = "" } = draft ?? {};
  const draftOf = { definitionId: $id, sourceText, etag, autosave: true };
  await client.sources.saveDraft(draftOf, { headers: { "Workflows-Actor": "ann" } });
  await until(() => (updated.length > 0 ? true : undefined));
  expect(updated).toEqual(["Edited A.c"]);
});

test("a hook after a verb that fails is called again with the same event", async () => {
  const ids: string[] = [];
  entities.Workflow.created((_workflow, _$, { id }) => {
    if (ids.push(id) < 3) throw new Error("not yet");
  });
  await entities.Workflow.create({ name: "Again", triggerEvent: "A.b" });
  await until(() => (ids.length === 3 ? true : undefined));
  expect(new Set(ids).size).toBe(1);
  expect(errors.splice(0)).toEqual([new Error("not yet"), new Error("not yet")]);
});

test("a hook that fails keeps no other hook, and its change is handled again after a restart", async () => {
  const saved: string[] = [];
  const cursors = {
    load: () => saved.at(-1) ?? "",
    save(cursor: string) {
      saved.push(cursor);
    },
  };
  const hooked = (isBroken: boolean) => {
    const seen: string[] = [];
    const watching = open(cursors);
    watching.Workflow.created(({ name }) => {
      if (isBroken) throw new Error("broken");
      seen.push(`first ${name}`);
    });
    watching.Workflow.created(({ name }) => void seen.push(`second ${name}`));
    return { watching, seen };
  };
  const { watching, seen } = hooked(true);
  await watching.Workflow.create({ name: "One", triggerEvent: "A.b" });
  await watching.Workflow.create({ name: "Two", triggerEvent: "A.b" });
  await until(() => (seen.length === 2 ? true : undefined));
  await watching.close();
  expect(errors.splice(0)).toContainEqual(new Error("broken"));
  const again = hooked(false);
  await until(() => (again.seen.length >= 4 ? true : undefined));
  expect([...seen, ...again.seen]).toEqual([
    ...["second One", "second Two", "first One", "second One", "first Two", "second Two"],
  ]);
});

test("a verb that the state does not allow is refused with the state and where the verb leads", async () => {
  const { Workflow } = entities;
  const steps = [{ action: "Wait.long" }];
  const { $id } = await Workflow.create({ name: "Moved", triggerEvent: "A.b", steps });
  const moves: string[] = [];
  const refuse = async (call: Promise<unknown>) => {
    const { code, states, message } = await refusal(call);
    moves.push(`${states?.from} to ${states?.to}: ${code}`);
    expect(message).not.toContain("undefined");
  };
  await refuse(Workflow.pause($id));
  await refuse(Workflow.trigger($id));
  await Workflow.activate($id);
  expect((await Workflow.activate($id)).version).toBe(1);
  const { runId } = await Workflow.trigger($id, DEAL);
  await refuse(Workflow.archive($id));
  await refuse(Workflow.delete($id));
  expect((await Workflow.pause($id, { reason: "audit" })).status).toBe("Paused");
  await refuse(Workflow.trigger($id));
  expect((await Workflow.activate($id)).status).toBe("Activated");
  await Workflow.pause($id);
  expect((await Workflow.archive($id)).status).toBe("Archived");
  await refuse(Workflow.activate($id));
  await refuse(Workflow.update($id, { timeout: 1 }));
  await refuse(Workflow.trigger($id));
  await refuse(Workflow.pause($id));
  expect(moves).toEqual(
    [
      ...["Draft to Paused", "Draft to Triggered", "Triggered to Archived", "Activated to Deleted"],
      ...["Paused to Triggered", "Archived to Activated", "Archived to Updated"],
      ...["Archived to Triggered", "Archived to Paused"],
    ].map((move) => `${move}: FAILED_PRECONDITION`),
  );
  expect(await Workflow.find()).toEqual([]);
  expect(await Workflow.find({ status: "Archived" })).toMatchObject([{ $id, openRuns: 1 }]);
  await entities.client.workflows.cancelRun({ id: runId, reason: "over" });
});

test("a workflow that is gone, or of another workspace, is not found", async () => {
  const { Workflow } = entities;
  const { $id } = await Workflow.create({ name: "Short", triggerEvent: "A.b" });
  Workflow.pausing(() => entities.client.sources.delete({ definitionId: $id }).then(() => {}));
  Workflow.activating(() => entities.client.sources.delete({ definitionId: $id }).then(() => {}));
  // It is deleted between the check and the call.
  expect((await refusal(Workflow.activate($id))).code).toBe("NOT_FOUND");
  const verbs = [Workflow.get, Workflow.activate, Workflow.pause, Workflow.trigger];
  for (const verb of [...verbs, Workflow.archive, Workflow.delete]) {
    expect((await refusal(verb($id))).code).toBe("NOT_FOUND");
  }
  expect((await refusal(Workflow.update($id, { timeout: 1 }))).code).toBe("NOT_FOUND");
  workspace = "ws_entities_foreign";
  const foreign = await open().Workflow.create({ name: "Foreign", triggerEvent: "A.b" });
  expect((await refusal(Workflow.get(foreign.$id))).code).toBe("NOT_FOUND");
  expect((await refusal(Workflow.delete(foreign.$id))).code).toBe("NOT_FOUND");
});

test("unknown fields, faulty steps and wrong values are refused by name", async () => {
  const { Workflow, $ } = entities;
  const { $id } = await Workflow.create({ ...WELCOME, name: "Kept" });
  const refused = async (call: PromiseLike<unknown>, field: string, words: string) => {
    const { code, fields, message } = await refusal(call);
    expect([code, fields.map((fault) => fault.field)]).toEqual(["INVALID_ARGUMENT", [field]]);
    expect(message).toContain(words);
  };
  const loose = (value: object) => value as never;
  const lazily = async (find: () => PromiseLike<unknown>) => find();
  const typo = { ...WELCOME, name: "typo", trigerEvent: "A.b" };
  await refused(Workflow.create(typo), "trigerEvent", 'did you mean "triggerEvent"?');
  await refused(Workflow.create(loose({ ...WELCOME, runCount: 3 })), "runCount", "can be given");
  await refused(Workflow.create(loose({ triggerEvent: "A.b" })), "name", "is required");
  await refused(Workflow.create({ ...WELCOME, organization: "ws" }), "organization", workspace);
  await refused(Workflow.update($id, loose({ step: [] })), "step", 'did you mean "steps"?');
  await refused(
    lazily(() => Workflow.find(loose({ sttus: 1 }))),
    "sttus",
    '"status"?',
  );
  await refused(
    lazily(() => Workflow.find(loose({ status: "Activ" }))),
    "status",
    '"Active"?',
  );
  await refused(Workflow.get(loose({})), "$id", "id of a workflow");
  await refused(Workflow.trigger($id, loose([1])), "data", "an object");
  await refused($.Event.create(loose({ typ: "A.b" })), "typ", 'did you mean "type"?');
  const mapping = { name: "dael.name" };
  const steps = [{ action: "A.a" }, { action: "B.b", mapping }];
  const faulty = { name: "faulty", triggerEvent: "Deal.won", steps };
  await refused(Workflow.create(faulty), "steps[1].mapping.name", 'did you mean "deal"?');
  mapping.name = "{{ input. }}";
  await refused(Workflow.create(faulty), "steps[1].mapping.name", "does not parse");
  await refused(Workflow.update($id, { steps }), "steps[1].mapping.name", "does not parse");
  expect(await Workflow.find({ name: "faulty" })).toEqual([]);
  expect((await Workflow.get($id)).steps).toEqual(WELCOME.steps);
  const taken = await refusal(Workflow.create({ ...WELCOME, name: "Kept" }));
  expect(taken.code).toBe("ALREADY_EXISTS");
  const { client } = entities;
  expect(() => createEntities(loose({ client }))).toThrow("workspace must be");
});

test("a client that was made before serves the entities, in its own environment too", async () => {
  const client = createClient({ baseUrl, environment: "staging" });
  const { Workflow } = createEntities({ client, workspace });
  const { $id } = await Workflow.create({ ...WELCOME, name: "Given" });
  const { version } = await Workflow.activate($id);
  await Workflow.update($id, { timeout: 1_000 });
  const { runId } = await Workflow.trigger($id, DEAL);
  expect([version, (await Workflow.get($id)).version]).toEqual([1, 2]);
  expect((await client.workflows.getRun({ id: runId })).run?.definitionVersion).toBe(2);
});

test("where production needs an approval a draft is not activated, and a version from elsewhere waits for it", async () => {
  const { Workflow, client } = entities;
  const rules = [{ environment: "production", approvers: ["boss"] }];
  await client.sources.putDeployPolicy({ workspaceId: workspace, rules });
  const { $id } = await Workflow.create({ ...WELCOME, name: "Guarded" });
  const refused = await refusal(Workflow.activate($id));
  expect(refused.code).toBe("FAILED_PRECONDITION");
  expect(refused.message).toContain("policy");
  const { draft } = await client.sources.getDraft({ definitionId: $id });
  const { etag = "" } = draft ?? {};
  await client.sources.publishDraft({ definitionId: $id, etag, deployTo: "staging" });
  const waiting = await Workflow.activate($id);
  expect([waiting.status, waiting.version]).toEqual(["Draft", 0]);
  expect(waiting.statusReasons.join()).toMatch(/approv/i);
  expect(await Workflow.find({ status: "Draft" })).toMatchObject([{ $id }]);
  expect(await Workflow.find({ status: "Activated" })).toEqual([]);
});

test("a hook before activate judges the draft that would be published, whoever has saved it", async () => {
  const { Workflow, client } = entities;
  const { $id: definitionId } = await Workflow.create({ ...WELCOME, name: "Judged" });
  await Workflow.activate(definitionId);
  const sourceText = "workflow: Judged\non: { event: Deal.lost }\nsteps: { ask: { task: Ask } }\n";
  await client.sources.saveDraft({ definitionId, sourceText });
  Workflow.activating(({ triggerEvent }) => {
    if (triggerEvent !== "Deal.won") throw new Error("That is another event");
  });
  await expect(Workflow.activate(definitionId)).rejects.toThrow("That is another event");
  expect(await Workflow.get(definitionId)).toMatchObject({
    ...WELCOME,
    name: "Judged",
    timeout: 46_000,
    version: 1,
  });
  await Workflow.pause(definitionId);
  expect(await Workflow.activate(definitionId)).toMatchObject({ status: "Activated", version: 1 });
});

test.each([
  ["a draft", false],
  ["an activated workflow", true],
])("of two updates of %s at the same time neither is lost", async (_what, isActive) => {
  const { $id } = await entities.Workflow.create({ ...WELCOME, name: "Both" });
  if (isActive) await entities.Workflow.activate($id);
  const other = open();
  const asked: unknown[] = [];
  entities.Workflow.updating(async ({ retryPolicy, timeout }) => {
    asked.push([retryPolicy, timeout]);
    if (asked.length > 1) return;
    await other.Workflow.update($id, { retryPolicy: "2 x fixed 1s", description: "theirs" });
  });
  const both = await entities.Workflow.update($id, { timeout: 7_000, name: "Mine" });
  const { name, description, retryPolicy, timeout, version } = both;
  expect({ name, description, retryPolicy, timeout }).toEqual({
    ...{ name: "Mine", description: "theirs" },
    ...{ retryPolicy: "2 x fixed 1s", timeout: 7_000 },
  });
  expect(version).toBe(isActive ? 3 : 0);
  // The hook judges what the change is made to.
  expect(asked[1]).toEqual(["2 x fixed 1s", 46_000]);
  // Only once more: who is overtaken again is told so.
  entities.Workflow.updating(async ({ timeout = 0 }) => {
    await other.Workflow.update($id, { timeout: timeout + 1_000 });
  });
  const late = await refusal(entities.Workflow.update($id, { retryPolicy: "9 x fixed 9s" }));
  expect([late.code, late.reason]).toEqual(["ABORTED", "ETAG_MISMATCH"]);
  expect((await entities.Workflow.get($id)).retryPolicy).toBe("2 x fixed 1s");
});

test("what a hook throws is not taken for a change of somebody else, and nothing is tried again", async () => {
  const { Workflow, client } = entities;
  const { $id } = await Workflow.create({ ...WELCOME, name: "Guarded by code" });
  let asked = 0;
  const stop = Workflow.updating(async () => {
    asked += 1;
    const stale = { etag: "of before", owner: "ann", updateMask: ["owner"] };
    await client.sources.update({ definitionId: $id, ...stale });
  });
  const { reason } = await refusal(Workflow.update($id, { timeout: 1_000 }));
  stop();
  expect([reason, asked]).toEqual(["ETAG_MISMATCH", 1]);
});

test("null and an empty text take a field away", async () => {
  const { Workflow } = entities;
  const more = { description: "long", retryPolicy: "2 x fixed 1s", timeout: 5_000 } as const;
  const { $id } = await Workflow.create({ ...WELCOME, ...more, name: "Less" });
  const less = await Workflow.update($id, { description: null, retryPolicy: "", timeout: null });
  expect([less.description, less.retryPolicy, less.timeout, less.steps]).toEqual([
    ...["", undefined, undefined, WELCOME.steps],
  ]);
  const handling = await Workflow.update($id, { errorHandling: null });
  expect(handling.errorHandling).toBe("Stop");
  await Workflow.activate($id);
  const empty = await refusal(Workflow.update($id, { steps: null }));
  expect(empty.fields).toEqual([
    { field: "steps", description: "a version has at least one step" },
  ]);
  const draft = await Workflow.create({ ...WELCOME, name: "Lesser" });
  const begun = await Workflow.update(draft.$id, { steps: null, triggerEvent: "" });
  expect([begun.steps, begun.triggerEvent, begun.errorHandling]).toEqual(Array(3).fill(undefined));
  const nameless = await refusal(Workflow.update($id, { name: "" }));
  expect([nameless.code, nameless.fields[0]?.field]).toEqual(["INVALID_ARGUMENT", "name"]);
});

test("an update of a workflow that is renamed or deleted meanwhile makes no other one", async () => {
  const { Workflow, client } = entities;
  const { $id } = await Workflow.create({ ...WELCOME, name: "Old name" });
  await Workflow.activate($id);
  let meanwhile: () => Promise<unknown> = async () => {
    const { workflow } = await client.sources.get({ id: $id });
    const change = { name: "New name", updateMask: ["name"], etag: workflow?.etag ?? "" };
    await client.sources.update({ definitionId: $id, ...change });
  };
  Workflow.updating(() => meanwhile().then(() => {}));
  const renamed = await Workflow.update($id, { timeout: 1_000 });
  expect([renamed.name, renamed.version, renamed.timeout]).toEqual(["New name", 2, 1_000]);
  meanwhile = () => client.sources.delete({ definitionId: $id });
  expect((await refusal(Workflow.update($id, { timeout: 2_000 }))).code).toBe("NOT_FOUND");
  expect(await Workflow.find()).toEqual([]);
});

test("a workflow that runs in staging alone is a draft, with what its newest version does", async () => {
  const { Workflow, client } = entities;
  const { $id } = await Workflow.create({ ...WELCOME, name: "Staged" });
  const { draft } = await client.sources.getDraft({ definitionId: $id });
  const { etag = "" } = draft ?? {};
  await client.sources.publishDraft({ definitionId: $id, etag, deployTo: "staging" });
  const staged = { ...WELCOME, name: "Staged", timeout: 46_000, status: "Draft", version: 0 };
  expect(await Workflow.get($id)).toMatchObject(staged);
  expect(await Workflow.find({ status: "Activated" })).toEqual([]);
  expect(await Workflow.find({ status: "Draft" }, { withContent: true })).toMatchObject([staged]);
  expect((await refusal(Workflow.trigger($id))).states).toEqual({ from: "Draft", to: "Triggered" });
  const changed = { ...staged, timeout: 1_000 };
  expect(await Workflow.update($id, { timeout: 1_000 })).toMatchObject(changed);
  const activated = { ...changed, status: "Activated", version: 2 };
  expect(await Workflow.activate($id)).toMatchObject(activated);
});

test("a verb is sent when the hooks after verbs hear, and not before", async () => {
  const sent: string[] = [];
  let check = () => {};
  const checked = new Promise<void>((resolve) => {
    check = resolve;
  });
  // The stream opens late: after the calls that come before the verb's own, and some more.
  const slowly: typeof fetch = async (url, init) => {
    const name = String(url).split("/").at(-1)?.replace(/\?.*/, "") ?? "";
    if (name === "WatchWorkflows") {
      await checked;
      for (let n = 0; n < 5; n += 1) await entities.Workflow.find();
    }
    sent.push(name);
    const response = await fetch(url, init);
    if (name === "CheckVersion") check();
    return response;
  };
  const hearing = createEntities({ baseUrl, workspace, fetch: slowly });
  const heard: string[] = [];
  hearing.Workflow.created(({ name }) => {
    heard.push(name);
  });
  await hearing.Workflow.create({ ...WELCOME, name: "Late" });
  await until(() => (heard.length > 0 ? true : undefined));
  expect(sent.slice(0, 3)).toEqual(["CheckVersion", "WatchWorkflows", "Create"]);
  await hearing.close();
});
