/** `workflows runs --watch` as a process, against the real service. */
import { once } from "node:events";
import { createInterface } from "node:readline";
import { afterAll, beforeAll, expect, it } from "vitest";
import { type CommandLine, compileCommandLine } from "../../support/services/cli.ts";
import { type Cluster, startCluster } from "../../support/services/replicas.ts";

const FILE = "workflow: task\nsteps:\n  one:\n    task: Do it\n";
let cli: CommandLine;
let cluster: Cluster;
let env: Record<string, string>;

beforeAll(async () => {
  [cli, cluster] = await Promise.all([compileCommandLine(), startCluster()]);
  const service = await cluster.start();
  env = { WORKFLOWS_SERVER: service.url, WORKFLOWS_WORKSPACE: "ws", USER: "sam" };
  await cli.write("task.workflow.yaml", FILE);
  await done("apply", "task.workflow.yaml");
});
afterAll(async () => {
  await cluster?.stop();
  await cli?.remove();
});

async function done(...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await cli.run(args, { env });
  expect({ args, code, stderr }).toMatchObject({ code: 0 });
  return stdout.trim();
}

it("lists runs, follows those that are open, and ends when all have ended", async () => {
  const [ended, first, second] = [
    await done("start", "task", "--quiet"),
    await done("start", "task", "--quiet"),
    await done("start", "task", "--quiet"),
  ];
  await done("complete", `${ended}/one/1`);
  const watch = cli.start(["runs", "--watch", "--json"], { env });
  const exited = once(watch, "exit");
  if (watch.stdout === null) throw new Error("the command has no output");
  const lines: { run?: { id: string; state: string }; move?: { run_id: string } }[] = [];
  for await (const line of createInterface({ input: watch.stdout })) {
    lines.push(JSON.parse(line));
    if (lines.length === 3) {
      await done("complete", `${second}/one/1`);
      await done("complete", `${first}/one/1`);
    }
  }
  expect(await exited).toEqual([0, null]);
  expect(lines.slice(0, 3).map(({ run }) => run?.id)).toEqual([second, first, ended]);
  // An end that came before the stream began is told by its state.
  const ends = lines.slice(3).map(({ move, run }) => move?.run_id ?? run?.id);
  expect(ends.sort()).toEqual([first, second].sort());
});

it("says what it does not follow", async () => {
  expect((await cli.run(["runs", "--watch", "--counts"], { env })).code).toBe(2);
  const one = await cli.run(["runs", "wfr_x", "--watch"], { env });
  expect(one).toMatchObject({ code: 2, stderr: expect.stringContaining("watch wfr_x") });
  const none = await cli.run(["runs", "--watch", "--state", "completed"], { env });
  expect(none).toMatchObject({ code: 0, stderr: expect.stringContaining("none of these runs") });
});
