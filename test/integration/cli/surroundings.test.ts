/** The shipped command line and what it finds around it: config files, secrets, devices, its own sources. Without the service. */
import { once } from "node:events";
import { readdir, readFile, stat, utimes, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it, test } from "vitest";
import { type CommandLine, compileCommandLine } from "../../support/services/cli.ts";

const NOBODY = "http://127.0.0.1:1";
let cli: CommandLine;

beforeAll(async () => {
  cli = await compileCommandLine();
});
afterAll(() => cli?.remove());

describe("a config file", () => {
  const env = { XDG_CONFIG_HOME: "config" };

  it("names the service of a command", async () => {
    await cli.write(
      "config/workflows/config.yaml",
      `profile: here\nprofiles:\n  here: { server: "${NOBODY}" }\n`,
    );
    const ended = await cli.run(["runs"], { env });
    expect(ended).toMatchObject({ code: 5, stdout: "" });
    expect(ended.stderr).toContain(`cannot reach ${NOBODY}`);
  });

  it("is refused with its place when it is no YAML", async () => {
    await cli.write("config/workflows/config.yaml", "profile: [here\n");
    const ended = await cli.run(["runs"], { env });
    expect(ended).toMatchObject({ code: 2, stdout: "" });
    expect(ended.stderr).toMatch(/config\.yaml: .* at line \d/);
  });
});

describe("a secret is not printed", () => {
  const SECRET = "s3cret";
  const token = (content: string) => ({ "token.txt": content });

  test.each<[string, string[], Record<string, string>, Record<string, string>, number]>([
    ["a token of two lines", ["--token-file", "token.txt"], token(`${SECRET}\nmore\n`), {}, 2],
    ["a token with a word", ["--token-file", "token.txt"], token(`${SECRET} é`), {}, 2],
    ["a token of the environment", [], {}, { WORKFLOWS_TOKEN: `${SECRET}\nmore` }, 2],
    ["a token that is sent", ["--token-file", "token.txt"], token(`${SECRET}\n`), {}, 5],
    ["a password of the server", ["--server", `http://bob:${SECRET}@127.0.0.1:1`], {}, {}, 5],
    ["a password without a scheme", ["--server", `bob:${SECRET}@127.0.0.1:1`], {}, {}, 2],
    ["a password of no URL", ["--server", `http://bob:x@${SECRET}@no host`], {}, {}, 2],
  ])("%s", async (_, args, files, env, code) => {
    for (const [name, content] of Object.entries(files)) await cli.write(name, content);
    const ended = await cli.run(["runs", ...args], { env: { WORKFLOWS_SERVER: NOBODY, ...env } });
    expect(ended).toMatchObject({ code, stdout: "" });
    expect(ended.stderr).not.toContain(SECRET);
    expect(ended.stderr.trim().split("\n")).toHaveLength(1);
  });

  it("nor a key that no header can hold", async () => {
    const args = ["pause", "wfr_a", "--server", NOBODY, "--key", `${SECRET}\nmore`];
    const ended = await cli.run(args);
    expect(ended).toMatchObject({ code: 2, stdout: "" });
    expect(ended.stderr).toBe("workflows: --key must be one line of ASCII without spaces\n");
  });

  it("when something else answers at the address", async () => {
    const server = createServer((_, response) => response.writeHead(503).end());
    await once(server.listen(0, "127.0.0.1"), "listening");
    const { port } = server.address() as AddressInfo;
    const ended = await cli.run(["runs", "--server", `http://bob:${SECRET}@127.0.0.1:${port}`]);
    server.close();
    expect(ended).toMatchObject({ code: 5, stdout: "" });
    expect(ended.stderr).toContain("http://bob:***@127.0.0.1");
    expect(ended.stderr).not.toContain(SECRET);
  });
});

