/**
 * The pages that readers follow command by command: what a page shows is what the service and the command line print.
 *
 * A `console` block is run, each `$ ` line in the one shell of its page, and its output is compared, but for ids, times and durations.
 * A block with `file=NAME` is written to that file first. `DOCS_UPDATE=1 npm test -- docs` writes what is printed into the pages.
 *
 * Boundary: the service and the command line as processes, with APPROVALS_URL=builtin and NOTIFICATIONS_URL=builtin and nothing else.
 */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Block, readBlocks, wordOf, writeBlocks } from "../support/docs/page.ts";
import {
  type KnownIds,
  normalise,
  readSession,
  renderScreen,
  type Shown,
  writeSession,
} from "../support/docs/session.ts";
import { type Shell, startShell } from "../support/docs/shell.ts";
import { type CommandLine, compileCommandLine } from "../support/services/cli.ts";
import { type Cluster, startCluster } from "../support/services/replicas.ts";

const PAGES = ["getting-started.md", "writing-workflows.md"];
/** Commands that change nothing: they are run again until they print what the page shows, for decisions and timers take their time. */
const READS = /^npx workflows (?:inbox|runs|explain|history)\b/;
const PATIENCE_MS = 20_000;
const AGAIN_MS = 100;
const SETTLED_MS = 2_000;
const IS_UPDATE = process.env.DOCS_UPDATE !== undefined;

let cli: CommandLine;
let cluster: Cluster;
let server: string;

beforeAll(async () => {
  [cli, cluster] = await Promise.all([compileCommandLine(), startCluster()]);
  const owners = { APPROVALS_URL: "builtin", NOTIFICATIONS_URL: "builtin" };
  server = (await cluster.start(owners)).url;
});
afterAll(async () => {
  await cluster?.stop();
  await cli?.remove();
});

describe.each(PAGES)("%s", (page) => {
  const blocks = readBlocks(page);
  const printed = new Map<Block, string>();
  let folder: string;
  let shell: Shell;
  let shownIds: KnownIds = new Map();
  let seenIds: KnownIds = new Map();
  let isChanged = false;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "workflows-docs-"));
    const program = join(cli.project, "tools", "workflows.mjs");
    shell = await startShell(folder, program, { WORKFLOWS_SERVER: server, USER: "sam" });
  });
  afterAll(async () => {
    await shell?.stop();
    await rm(folder, { recursive: true, force: true });
    if (IS_UPDATE && isChanged) writeBlocks(page, printed);
  });

  for (const block of blocks) {
    const name = wordOf(block, "file");
    if (name !== undefined) it(`${block.heading}: ${name}`, () => write(name, block));
    else if (block.info[0] === "console")
      it(`${block.heading}, line ${block.line}`, () => play(block));
  }

  it("every file passes `workflows check`, without a warning", async () => {
    const files = blocks.filter(({ info }) => info[0] === "yaml");
    await Promise.all(files.map((block) => write(`${block.line}.checked.yaml`, block)));
    const said = (await shell.run("npx workflows check *.checked.yaml")).trimEnd().split("\n");
    const isOk = expect.stringMatching(/^\d+\.checked\.yaml: ok, \d+ steps?$/);
    expect(said).toEqual(files.map(() => isOk));
  });

  async function write(name: string, { text }: Block): Promise<void> {
    await writeFile(join(folder, name), `${text}\n`);
  }

  async function play(block: Block): Promise<void> {
    const seen: Shown[] = [];
    for (const shown of readSession(block.text)) {
      const output = await outputOf(shown);
      seen.push({ command: shown.command, output: output.trimEnd() });
    }
    printed.set(block, writeSession(seen));
  }

  /** Runs a command until it prints what is shown, once if it changes something. */
  async function outputOf({ command, output }: Shown): Promise<string> {
    const wanted = normalise(output, shownIds);
    shownIds = wanted.ids;
    const giveUpAt = performance.now() + (IS_UPDATE && output === "" ? 0 : PATIENCE_MS);
    for (;;) {
      const screen = renderScreen(await shell.run(command));
      const found = normalise(screen, seenIds);
      if (found.text === wanted.text) {
        seenIds = found.ids;
        return screen;
      }
      if (READS.test(command) && performance.now() < giveUpAt) await pause(AGAIN_MS);
      else if (IS_UPDATE) return changed(command, screen);
      else expect(found.text, `$ ${command}`).toBe(wanted.text);
    }
  }

  async function changed(command: string, screen: string): Promise<string> {
    isChanged = true;
    const settled = READS.test(command) ? await settle(command, screen) : screen;
    seenIds = normalise(settled, seenIds).ids;
    return settled;
  }

  /** What a command prints when nothing moves any more. */
  async function settle(command: string, screen: string): Promise<string> {
    let last = screen;
    let since = performance.now();
    while (performance.now() - since < SETTLED_MS) {
      const next = renderScreen(await shell.run(command));
      if (next !== last) since = performance.now();
      last = next;
    }
    return last;
  }
});
