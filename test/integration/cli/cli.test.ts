/** The command line as a process, against the real service. */
import { once } from "node:events";
import { createServer, type Server, type ServerResponse } from "node:http";
import { type AddressInfo, createServer as createSilentServer } from "node:net";
import { join } from "node:path";
import { Client } from "@modelcontextprotocol/client";
import { StdioClientTransport } from "@modelcontextprotocol/client/stdio";
import { afterAll, beforeAll, describe, expect, it, test } from "vitest";
import { StepRunState } from "../../../gen/workflows/v1/workflows_pb.ts";
import { type CommandLine, compileCommandLine } from "../../support/services/cli.ts";
import { type Cluster, type Replica, startCluster } from "../../support/services/replicas.ts";
import { startUnsteadyFront } from "../../support/services/unsteady-front.ts";

let cli: CommandLine;
let cluster: Cluster;
let service: Replica;
let env: Record<string, string>;
/** A server that takes connections and never answers; a command waits for it while the tests run. */
const silent = createSilentServer();
let ofSilent: ReturnType<CommandLine["run"]>;

beforeAll(async () => {
  cli = await compileCommandLine();
  await new Promise<void>((resolve) => silent.listen(0, "127.0.0.1", resolve));
  const { port } = silent.address() as AddressInfo;
  ofSilent = cli.run(["runs", "--workspace", "ws", "--server", `http://127.0.0.1:${port}`]);
  cluster = await startCluster();
  service = await cluster.start();
  env = { WORKFLOWS_SERVER: service.url, WORKFLOWS_WORKSPACE: "ws" };
  await cli.write("task.workflow.yaml", fileOf("task", "task: Do it\n    timeout: 1h"));
  await cli.write("quick.workflow.yaml", fileOf("quick", "wait: 0"));
  await cli.write("failing.workflow.yaml", fileOf("failing", "agent: nobody"));
  await done("apply", "task.workflow.yaml", "quick.workflow.yaml", "failing.workflow.yaml");
});
afterAll(async () => {
  silent.close();
  await cluster?.stop();
  await cli?.remove();
});

const RERUN =
  "workflow: rerun\nsteps:\n  one:\n    task: One\n    next: two\n  two:\n    task: Two\n";

function fileOf(name: string, step: string): string {
  return `workflow: ${name}\nsteps:\n  one:\n    ${step}\n`;
}

/** Runs a command that must succeed; its standard output. */
async function done(...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await cli.run(args, { env });
  expect({ code, stderr }).toMatchObject({ code: 0 });
  return stdout.trim();
}

/** Starts a run that waits for a person; its id. */
function started(): Promise<string> {
  return done("start", "task", "--quiet");
}

describe("workflows and drafts", () => {
  it("makes, edits, publishes, archives and deletes a workflow", async () => {
    await cli.write("n.workflow.yaml", fileOf("entity", "tsk: Work"));
    const created = await cli.run(
      ["create", "entity", "--owner", "ann", "--tags", "a, b", "--file", "n.workflow.yaml"],
      { env },
    );
    expect(created.stdout).toMatch(/^entity\tDRAFT\t\+draft\tann\t/);
    expect(created.stderr).toContain("n.workflow.yaml:3:3: steps.one");
    const sound = fileOf("entity", "task: Work");
    await cli.write("n.workflow.yaml", sound);
    const etag = await done("drafts", "save", "entity", "n.workflow.yaml");
    const got = await cli.run(["drafts", "get", "entity"], { env });
    expect(got).toMatchObject({ code: 0, stdout: sound });
    expect(got.stderr).toContain(`etag ${etag}`);
    const stale = ["drafts", "save", "entity", "n.workflow.yaml", "--etag", "0000000000000000"];
    expect(await cli.run(stale, { env })).toMatchObject({ code: 6 });
    const savedBy = (who: string) =>
      cli.run(["drafts", "save", "entity", "n.workflow.yaml", "--as", who], { env });
    await savedBy("eve");
    expect((await savedBy("ben")).stderr).toContain("replaced what unverified:eve saved at");
    expect((await savedBy("ben")).stderr).not.toContain("replaced");
    expect(await done("drafts", "publish", "entity", "--note", "first")).toBe(
      "entity: published, version 1",
    );
    expect((await cli.run(["drafts", "get", "entity"], { env })).code).toBe(3);
    await cli.write("n.workflow.yaml", fileOf("entity", "task: More"));
    await done("drafts", "save", "entity", "n.workflow.yaml");
    expect(await cli.run(["diff", "entity", "--draft"], { env })).toMatchObject({
      ...{ code: 1, stdout: '~ step one\n    config.instructions: "Work" => "More"\n' },
    });
    await done("drafts", "discard", "entity");
    const limit = ["--max-open-runs", "2", "--concurrency-key", "customer", "--when-full", "drop"];
    await done("update", "entity", "--team", "finance", ...limit);
    const runLimit = { concurrency_key: "customer", when_full: "WHEN_FULL_DROP" };
    const narrower = await done("update", "entity", "--max-open-runs", "1", "--json");
    expect(JSON.parse(narrower).run_limit).toEqual({ max_open_runs: 1, ...runLimit });
    const lifted = await done("update", "entity", "--max-open-runs", "0", "--json");
    expect(JSON.parse(lifted).run_limit).toBe(undefined);
    const wrong = await cli.run(["update", "entity", "--max-open-runs", "many"], { env });
    expect([wrong.code, wrong.stderr]).toEqual([2, expect.stringContaining("--max-open-runs")]);
    const [listed] = (await done("list", "--team", "finance", "--json")).split("\n");
    expect(JSON.parse(listed ?? "")).toMatchObject({
      definition: { name: "entity", tags: ["a", "b"] },
      ...{ status: "WORKFLOW_STATUS_DEPLOYED", owner: "ann", team: "finance" },
    });
    expect(await done("archive", "entity")).toMatch(/^entity\tARCHIVED/);
    expect((await cli.run(["start", "entity"], { env })).code).toBe(6);
    expect(await done("list", "--status", "archived", "--quiet")).toMatch(/^wf_/);
    expect(await done("unarchive", "entity")).toMatch(/^entity\tDEPLOYED/);
    expect((await cli.run(["delete", "entity"], { env })).code).toBe(2);
    await done("delete", "entity", "--yes");
    expect((await cli.run(["archive", "entity"], { env })).code).toBe(3);
    expect((await cli.run(["list", "--status", "archivd"], { env })).stderr).toContain("archived");
  });

  it("keeps a workflow and a file as templates, and makes workflows of them", async () => {
    const from = ["templates", "save", "our-task", "--from", "task", "--title", "Our task"];
    // It was applied from a file.
    expect(await done(...from)).toBe("our-task: saved, version 1");
    expect(await cli.run(from, { env })).toMatchObject({ code: 6 });
    expect(await done(...from, "--replace")).toBe("our-task: saved, version 2");
    await cli.write("asked.workflow.yaml", fileOf("asked", "task: Do it\n    assignee: $(who)"));
    await cli.write(
      "about.yaml",
      `title: Asked\ncategory: Ours\nneeds: { queue: { mail: sends mails } }
parameters:\n  who: { type: string, default: user_ann, description: Who does it. }\n`,
    );
    const file = ["--file", "asked.workflow.yaml", "--about", "about.yaml"];
    await done("templates", "save", "asked", ...file);
    expect(await done("templates", "list", "--category", "ours")).toContain("this workspace");
    expect(await done("templates", "show", "asked")).toContain("# needs queue mail: sends mails");
    const made = await done("templates", "install", "asked", "--set", "who=user_bob");
    expect(made).toMatch(/^asked: created, version 1/);
    expect(await done("export", "asked")).toContain("user_bob");
    await done("templates", "delete", "asked");
    expect((await cli.run(["templates", "show", "asked"], { env })).code).toBe(3);
  });
});