describe("a device without an end", () => {
  test.each([
    [["check", "/dev/zero"], "stdout"],
    [["start", "a", "--input-file", "/dev/zero"], "stderr"],
    [["runs", "--token-file", "/dev/zero"], "stderr"],
  ] as const)("%j says the limit", async (args, stream) => {
    const ended = await cli.run(args, { env: { WORKFLOWS_SERVER: NOBODY } });
    expect(ended.code).toBe(2);
    expect(ended[stream]).toMatch(/more than the limit of \d+ bytes/);
  });
});

describe("a file that is not UTF-8", () => {
  const LATIN = new Uint8Array([...Buffer.from('{"name": "caf'), 0xe9, ...Buffer.from('"}')]);

  test.each([
    [["check", "l.json"], "stdout", "l.json:1:14: the file is not UTF-8 from here on"],
    [["start", "a", "--input-file", "l.json"], "stderr", "workflows: the input is not UTF-8"],
    [["runs", "--token-file", "l.json"], "stderr", "workflows: the token is not UTF-8"],
  ] as const)("%j says so", async (args, stream, words) => {
    await cli.write("l.json", LATIN);
    const ended = await cli.run(args, { env: { WORKFLOWS_SERVER: NOBODY } });
    expect(ended.code).toBe(2);
    expect(ended[stream]).toContain(words);
    expect(ended[stream].trim().split("\n")).toHaveLength(1);
  });
});

describe("what a command loads", () => {
  const STATIC = /^(?:import|export)\b[^"\n]*?"\.\/([^"]+)"|^\} from "\.\/([^"]+)"/gm;
  let folder: string;
  beforeAll(() => {
    folder = join(cli.project, "dist", "cli");
  });

  /** The bytes that node reads before a file runs: its own, and those of all that it imports. */
  async function load(file: string, seen: Map<string, number>): Promise<Map<string, number>> {
    if (seen.has(file)) return seen;
    const text = await readFile(join(folder, file), "utf8");
    seen.set(file, text.length);
    for (const [, one, other] of text.matchAll(STATIC)) await load(one ?? other ?? "", seen);
    return seen;
  }
  const bytesOf = (seen: ReadonlyMap<string, number>) =>
    [...seen.values()].reduce((sum, bytes) => sum + bytes, 0);

  // With these sizes --help took 0.14 s and runs 0.25 s, of which node itself took 0.1 s.
  it("is little for --help, and no more than the calls need for runs", async () => {
    const ofHelp = await load("main.mjs", new Map());
    expect(bytesOf(ofHelp)).toBeLessThan(200_000);
    const names = await readdir(folder);
    const runs = names.find((name) => name.startsWith("runs-")) ?? "";
    const ofRuns = await load(runs, ofHelp);
    expect(bytesOf(ofRuns)).toBeGreaterThan(200_000);
    expect(bytesOf(ofRuns)).toBeLessThan(650_000);
  });
});

describe("a clone", () => {
  it("runs what its sources say after they changed", async () => {
    const path = join(cli.project, "src/cli/commands.ts");
    const before = await cli.run(["--help"]);
    expect(before.stdout).not.toContain("changed words");
    const { COMMANDS } = await import("../../../src/cli/commands.ts");
    const about = COMMANDS[0]?.about ?? "";
    await writeFile(path, (await readFile(path, "utf8")).replace(about, "changed words"));
    expect((await cli.run(["--help"])).stdout).toContain("changed words");
    // What was compared once is no reason to compile again.
    const main = join(cli.project, "dist/cli/main.mjs");
    await utimes(main, 1, 1);
    await cli.run(["--help"]);
    expect((await stat(main)).mtimeMs).toBe(1_000);
  });

  it("is compiled by several commands at once, each of which runs", async () => {
    await writeFile(join(cli.project, "dist/service/sources.sha256"), "others");
    await utimes(join(cli.project, "dist/service/sources.sha256"), 1, 1);
    const all = await Promise.all([1, 2, 3, 4].map(() => cli.run(["check", "none.yaml"])));
    const expected = "workflows: cannot read none.yaml: there is no such file\n";
    expect(all.map(({ stderr }) => stderr)).toEqual(Array(4).fill(expected));
  });
});
