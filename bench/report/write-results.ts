/** Writes a run of the benchmark to files: the report, its plots, the profiles, and all numbers. */
import { mkdir, rm, writeFile } from "node:fs/promises";
import { availableParallelism } from "node:os";
import { join, relative } from "node:path";
import { projectRoot } from "../../tools/run-command.ts";
import { LINES, type Options } from "../options.ts";
import type { Measured } from "../run.ts";
import { renderOutcomes, renderReport } from "./markdown.ts";
import { mediansOf } from "./medians.ts";
import { plotsOf } from "./plots.ts";
import { outcomesOf } from "./targets.ts";

/** Results that are kept with the project: of a run with all lines and peers. */
const KEPT = join(projectRoot, "bench", "results");
/** All others; Git ignores them. */
const SCRATCH = join(projectRoot, "bench", ".tmp", "results");

/** Writes everything in place of what was there, and gives what to print: the goals and where the rest is. */
export async function writeResults(options: Options, measured: Measured): Promise<string> {
  const lines = mediansOf(measured.samples);
  const outcomes = outcomesOf(lines);
  const plots = plotsOf(lines, outcomes);
  const facts = {
    when: new Date().toISOString().slice(0, "2000-01-01".length),
    quick: options.quick,
    repetitions: Math.max(0, ...measured.samples.map(({ repetition }) => repetition)),
    cores: availableParallelism(),
    node: process.versions.node,
    postgres: measured.postgresVersion,
    failures: measured.failures,
  };
  const report = renderReport(facts, lines, outcomes, measured.counts, [...plots.keys()]);
  const isWhole = options.peers && !options.quick && options.only.length === LINES.length;
  const folder = isWhole ? KEPT : SCRATCH;
  await rm(folder, { recursive: true, force: true });
  await mkdir(folder, { recursive: true });
  const { samples, counts } = measured;
  const files = new Map([
    ["report.md", report],
    ["results.json", `${JSON.stringify({ facts, samples, counts }, null, 2)}\n`],
    ...plots,
    ...measured.profiles.map(({ line, text }) => [`profile.${line}.txt`, text] as const),
  ]);
  for (const [name, text] of files) await writeFile(join(folder, name), text);
  return `${renderOutcomes(outcomes)}\n\nAll of it: ${relative(projectRoot, folder)}/report.md`;
}
