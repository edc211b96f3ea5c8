/** What is loaded when it is first needed: the service and the help of the command line start without it. */
import { build } from "esbuild";
import { expect, test } from "vitest";
import { projectRoot } from "../../tools/run-command.ts";

/** Files that an entry loads at its start, by the static imports of its sources. */
async function loadedByStart(entry: string): Promise<string[]> {
  const { metafile } = await build({
    ...{ entryPoints: [entry], absWorkingDir: projectRoot, bundle: true, write: false },
    ...{ metafile: true, platform: "node", format: "esm", logLevel: "silent" },
    external: ["pg-native"],
  });
  const loaded = new Set([entry]);
  for (const path of loaded) {
    const { imports = [] } = metafile.inputs[path] ?? {};
    for (const { kind, path: to } of imports) if (kind !== "dynamic-import") loaded.add(to);
  }
  return [...loaded];
}

test.each(["src/main.ts", "src/cli/main.ts"])("%s loads no package of MCP", async (entry) => {
  const loaded = await loadedByStart(entry);
  expect(loaded.length).toBeGreaterThan(20);
  expect(loaded.filter((path) => path.includes("@modelcontextprotocol"))).toEqual([]);
});