describe("apply and export", () => {
  it("makes a workflow, publishes nothing that is published, and then the next version", async () => {
    await cli.write("a.workflow.yaml", fileOf("applied", "task: First"));
    expect(await done("apply", "--dry-run", "a.workflow.yaml")).toBe(
      "applied: would create, version 1",
    );
    expect(await done("apply", "a.workflow.yaml")).toMatch(/^applied: created, version 1 wf_/);
    expect(await done("apply", "a.workflow.yaml")).toMatch(/^applied: unchanged, version 1 wf_/);
    const typed = `input: { amount: number }\n${fileOf("applied", "task: First")}`;
    await cli.write("typed.workflow.yaml", typed);
    expect(await done("apply", "--dry-run", "typed.workflow.yaml")).toMatch(/: would publish/);
    await cli.write("a.workflow.yaml", fileOf("applied", "task: Second"));
    expect(await done("apply", "--dry-run", "a.workflow.yaml")).toMatch(
      /^applied: would publish, version 2/,
    );
    const published = JSON.parse(await done("apply", "--json", "a.workflow.yaml"));
    expect(published).toMatchObject({
      file: "a.workflow.yaml",
      name: "applied",
      version: 2,
      action: "published",
    });
    expect(await done("export", "applied")).toContain("task: Second");
    expect(await done("export", "applied", "--version", "1")).toContain("task: First");
  });

  it("exports a file that changes nothing when it is applied", async () => {
    const file = [
      "workflow: exported\ntags: [a]\non: { schedule: 0 9 * * 1, zone: Europe/Paris }\ntimeout: 7d\nsteps:",
      "  size: { branch: input.n > 1, then: { true: gate, false: pay } }",
      "  gate: { approve: Pay, action: pay, risk: high, by: user_a, on: { denied: tell }, next: pay }",
      "  pay: { agent: payer, undo: { agent: payer }, retry: { max: 2, factor: 1.1 }, next: end }",
      "  tell: { notify: slack, body: Not paid }\n",
    ].join("\n");
    await cli.write("e.workflow.yaml", file);
    await done("apply", "e.workflow.yaml");
    await done("export", "exported", "--json", "-o", "back.workflow.yaml");
    expect(await done("apply", "back.workflow.yaml")).toMatch(/^exported: unchanged, version 1/);
    const json = await done("export", "exported", "--json");
    await cli.write("back.workflow.json", json);
    expect(await done("apply", "back.workflow.json")).toMatch(/^exported: unchanged, version 1/);
    expect(await done("graph", "exported", "--format", "mermaid")).toContain('n0 -->|"true"| n1');
  });

  it("exports the very text that was applied, each version its own", async () => {
    const first = `# why\n${fileOf("kept", "task:   First # odd blanks")}\n\n`;
    await cli.write("k.workflow.yaml", first);
    await done("apply", "k.workflow.yaml");
    const { stdout } = await cli.run(["export", "kept"], { env });
    expect(stdout).toBe(first);
    const second = first.replace("First", "Second").replace("why", "because");
    await cli.write("k.workflow.yaml", second);
    expect(await done("apply", "k.workflow.yaml")).toMatch(/^kept: published, version 2/);
    const older = await cli.run(["export", "kept", "--version", "1"], { env });
    expect(older.stdout).toBe(first);
    // A changed comment makes no version, and is kept.
    const commented = second.replace("because", "therefore");
    await cli.write("k.workflow.yaml", commented);
    expect(await done("apply", "k.workflow.yaml")).toMatch(/^kept: unchanged, version 2/);
    expect((await cli.run(["export", "kept"], { env })).stdout).toBe(commented);
  });

  it("applies to staging, and deploys by the rules of a policy", async () => {
    await cli.write("r.workflow.yaml", fileOf("ruled", "task: First"));
    const toStaging = ["apply", "--to", "staging", "r.workflow.yaml"];
    expect(await done(...toStaging)).toMatch(/^ruled: created, version 1/);
    expect(await done(...toStaging, "--dry-run")).toMatch(/^ruled: unchanged, version 1/);
    expect(await done(...toStaging)).toMatch(/^ruled: unchanged, version 1/);
    const policy = async (...args: string[]) =>
      (await done("environments", "policy", ...args)).split("\n").map((row) => row.split("\t"));
    await policy("qa", "--simulated", "--approvers", "ann,ben", "--reason", "audit");
    expect(await policy("live", "--ran-in", "staging", "--without-approval")).toEqual([
      ["qa", "ann, ben", "yes", "-"],
      ["live", "-", "-", "staging"],
    ]);
    const deploy = ["deploy", "ruled", "--from", "staging", "--to"];
    const refused = await cli.run([...deploy, "qa"], { env });
    expect([refused.code, refused.stderr]).toEqual([
      6,
      expect.stringContaining("`workflows deploy --simulate`"),
    ]);
    const failing = await cli.run([...deploy, "qa", "--simulate", "--fail", "one"], { env });
    expect([failing.code, failing.stderr]).toEqual([6, expect.stringContaining("FAILED")]);
    const wrong = await cli.run([...deploy, "qa", "--simulate", "--mock", `one={"out": 1}`], {
      env,
    });
    expect([wrong.code, wrong.stderr]).toEqual([2, expect.stringContaining("mocks.one.out")]);
    const unused = await cli.run([...deploy, "qa", "--deny", "one"], { env });
    expect([unused.code, unused.stderr]).toEqual([2, expect.stringContaining("--simulate")]);
    const mock = ["--mock", `one={"output": {"n": 1}, "delay": "2h"}`];
    const waiting = JSON.parse(await done(...deploy, "qa", "--simulate", ...mock, "--json"));
    expect(waiting.state).toBe("DEPLOYMENT_STATE_PENDING_APPROVAL");
    expect(await done("withdraw", waiting.id, "--reason", "later")).toBe("qa version 1 RETIRED");
    expect((await cli.run([...deploy, "live"], { env })).stderr).toContain("ran in staging");
    await policy("qa", "--remove");
    await policy("live", "--remove");
    expect(await done("environments", "policy")).toBe("");
  });

  it("deploys to staging, starts there, promotes, rolls back and lists all of it", async () => {
    await cli.write("d.workflow.yaml", fileOf("deployed", "task: First"));
    await done("apply", "d.workflow.yaml");
    await cli.write("d.workflow.yaml", fileOf("deployed", "task: Second"));
    await done("apply", "d.workflow.yaml");
    const deploy = (...args: string[]) => done("deploy", "deployed", ...args);
    expect(await deploy("--to", "staging", "--version", "1", "--var", "limit=5")).toBe(
      "staging version 1 ACTIVE",
    );
    const changed = JSON.parse(await deploy("--to", "staging", "--var", "url=x", "--json"));
    expect(changed).toMatchObject({ version: 2, vars: { limit: 5, url: "x" } });
    await deploy("--to", "staging", "--version", "1");
    const run = JSON.parse(await done("start", "deployed", "--environment", "staging", "--json"));
    expect(run.definition_version).toBe(1);
    expect(await done("runs", "--environment", "staging", "--quiet")).toBe(run.id);
    const reason = ["--reason", "2 asks twice"];
    expect(await deploy("--to", "production", "--from", "staging", ...reason)).toBe(
      "production version 1 ACTIVE",
    );
    const rows = (await done("deployments", "deployed")).split("\n").map((row) => row.split("\t"));
    expect(rows.map((row) => [...row.slice(0, 3), row[5] ?? ""])).toEqual([
      ["production", "1", "ACTIVE", "2 asks twice"],
      ["staging", "1", "ACTIVE", ""],
    ]);
    expect(await deploy("--to", "staging", "--retire")).toBe("staging version 1 RETIRED");
    const { code, stderr } = await cli.run(["start", "deployed", "--environment", "staging"], {
      env,
    });
    expect([code, stderr]).toEqual([6, expect.stringContaining("it is in production")]);
  });

  it("makes a schedule for somebody, changes it, and says why it stands still", async () => {
    await cli.write("s.workflow.yaml", fileOf("scheduled", "task: Look"));
    await done("apply", "s.workflow.yaml");
    const made = ["scheduled", "--cron", "weekdays", "--run-as", "group:finance", "--quiet"];
    const id = await done("schedules", "create", ...made);
    const listed = async () =>
      (await done("schedules", "list", "--workflow", "scheduled")).split("\t");
    expect((await listed())[5]).toBe("group:finance");
    const update = (...args: string[]) => done("schedules", "update", id, ...args);
    await update("--run-as", "user:ben", "--overlap", "skip", "--to", "2100-01-01T00:00Z");
    const { spec } = JSON.parse(await update("--name", "nightly", "--json"));
    expect(spec).toMatchObject({
      ...{ name: "nightly", line: "0 9 * * MON-FRI", overlap: "SCHEDULE_OVERLAP_SKIP" },
      ...{ to: "2100-01-01T00:00:00Z", run_as: { scope: "RUN_AS_SCOPE_USER", subject: "ben" } },
    });
    await done("schedules", "pause", id, "--reason", "audit");
    expect((await listed()).slice(5)).toEqual(["user:ben", "paused: audit"]);
    for (const [args, words] of [
      [["--run-as", "team:x"], '--run-as "team:x" is not user:NAME, group:NAME or org'],
      [[], "update needs what is changed"],
      [["--name", "x", "--environment", "qa"], "a schedule stays in its environment"],
      [["--name", "x", "--paused"], `workflows schedules pause ${id}`],
    ] as const) {
      const { code, stderr } = await cli.run(["schedules", "update", id, ...args], { env });
      expect([code, stderr]).toEqual([2, expect.stringContaining(words)]);
    }
  });

  it("shows what differs, and ends with 1 where something does", async () => {
    const diff = (...args: string[]) => cli.run(["diff", ...args], { env });
    await cli.write("d.workflow.yaml", fileOf("differing", "task: First"));
    const unpublished = await diff("d.workflow.yaml");
    expect(unpublished).toMatchObject({ code: 1, stdout: "+ step one\n" });
    await done("apply", "d.workflow.yaml");
    expect(await diff("d.workflow.yaml")).toMatchObject({ code: 0, stdout: "" });
    await cli.write("d.workflow.yaml", fileOf("differing", "task: Second"));
    const { code, stdout } = await diff("d.workflow.yaml");
    expect(code).toBe(1);
    expect(stdout).toBe('~ step one\n    config.instructions: "First" => "Second"\n');
    await done("apply", "d.workflow.yaml");
    expect(await diff("differing", "--from", "1")).toMatchObject({ code: 1, stdout });
    const same = await diff("differing", "--from", "2", "--to", "2");
    expect(same).toMatchObject({ code: 0, stdout: "" });
    const json = JSON.parse((await diff("differing", "--from", "1", "--json")).stdout);
    expect(json).toEqual({
      ...{ change: "changed", part: "step", id: "one" },
      fields: [{ field: "config.instructions", before: "First", after: "Second" }],
    });
    expect((await diff("differing")).code).toBe(2);
    expect((await diff("differing", "--from", "9")).code).toBe(3);
  });

  it("publishes and exports with a service that does not know Workflows yet", async () => {
    const front = await startUnsteadyFront(service.url, (path) =>
      path.startsWith("/workflows.ops.v1.Workflows/") ? "unknown" : "pass",
    );
    const older = { env: { ...env, WORKFLOWS_SERVER: front.baseUrl } };
    try {
      await cli.write("o.workflow.yaml", fileOf("older", "task: Do"));
      const apply = async () => (await cli.run(["apply", "o.workflow.yaml"], older)).stdout;
      expect(await apply()).toMatch(/^older: created, version 1/);
      expect(await apply()).toMatch(/^older: unchanged, version 1/);
      const exported = await cli.run(["export", "older"], older);
      expect(exported.code).toBe(0);
      expect(exported.stdout).toContain("workflow: older");
      expect(front.seen.some(({ path }) => path.endsWith("/PublishSource"))).toBe(true);
    } finally {
      await front.stop();
    }
  });

  it("publishes a file that is too large to be kept, without its text", async () => {
    const large = `${fileOf("large", "task: Large")}\n# ${"x".repeat(600_000)}\n`;
    await cli.write("l.workflow.yaml", large);
    expect(await done("apply", "l.workflow.yaml")).toMatch(/^large: created, version 1/);
    expect(await done("apply", "l.workflow.yaml")).toMatch(/^large: unchanged, version 1/);
    expect(await done("export", "large")).not.toContain("xxx");
  });

  it("shows what the service alone refuses at its place in the file", async () => {
    await cli.write(
      "s.workflow.yaml",
      fileOf("schema", "task: Do\n    output: { type: object, required: 5 }"),
    );
    const { code, stderr } = await cli.run(["apply", "s.workflow.yaml"], { env });
    expect(code).toBe(2);
    expect(stderr).toMatch(/s\.workflow\.yaml:5:13: steps\.one\.output\S*: /);
  });

  it("sends nothing when one of the files has a fault", async () => {
    await cli.write("bad.workflow.yaml", fileOf("bad", "tsak: x"));
    await cli.write("good.workflow.yaml", fileOf("good", "task: x"));
    const { code, stderr } = await cli.run(["apply", "good.workflow.yaml", "bad.workflow.yaml"], {
      env,
    });
    expect(code).toBe(2);
    expect(stderr).toContain("bad.workflow.yaml:3:3: steps.one: ");
    expect((await cli.run(["export", "good"], { env })).code).toBe(3);
  });
});

