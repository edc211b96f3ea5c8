/**
 * The pages that readers follow command by command: what a page shows is what the service and the command line print.
 *
 * A `console` block is run, each `$ ` line in the one shell of its page, and its output is compared, but for ids, times and durations.
 * A block with `file=NAME` is written to that file first. A block with `tool=NAME` is a call of MCP, whose answer the next one shows.
 * `DOCS_UPDATE=1 npm test -- docs` writes what is printed into the pages.
 *
 * Boundary: the service and the command line as processes, with APPROVALS_URL=builtin and NOTIFICATIONS_URL=builtin and nothing else.
 */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import {
  isMcpAnswer,
  isMcpCall,
  isMcpRead,
  type McpPage,
  openMcpPage,
} from "../support/docs/mcp-blocks.ts";
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

const PAGES = ["getting-started.md", "writing-workflows.md", "mcp.md", "api.md"];
/** Of the calls of MCP on a page. */
const MCP_WORKSPACE = "ws_mcp";
/** Commands that change nothing: they are run again until they print what the page shows, for decisions and timers take their time. */
const READS = /^npx workflows (?:inbox|runs|explain|history)\b|^curl -s "?\$API\S*(?: \||$)/;
const PATIENCE_MS = 20_000;
const AGAIN_MS = 100;
const SETTLED_MS = 2_000;
const IS_UPDATE = process.env.DOCS_UPDATE !== undefined;

/** What prints something that a page shows. */
interface Printer {
  readonly name: string;
  /** It changes nothing. */
  readonly isRead: boolean;
  print(): Promise<string>;
}

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
  let mcp: McpPage | undefined;
  let shownIds: KnownIds = new Map();
  let seenIds: KnownIds = new Map();
  let isChanged = false;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "workflows-docs-"));
    const program = join(cli.project, "tools", "workflows.mjs");
    shell = await startShell(folder, program, { WORKFLOWS_SERVER: server, USER: "sam" });
  });
  afterAll(async () => {
    await Promise.all([shell?.stop(), mcp?.stop()]);
    await rm(folder, { recursive: true, force: true });
    if (IS_UPDATE && isChanged) writeBlocks(page, printed);
  });

  for (const [at, block] of blocks.entries()) {
    const name = wordOf(block, "file");
    const answer = blocks[at + 1];
    if (name !== undefined) it(`${block.heading}: ${name}`, () => write(name, block));
    else if (block.info[0] === "console")
      it(`${block.heading}, line ${block.line}`, () => play(block));
    else if (isMcpCall(block))
      it(`${block.heading}, line ${block.line}`, () => callTool(block, answer));
  }

  const files = blocks.filter(({ info }) => info[0] === "yaml");
  if (files.length > 0) it("every file passes `workflows check`, without a warning", checkFiles);

  async function checkFiles(): Promise<void> {
    await Promise.all(files.map((block) => write(`${block.line}.checked.yaml`, block)));
    const said = (await shell.run("npx workflows check *.checked.yaml")).trimEnd().split("\n");
    const isOk = expect.stringMatching(/^\d+\.checked\.yaml: ok, \d+ steps?(; .+)?$/);
    expect(said).toEqual(files.map(() => isOk));
  }

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

  async function callTool(block: Block, answer: Block | undefined): Promise<void> {
    if (answer === undefined || !isMcpAnswer(answer))
      throw new Error("a call has no answer below it");
    mcp ??= await openMcpPage(server, MCP_WORKSPACE);
    const { call } = mcp;
    const text = withSeenIds(block.text);
    if (IS_UPDATE) printed.set(block, text);
    const made = { print: () => call(block, text), isRead: isMcpRead(block), name: text };
    printed.set(answer, await matched(made, answer.text));
  }

  /** A text of the page with the ids that stand for those that it shows. */
  function withSeenIds(text: string): string {
    const seen = new Map([...seenIds].map(([id, name]) => [name, id]));
    return [...shownIds].reduce(
      (made, [id, name]) => made.replaceAll(id, seen.get(name) ?? id),
      text,
    );
  }

  /** Runs a command until it prints what is shown, once if it changes something. */
  function outputOf({ command, output }: Shown): Promise<string> {
    const print = async () => renderScreen(await shell.run(command));
    return matched({ print, isRead: READS.test(command), name: `$ ${command}` }, output);
  }

  async function matched(made: Printer, output: string): Promise<string> {
    const wanted = normalise(output, shownIds);
    shownIds = wanted.ids;
    const giveUpAt = performance.now() + (IS_UPDATE && output === "" ? 0 : PATIENCE_MS);
    for (;;) {
      const screen = await made.print();
      const found = normalise(screen, seenIds);
      if (found.text === wanted.text) {
        seenIds = found.ids;
        return screen;
      }
      if (made.isRead && performance.now() < giveUpAt) await pause(AGAIN_MS);
      else if (IS_UPDATE) return changed(made, screen);
      else expect(found.text, made.name).toBe(wanted.text);
    }
  }

  async function changed(made: Printer, screen: string): Promise<string> {
    isChanged = true;
    const settled = made.isRead ? await settle(made, screen) : screen;
    seenIds = normalise(settled, seenIds).ids;
    return settled;
  }

  /** What is printed when nothing moves any more. */
  async function settle({ print }: Printer, screen: string): Promise<string> {
    let last = screen;
    let since = performance.now();
    while (performance.now() - since < SETTLED_MS) {
      const next = await print();
      if (next !== last) since = performance.now();
      last = next;
    }
    return last;
  }
});
