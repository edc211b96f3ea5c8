/**
 * The list of paths at the end of docs/api.md, made from gen/openapi.json, which is made from the protos.
 * Boundary: what stands above the mark is written by hand, and its commands are run by test/docs/pages.test.ts.
 */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { API_ROOT } from "../src/ingress/rpc/rest/routes.ts";
import { projectRoot } from "./run-command.ts";

interface Operation {
  readonly summary: string;
  readonly "x-rpc": string;
}

interface Document {
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
}

const MARK = /<!-- From here on .* -->\n/;

/** The text of docs/api.md. */
export async function apiPage(): Promise<string> {
  const page = await readFile(join(projectRoot, "docs/api.md"), "utf8");
  const mark = MARK.exec(page);
  if (mark === null) throw new Error("docs/api.md has no mark where its list begins");
  const text = await readFile(join(projectRoot, "gen/openapi.json"), "utf8");
  const document: Document = JSON.parse(text);
  return `${page.slice(0, mark.index + mark[0].length)}\n${listOf(document)}\n`;
}

function listOf({ paths }: Document): string {
  const nouns = new Map<string, string[]>();
  for (const [path, operations] of Object.entries(paths)) {
    if (!path.startsWith(`${API_ROOT}/`)) continue;
    const short = path.slice(API_ROOT.length);
    const noun = /^\/([\w-]+)/.exec(short)?.[1] ?? "";
    const rows = Object.entries(operations).map(([method, { summary, "x-rpc": rpc }]) => {
      const name = rpc.replace(/^.*\.(?=\w+\/)/, "").replace("/", ".");
      return `| \`${method.toUpperCase()} ${short}\` | \`${name}\` | ${summary} |`;
    });
    nouns.set(noun, [...(nouns.get(noun) ?? []), ...rows]);
  }
  return [...nouns]
    .map(([noun, rows]) =>
      [`### ${noun}`, "", "| request | RPC | does |", "| --- | --- | --- |", ...rows].join("\n"),
    )
    .join("\n\n");
}