describe("the service itself", () => {
  const PATIENT = { timeout: 40_000 };

  it("is well: 0", async () => {
    await expect.poll(async () => (await cli.run(["doctor"], { env })).code, PATIENT).toBe(0);
    const rows = (await done("doctor")).split("\n").map((row) => row.split("\t"));
    expect(rows.map(([name, status]) => [name, status])).toContainEqual(["database", "OK"]);
    expect(await done("doctor", "--quiet")).toBe("");
  });

  it("is not well: 1, and what to do", async () => {
    const ill = await cluster.start({ OBJECTIVES_URL: "http://127.0.0.1:9" });
    const at = { ...env, WORKFLOWS_SERVER: ill.url };
    await cli.run(["start", "failing"], { env: at });
    await expect.poll(async () => (await cli.run(["doctor"], { env: at })).code, PATIENT).toBe(1);
    const { stdout } = await cli.run(["doctor", "--json"], { env: at });
    const checks = stdout
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line));
    expect(checks).toContainEqual({
      name: "collaborator:objectives",
      status: "CHECK_STATUS_FAIL",
      sentence: expect.stringContaining("did not answer"),
      action: expect.stringContaining("OBJECTIVES_URL"),
    });
    expect((await cli.run(["doctor", "--quiet"], { env: at })).stdout).toBe(
      "collaborator:objectives\n",
    );
    await ill.stop();
  });

  it("lists what is put aside, retries and discards it", async () => {
    expect(await done("dlq", "list")).toBe("");
    await cluster.rows(`insert into dead_letters
      (stream, subject, stream_seq, reason, problem, headers, data, workspace_id)
      values ('S', 's.x', 7, 'not_json', 'the body is not JSON', '{}', 'x', 'ws')`);
    expect(await done("dlq", "list", "--quiet")).toBe("S/7");
    const retried = await cli.run(["dlq", "retry", "S/7"], { env });
    expect(retried).toMatchObject({ code: 1, stdout: "S/7\tFAILED\tthe body is not JSON\n" });
    expect(await done("dlq", "discard", "S/7", "--reason", "a test", "--as", "ann")).toBe(
      "1 discarded",
    );
    expect(JSON.parse(await done("dlq", "list", "--settled", "--json"))).toMatchObject({
      id: "S/7",
      end: "LETTER_END_DISCARDED",
      ended_by: "unverified:ann",
      ended_via: "cli",
      end_reason: "a test",
    });
    expect((await cli.run(["dlq", "retry", "S/8"], { env })).code).toBe(3);
    expect((await cli.run(["dlq", "retry"], { env })).code).toBe(2);
    expect((await cli.run(["dlq", "lst"], { env })).stderr).toContain("list");
  });

  it("sends an event", async () => {
    const sent = await done("events", "send", "of.no.trigger", "--id", "e1", "--data", '{"n": 1}');
    expect(sent).toMatch(/^e1 SIPHON\/\d+$/);
    expect((await cli.run(["events", "push", "t"], { env })).code).toBe(2);
    expect((await cli.run(["events", "send", "t", "--data", "[]"], { env })).code).toBe(2);
  });

  it("knows who calls", async () => {
    expect(await done("whoami", "--as", "ann", "--quiet")).toBe("ann");
    expect(await done("whoami", "--as", "ann")).toContain(
      "subject\tann (the service has no authentication)",
    );
    expect(JSON.parse(await done("whoami", "--json")).rpcs).toContain(
      "workflows.ops.v1.System/Doctor",
    );
  });
});

