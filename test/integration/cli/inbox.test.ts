/** The commands of the inbox as processes, against the real service. */
import { once } from "node:events";
import { createInterface } from "node:readline";
import { afterAll, beforeAll, expect, it } from "vitest";
import { type CommandLine, compileCommandLine } from "../../support/services/cli.ts";
import { type Cluster, startCluster } from "../../support/services/replicas.ts";

const FILE = "workflow: task\nsteps:\n  one:\n    task: Do it\n    assignee: ann\n";
let cli: CommandLine;
let cluster: Cluster;
let env: Record<string, string>;

beforeAll(async () => {
  [cli, cluster] = await Promise.all([compileCommandLine(), startCluster()]);
  const service = await cluster.start();
  env = { WORKFLOWS_SERVER: service.url, WORKFLOWS_WORKSPACE: "ws" };
  await cli.write("task.workflow.yaml", FILE);
  await done("apply", "task.workflow.yaml");
});
afterAll(async () => {
  await cluster?.stop();
  await cli?.remove();
});

/** Runs a command that must succeed; its standard output. */
async function done(...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await cli.run(args, { env });
  expect({ args, code, stderr }).toMatchObject({ code: 0 });
  return stdout.trim();
}

/** The open item of a new run. */
async function started(): Promise<string> {
  return `${await done("start", "task", "--quiet")}/one/1`;
}

async function codeOf(...args: string[]): Promise<number | null> {
  return (await cli.run(args, { env })).code;
}

it("claims and releases an item, with reasons", async () => {
  const id = await started();
  expect(await done("claim", id, "--as", "ann", "--reason", "mine")).toBe(`${id} CLAIMED`);
  expect(await codeOf("delegate", id, "bob", "--as", "bob")).toBe(4);
  expect(await done("release", id, "--as", "ann", "--reason", "no time")).toBe(`${id} OPEN`);
  const shown = await done("inbox", id);
  expect(shown).toMatch(/ unverified:ann claimed through cli mine$/m);
  expect(shown).toMatch(/ unverified:ann released through cli no time$/m);
});

it("delegates an item to another person, who alone acts on it", async () => {
  const id = await started();
  const delegated = await done("delegate", id, "bob", "--as", "ann", "--reason", "away", "--json");
  expect(JSON.parse(delegated)).toMatchObject({ id, assignee: "bob" });
  expect(await codeOf("complete", id, "--as", "ann")).toBe(4);
  expect(await done("inbox", "--mine", "--as", "bob", "--quiet")).toBe(id);
  expect(await done("inbox", id)).toMatch(/ unverified:ann delegated bob through cli away$/m);
  expect(await done("complete", id, "--as", "bob")).toBe(`${id} DONE`);
  expect(await codeOf("claim", id, "--as", "ann")).toBe(6);
});

it("comments an item, once for a key, on a line of its own", async () => {
  const id = await started();
  for (let tries = 0; tries < 2; tries += 1) {
    await done("comment", id, "where is\nthe bill?", "--as", "cid", "--key", "first");
  }
  const { notes } = JSON.parse(await done("inbox", id, "--json"));
  expect(notes).toMatchObject([
    { kind: "NOTE_KIND_COMMENTED", by: "unverified:cid", text: "where is\nthe bill?" },
  ]);
  const lines = (await done("inbox", id)).split("\n");
  expect(lines.filter((line) => line.includes("commented"))).toHaveLength(1);
  expect(await codeOf("comment", id, "", "--as", "cid")).toBe(2);
  expect(await codeOf("comment", "wfr_none/one/1", "so", "--as", "cid")).toBe(3);
});

it("watches the inbox of a person until it is interrupted", async () => {
  const watch = cli.start(["inbox", "--watch", "--mine", "--as", "dan", "--json"], { env });
  const ended = once(watch, "exit");
  if (watch.stdout === null) throw new Error("the command has no output");
  const lines = createInterface({ input: watch.stdout })[Symbol.asyncIterator]();
  const next = async () => JSON.parse((await lines.next()).value ?? "{}");
  const id = await started();
  await done("delegate", id, "dan", "--as", "ann");
  expect(await next()).toMatchObject({ item: { id, state: "ITEM_STATE_OPEN", assignee: "dan" } });
  await done("claim", id, "--as", "dan");
  expect(await next()).toMatchObject({ item: { id, state: "ITEM_STATE_CLAIMED" } });
  await done("complete", id, "--as", "dan");
  expect(await next()).toEqual({ gone: id });
  watch.kill("SIGINT");
  expect((await ended)[0]).toBe(130);
});
