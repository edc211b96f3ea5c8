/**
 * The pages of docs/ as their fenced blocks.
 * Boundary: text; what a block means is in session.ts.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { projectRoot } from "../../../tools/run-command.ts";

/** A fenced block. */
export interface Block {
  /** The heading above it. */
  readonly heading: string;
  /** The number of its first line inside the fence, from 1. */
  readonly line: number;
  /** The words after the fence: the language first. */
  readonly info: readonly string[];
  readonly text: string;
}

const FENCE = "```";

/** All blocks of a page of docs/, in order. */
export function readBlocks(page: string): Block[] {
  const blocks: Block[] = [];
  const lines = readFileSync(pathOf(page), "utf8").split("\n");
  let heading = "";
  let open: { line: number; info: string[] } | undefined;
  for (const [at, line] of lines.entries()) {
    if (open !== undefined && line === FENCE) {
      const text = lines.slice(open.line - 1, at).join("\n");
      blocks.push({ heading, ...open, text });
      open = undefined;
    } else if (open === undefined && line.startsWith(FENCE)) {
      open = { line: at + 2, info: line.slice(FENCE.length).trim().split(/\s+/) };
    } else if (open === undefined && line.startsWith("#")) heading = line.replace(/^#+ /, "");
  }
  return blocks;
}

/** The value of `NAME=VALUE` among the words after a fence. */
export function wordOf({ info }: Block, name: string): string | undefined {
  return info.find((word) => word.startsWith(`${name}=`))?.slice(name.length + 1);
}

/** Writes the texts of blocks into their page. */
export function writeBlocks(page: string, texts: ReadonlyMap<Block, string>): void {
  const lines = readFileSync(pathOf(page), "utf8").split("\n");
  // From the last block up, so that the lines of those above stay where they are.
  for (const [{ line, text }, written] of [...texts].sort(([a], [b]) => b.line - a.line)) {
    lines.splice(line - 1, text.split("\n").length, ...written.split("\n"));
  }
  writeFileSync(pathOf(page), lines.join("\n"));
}

function pathOf(page: string): string {
  return join(projectRoot, "docs", page);
}