describe("completion", () => {
  it("gives a script, and the names that a shell can take as they are", async () => {
    const workspaceId = "ws_completion";
    for (const name of ["refund", "two words", "$(rm)"]) {
      await service.workflows.createDefinition({ workspaceId, name });
    }
    const names = await done("completion", "workflows", "--workspace", workspaceId);
    expect(names).toBe("refund");
    expect(await done("completion", "runs", "--workspace", workspaceId)).toBe("");
    expect(await done("completion", "bash")).toContain("complete -F _workflows workflows");
    expect((await cli.run(["completion", "tcsh"], { env })).code).toBe(2);
  });
});

describe("runs", () => {
  it("waits for the end, and says by its code how that was", async () => {
    const ok = await cli.run(["start", "quick", "--wait", "--input", '{"a": 1}', "--json"], {
      env,
    });
    expect(ok.code).toBe(0);
    expect(JSON.parse(ok.stdout)).toMatchObject({
      state: "WORKFLOW_STATE_COMPLETED",
      input_payload: { a: 1 },
    });
    const failed = await cli.run(["start", "failing", "--wait"], { env });
    expect(failed.code).toBe(1);
    expect(failed.stdout).toMatch(/^wfr_\S+ FAILED\none\tFAILED\t/);
  });

  it("stops waiting after its time", async () => {
    const { code, stdout, stderr } = await cli.run(["start", "task", "--wait", "--timeout", "0"], {
      env,
    });
    expect(code).toBe(124);
    expect(stdout).toMatch(/RUNNING/);
    expect(stderr).toContain("it goes on: workflows runs wfr_");
  });

  it("says that the run goes on when the wait is interrupted", async () => {
    const child = cli.start(["start", "task", "--wait"], { env });
    let talk = "";
    child.stderr?.on("data", (chunk) => {
      talk += String(chunk);
      if (talk.includes("started wfr_") && !talk.includes("interrupted")) child.kill("SIGINT");
    });
    expect(await once(child, "close")).toEqual([130, null]);
    expect(talk).toMatch(/interrupted; (wfr_\S+) goes on: workflows runs \1/);
  });

  it("gives 7 for a run that is cancelled meanwhile", async () => {
    const child = cli.start(["start", "task", "--wait"], { env });
    const ended = once(child, "close");
    let talk = "";
    child.stderr?.on("data", (chunk) => {
      talk += String(chunk);
    });
    await expect.poll(() => talk, { timeout: 30_000 }).toMatch(/started wfr_/);
    await service.workflows.cancelRun({ id: /wfr_\w+/.exec(talk)?.[0] ?? "" });
    expect(await ended).toEqual([7, null]);
  });

  it("pauses, resumes, cancels and compensates", async () => {
    const id = await started();
    expect(await done("pause", id, "--reason", "audit")).toBe(`${id} PAUSED`);
    expect(await done("resume", id)).toBe(`${id} RUNNING`);
    expect(await done("cancel", id)).toBe(`${id} CANCELLED`);
    expect(await done("compensate", id)).toMatch(new RegExp(`^${id} `));
    const { code, stderr } = await cli.run(["resume", id], { env });
    expect({ code, stderr }).toMatchObject({ code: 6 });
    expect(stderr.trim().split("\n")).toHaveLength(1);
  });

  it("goes on with the other runs when one is refused, and ends with the first fault", async () => {
    const [first, ended, last] = [await started(), await started(), await started()];
    await done("cancel", ended);
    const paused = await cli.run(["pause", first, ended, "wfr_none", "nightly", last], { env });
    expect(paused.code).toBe(6);
    expect(paused.stdout).toBe(`${first} PAUSED\n${last} PAUSED\n`);
    const faults = paused.stderr.trim().split("\n");
    expect(faults).toEqual([
      expect.stringContaining(`workflows: ${ended}: `),
      expect.stringContaining("workflows: wfr_none: "),
      expect.stringContaining("workflows triggers pause nightly"),
    ]);
    const keyed = await cli.run(["resume", first, last, "--key", "k"], { env });
    expect(keyed).toMatchObject({ code: 2, stdout: "" });
    expect(await done("runs", first)).toContain("PAUSED");
  });

  it("does all of its work for a reader that is gone, and keeps its code", async () => {
    const [first, last] = [await started(), await started()];
    const child = cli.start(["cancel", first, "wfr_none", last], { env });
    child.stdout?.destroy();
    expect(await once(child, "close")).toEqual([3, null]);
    expect(await done("runs", first)).toContain("CANCELLED");
    expect(await done("runs", last)).toContain("CANCELLED");
  });

  it("prints texts of others on one line, without control characters", async () => {
    const run = await service.workflows.getRun({ id: await started() });
    await service.workflows.transitionStep({
      runId: run.run?.id ?? "",
      stepId: "one",
      state: StepRunState.FAILED,
      errorMessage: "bad\u001b[31m\r\nnews\u009b",
    });
    const shown = await done("runs", run.run?.id ?? "");
    expect(shown).toMatch(/\none\tFAILED\t.*bad \[31m news/);
    const json = await done("runs", run.run?.id ?? "", "--json");
    expect(JSON.stringify(JSON.parse(json))).toContain("news\u009b");
    const control = (text: string) =>
      [...text].filter((each) => /\p{Cc}/u.test(each) && !"\t\n".includes(each));
    expect([control(shown), control(json)]).toEqual([[], []]);
    await cli.write(
      "control.workflow.yaml",
      'workflow: a\nsteps:\n  "x\\e[31m\\ny": { tsak: 1 }\n',
    );
    const { stdout } = await cli.run(["check", "control.workflow.yaml"]);
    expect(stdout.trim().split("\n")).toHaveLength(1);
    expect(control(stdout)).toEqual([]);
  });

  it("lists runs by workflow and state, and shows one", async () => {
    const id = await started();
    const rows = await done("runs", "--workflow", "task", "--state", "running");
    expect(rows.split("\n")[0]).toMatch(new RegExp(`^${id}\ttask\t1\tRUNNING\t\\d{4}-`));
    expect(await done("runs", id)).toMatch(/^wfr_\S+ RUNNING, started .*\none\tWAITING/);
    await service.workflows.transitionStep({
      runId: id,
      stepId: "one",
      state: StepRunState.COMPLETED,
    });
    expect(JSON.parse(await done("runs", id, "--json"))).toMatchObject({
      state: "WORKFLOW_STATE_COMPLETED",
    });
    expect((await done("runs", "--quiet", "--limit", "1")).split("\n")).toHaveLength(1);
  });

  it("searches runs, page after page, and says what is no filter", async () => {
    const first = await started();
    const second = await started();
    const task = ["--workflow", "task"];
    const waiting = [...task, "--waiting-for", "task", "--since", "1h", "--quiet"];
    const found = (await done("runs", ...waiting, "--limit", "500")).trim().split("\n");
    expect(found.slice(0, 2)).toEqual([second, first]);
    expect((await done("runs", ...waiting, "--limit", "1")).trim()).toBe(second);
    expect(await done("runs", "--state", "failed,cancelled", "--error", "no such", "--json")).toBe(
      "",
    );
    expect(await done("runs", "--open-for", "2d", "--cost-from", "0.5")).toBe("");
    expect(await done("runs", "--outcome", "timed-out,compensated")).toBe("");
    expect((await cli.run(["runs", "--outcome", "lost"], { env })).stderr).toContain(
      '"lost" is no way in which a run ends',
    );
    const counted = `${await done("runs", ...task, "--waiting-for", "task", "--counts")}\n`;
    expect(counted).toMatch(new RegExp(`^total\\t\\t${found.length}\n`));
    expect(counted).toContain(`\ndefinition_id\ttask\t${found.length}\n`);
    expect(counted).toContain(`\ndefinition_version\t1\t${found.length}\n`);
    expect(counted).toContain(`\nwaiting_for\tREASON_CODE_TASK\t${found.length}\n`);
  });

  it("starts one run for one key", async () => {
    const first = await done("start", "task", "--quiet", "--key", "k1");
    expect(await done("start", "task", "--quiet", "--key", "k1")).toBe(first);
  });
});

describe("mcp", () => {
  it("serves a client over standard input and output, as the caller of the command line", async () => {
    const program = join(cli.project, "tools", "workflows.mjs");
    const transport = new StdioClientTransport({
      ...{ command: process.execPath, args: [program, "mcp", "--as", "ann"] },
      ...{ env: { PATH: process.env.PATH ?? "", HOME: cli.project, ...env }, stderr: "ignore" },
    });
    const client = new Client({ name: "test", version: "1" });
    await client.connect(transport);
    const { tools } = await client.listTools();
    expect(tools.map(({ name }) => name)).toEqual(["search", "fetch", "do"]);
    const trigger = { action: "Workflow.trigger", args: { id: "task" } };
    const { content } = await client.callTool({ name: "do", arguments: trigger });
    const [item] = content as { text: string }[];
    const { runId } = JSON.parse(item?.text ?? "").results[0].result;
    const none = await client.callTool({ name: "fetch", arguments: { id: "wfr_none" } });
    await client.close();
    expect(await done("history", runId)).toContain("rpc StartRun by unverified:ann through mcp");
    expect(none).toMatchObject({ isError: true, content: [{ text: "there is no run wfr_none" }] });
  });

  it("ends the RPC of a call that its client cancels", async () => {
    const mute = createServer();
    const asked = once(mute, "request");
    await new Promise<void>((resolve) => mute.listen(0, "127.0.0.1", resolve));
    const { port } = mute.address() as AddressInfo;
    const program = join(cli.project, "tools", "workflows.mjs");
    const transport = new StdioClientTransport({
      command: process.execPath,
      args: [program, "mcp", "--server", `http://127.0.0.1:${port}`],
      ...{ env: { PATH: process.env.PATH ?? "", HOME: cli.project }, stderr: "ignore" },
    });
    const client = new Client({ name: "test", version: "1" });
    await client.connect(transport);
    const call = { name: "fetch", arguments: { id: "wfr_any" } };
    const cancelled = new AbortController();
    const called = client.callTool(call, { signal: cancelled.signal }).catch(() => {});
    const [, response] = (await asked) as [unknown, ServerResponse];
    const ended = once(response, "close");
    cancelled.abort();
    await called;
    await ended;
    await client.close();
    mute.close();
    // By itself the RPC ends after 30 seconds.
  }, 20_000);
});

describe("explain, history and watch", () => {
  const complete = (runId: string) =>
    service.workflows.transitionStep({ runId, stepId: "one", state: StepRunState.COMPLETED });

  it("says what a run waits for", async () => {
    const id = await started();
    const [sentence, row, ...rest] = (await done("explain", id)).split("\n");
    expect(sentence).toBe("The run is RUNNING: step one waits for a person to complete it.");
    expect(row).toMatch(/^one\tTASK\t\d{4}-\S+ \S+\t\t\d{4}-\S+ \S+\tstep one waits for/);
    expect(rest).toEqual([]);
    expect(JSON.parse(await done("explain", id, "--json"))).toMatchObject({
      verdict: "RUN_VERDICT_WAITING",
      waits: [{ step_id: "one", code: "REASON_CODE_TASK" }],
    });
    expect(await done("explain", id, "--quiet")).toBe("one");
  });

  it("prints the moves of a run with their causes", async () => {
    const id = await started();
    await complete(id);
    const rows = (await done("history", id)).split("\n").map((line) => line.split("\t"));
    expect(rows.map(([, move, step, from, to]) => [move, step, from, to])).toEqual([
      ["1", "", "PENDING", "RUNNING"],
      ["1", "one", "PENDING", "RUNNING"],
      ["1", "one", "RUNNING", "WAITING"],
      ["2", "one", "WAITING", "COMPLETED"],
      ["2", "", "RUNNING", "COMPLETED"],
    ]);
    expect(rows[0]?.[5]).toMatch(/^rpc StartRun/);
    const newest = await cli.run(["history", id, "--newest", "--limit", "1", "--json"], { env });
    expect(JSON.parse(newest.stdout)).toMatchObject({ seq: "2", cause: { id: "TransitionStep" } });
    expect(newest.stderr).toContain("1 of 2 moves");
  });

  it("follows a run to its end, line by line, and gives its code", async () => {
    const id = await started();
    const child = cli.start(["watch", id], { env });
    const ended = once(child, "close");
    let lines = "";
    child.stdout?.on("data", (chunk) => {
      lines += String(chunk);
    });
    await expect.poll(() => lines, { timeout: 30_000 }).toMatch(/\tone\tRUNNING\tWAITING\t/);
    await complete(id);
    expect(await ended).toEqual([0, null]);
    expect(lines).toBe(`${await done("history", id)}\n`);
    const [last] = (await done("history", id, "--newest", "--quiet")).split("\n").slice(1);
    const after = await done("watch", id, "--json", "--after", last ?? "");
    expect(JSON.parse(after)).toMatchObject({ run_id: id, seq: "2" });
  });

  it("gives 7 for a run that is cancelled, 3 for one that there is not, and 2 for a strange cursor", async () => {
    const id = await started();
    await done("cancel", id);
    expect((await cli.run(["watch", id], { env })).code).toBe(7);
    expect((await cli.run(["watch", "wfr_none"], { env })).code).toBe(3);
    expect((await cli.run(["explain", "wfr_none"], { env })).code).toBe(3);
    expect((await cli.run(["watch", id, "--after", "x"], { env })).code).toBe(2);
  });
});

describe("rerun", () => {
  /** A run that failed in its second step; its id. */
  async function failed(): Promise<string> {
    await cli.write("rerun.workflow.yaml", RERUN);
    await done("apply", "rerun.workflow.yaml");
    const id = await done("start", "rerun", "--quiet");
    await done("complete", id, "one", "--reason", "done");
    await done("fail", id, "two", "--reason", "no bank");
    return id;
  }

  it("shows the plan, starts the run that it shows, and names that run to who reruns again", async () => {
    const id = await failed();
    expect((await done("rerun", id, "--dry-run")).split("\n")).toEqual([
      "one\treuse\t",
      "two\trun\tit was not completed",
    ]);
    expect(await done("rerun", id, "--from", "one", "--dry-run", "--quiet")).toBe("one\ntwo");
    const plan = JSON.parse(await done("rerun", id, "--dry-run", "--json"));
    expect(plan).toMatchObject({ run_id: id, version: 1 });
    const made = await done("rerun", id, "--reason", "the bank is back", "--yes", "--quiet");
    expect(made).toMatch(/^wfr_/);
    const again = await cli.run(["rerun", id, "--reason", "so", "--yes"], { env });
    expect(again.code).not.toBe(0);
    expect(again.stderr).toContain(`rerun the newer run ${made}`);
  });

  it("asks for a reason, and for --yes where nothing can be asked; it takes no key", async () => {
    const id = await failed();
    for (const [args, said] of [
      [["--yes"], "--reason is required"],
      [["--reason", "so"], "without a terminal"],
      [["--reason", "so", "--yes", "--key", "k"], "--key"],
    ] as const) {
      const { code, stderr } = await cli.run(["rerun", id, ...args], { env });
      expect({ code, stderr }).toMatchObject({ code: 2, stderr: expect.stringContaining(said) });
    }
    expect(await done("rerun", id, "--dry-run")).toContain("reuse");
  });
});

describe("previews", () => {
  it("say what would be cancelled or undone, and change nothing", async () => {
    const file =
      "workflow: undone\nsteps:\n  one: { task: Do it, undo: { task: Undo it }, next: two }\n";
    await cli.write("undone.workflow.yaml", `${file}  two: { task: Then }\n`);
    await done("apply", "undone.workflow.yaml");
    const id = await done("start", "undone", "--quiet");
    await done("complete", id, "one", "--reason", "so");
    expect((await done("cancel", id, "--preview")).split("\n")).toEqual([
      "two\tcancelled\tWAITING\t",
      "one\tkept\tCOMPLETED\tonly compensate undoes it",
    ]);
    const undo = await done("compensate", id, "--preview");
    expect(undo).toMatch(/^two\tcancelled\tWAITING\t\none\tundone \(1\)\tCOMPLETED\tby \S+$/);
    expect(await done("compensate", id, "--preview", "--quiet")).toBe("two\none");
    expect(JSON.parse(await done("cancel", id, "--preview", "--json"))).toMatchObject({
      in_flight: [{ step_id: "two" }],
    });
    expect(await done("runs", "--state", "running", "--quiet")).toContain(id);
  });
});

describe("retry, skip, complete and fail", () => {
  const given = (id: string, name: string) => done(name, id, "one", "--reason", "so");

  it("shows a held step, and begins its next attempt", async () => {
    await cli.write("held.workflow.yaml", fileOf("held", "task: Do it\n    on_error: hold"));
    await done("apply", "held.workflow.yaml");
    const id = await done("start", "held", "--quiet");
    const failed = { state: StepRunState.FAILED, errorMessage: "no form" };
    await service.workflows.transitionStep({ runId: id, stepId: "one", ...failed });
    expect(await done("inbox", "--kind", "held", "--quiet")).toBe(`${id}/one/0`);
    expect(await done("inbox", `${id}/one/0`)).toContain("no form");
    expect(await done("explain", id)).toContain("HELD");
    expect(await given(id, "retry")).toBe(`${id} one WAITING`);
    expect(await done("history", id)).toContain("rpc RetryStep through cli: so");
  });

  it.each([
    ["skip", "COMPLETED"],
    ["complete", "COMPLETED"],
    ["fail", "FAILED"],
  ])("%s ends a step, once", async (name, state) => {
    const id = await started();
    expect(await given(id, name)).toBe(`${id} one ${state}`);
    expect((await cli.run([name, id, "one", "--reason", "so"], { env })).code).toBe(6);
    expect((await cli.run([name, id, "one"], { env })).code).toBe(2);
    expect((await cli.run([name, id, "none", "--reason", "so"], { env })).code).toBe(3);
  });

  it("hands an output on", async () => {
    const id = await started();
    const output = ["--output", '{"n": 1}', "--reason", "so", "--json"];
    expect(JSON.parse(await done("skip", id, "one", ...output))).toMatchObject({
      ...{ step_id: "one", output_payload: { n: 1 } },
    });
  });
});

describe("what goes wrong ends with one sentence and its code", () => {
  test.each<[string, string[], number, string]>([
    [
      "no such workflow",
      ["start", "taks"],
      3,
      'there is no workflow "taks" in workspace ws; did you mean "task"?',
    ],
    ["no such run", ["runs", "wfr_none"], 3, "wfr_none"],
    [
      "no such version",
      ["export", "task", "--version", "99"],
      3,
      'workflow "task" has no version 99',
    ],
    ["no such file", ["check", "none.yaml"], 2, "cannot read none.yaml: there is no such file"],
    ["no such state", ["runs", "--state", "runing"], 2, 'did you mean "RUNNING"?'],
    ["no such format", ["graph", "task", "--format", "png"], 2, "use text, mermaid, dot"],
    ["no JSON", ["start", "task", "--input", "{a"], 2, "the input is no JSON"],
    ["no object", ["start", "task", "--input", "[1]"], 2, "the input must be a JSON object"],
    ["no wait", ["runs", "--waiting-for", "aproval"], 2, 'did you mean "APPROVAL"?'],
    ["no time", ["runs", "--since", "yesterday"], 2, '"yesterday" is no time such as'],
    ["no cost", ["runs", "--cost-from", "cheap"], 2, '"cheap" is no cost in USD'],
    ["a wait of Explain", ["runs", "--waiting-for", "breaker_open"], 2, "runs are searched by"],
    ["no number", ["runs", "--limit", "many"], 2, '--limit "many" is no whole number above 0'],
    ["no int32", ["runs", "--limit", "2147483648"], 2, '"2147483648" is above 2147483647'],
    ["no such command", ["rnus"], 2, "(Did you mean runs?)"],
    ["no such option", ["runs", "--limt", "1"], 2, "(Did you mean --limit?)"],
    [
      "no argument",
      ["start"],
      2,
      "workflows: missing required argument 'workflow'\nworkflows start --help shows how",
    ],
    [
      "too many arguments",
      ["schedules", "create", "a", "b"],
      2,
      "workflows schedules --help shows",
    ],
    ["a workflow where a run is meant", ["pause", "task"], 3, "workflows triggers pause task"],
    ["a misspelt workflow", ["drafts", "get", "taks"], 3, 'did you mean "task"?'],
    ["two waits", ["start", "task", "--watch", "--wait"], 2, "leave out --wait and --timeout"],
    ["no URL", ["runs", "--server", "localhost:8080"], 2, "is no URL such as"],
    [
      "nothing listens",
      ["runs", "--server", "http://127.0.0.1:1"],
      5,
      "cannot reach http://127.0.0.1:1: nothing listens there",
    ],
    ["no such profile", ["runs", "--profile", "prod"], 2, 'there is no profile "prod"'],
    ["no workspace", ["runs", "--workspace", ""], 2, "no workspace is given: use --workspace NAME"],
  ])("%s", async (_, args, code, words) => {
    const ended = await cli.run(args, { env });
    expect(ended).toMatchObject({ code, stdout: "" });
    expect(ended.stderr).toContain(words);
    expect(ended.stderr.trim().split("\n").length).toBeLessThanOrEqual(2);
  });

  test.each<[string, (server: Server) => void]>([
    [
      "a web page",
      (server) =>
        server.on("request", (_, response) =>
          response.setHeader("content-type", "text/html").end("<html>"),
        ),
    ],
    [
      "another API",
      (server) =>
        server.on("request", (_, response) =>
          response.writeHead(404, { "content-type": "application/json" }).end("{}"),
        ),
    ],
    [
      "JSON of something else",
      (server) =>
        server.on("request", (_, response) =>
          response.setHeader("content-type", "application/json").end("[1]"),
        ),
    ],
    ["a connection that closes", (server) => server.on("connection", (socket) => socket.destroy())],
  ])("%s at the address", async (_, answer) => {
    const server = createServer();
    answer(server);
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const { port } = server.address() as AddressInfo;
    const ended = await cli.run(["runs", "--server", `http://127.0.0.1:${port}`], { env });
    server.close();
    expect(ended).toMatchObject({ code: 5, stdout: "" });
    expect(ended.stderr).toMatch(/answers, but not as a workflow service|cannot reach/);
    expect(ended.stderr.trim().split("\n")).toHaveLength(1);
  });

  it("a server that never answers", async () => {
    expect(await ofSilent).toMatchObject({
      ...{ code: 5, stdout: "" },
      stderr: expect.stringMatching(/^workflows: http:\S+ did not answer within 30 s\n$/),
    });
  });

  it.each([
    ["watch", "wfr_a"],
    ["inbox", "--watch"],
  ])("%s of a web page ends with the first answer", async (...args) => {
    let asked = 0;
    const server = createServer((_, response) => {
      asked += 1;
      response.setHeader("content-type", "text/html").end("<html>");
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const { port } = server.address() as AddressInfo;
    const ended = await cli.run([...args, "--server", `http://127.0.0.1:${port}`], { env });
    server.close();
    expect(ended).toMatchObject({ code: 5, stdout: "" });
    expect(ended.stderr).toContain("answers, but not as a workflow service");
    expect(asked).toBe(1);
  });

  it.each([
    ["explain", "wfr_a"],
    ["watch", "wfr_a"],
    ["inbox"],
    ["retry", "wfr_a", "one", "--reason", "so"],
  ])("%s at a service of an older release", async (...args) => {
    const front = await startUnsteadyFront(service.url, () => "unknown");
    try {
      const ended = await cli.run([...args, "--server", front.baseUrl], { env });
      expect(ended).toMatchObject({ code: 5, stdout: "" });
      expect(ended.stderr).toMatch(
        /^workflows: http\S+ is of an older release: there is no RPC workflows\.\S+\n$/,
      );
      expect(front.seen).toHaveLength(1);
    } finally {
      await front.stop();
    }
  });

  it("ends quietly when the reader of its output is gone", async () => {
    const child = cli.start(["runs", "--json"], { env });
    child.stdout?.destroy();
    let talk = "";
    child.stderr?.on("data", (chunk) => {
      talk += String(chunk);
    });
    expect(await once(child, "close")).toEqual([0, null]);
    expect(talk).toBe("");
  });
});

describe("profiles", () => {
  it("are used unless a variable or a flag says otherwise", async () => {
    const config = `profile: here\nprofiles:\n  here: { server: "${service.url}", workspace: ws }\n  away: { server: "http://127.0.0.1:1" }\n`;
    await cli.write(".config/workflows/config.yaml", config);
    expect((await cli.run(["runs"])).code).toBe(0);
    expect((await cli.run(["runs", "--profile", "away"])).code).toBe(5);
    expect((await cli.run(["runs", "--profile", "away"], { env })).code).toBe(0);
    expect((await cli.run(["runs", "--server", "http://127.0.0.1:1"], { env })).code).toBe(5);
    const unknown = await cli.run(["runs", "--profile", "hree"]);
    expect(unknown).toMatchObject({ code: 2 });
    expect(unknown.stderr).toContain('has no profile "hree"; did you mean "here"?');
    await cli.write(
      ".config/workflows/config.yaml",
      "profiles:\n  here: { sever: x }\nprofile: here\n",
    );
    expect((await cli.run(["runs"])).stderr).toContain(
      'unknown key "sever"; did you mean "server"?',
    );
  });
});
