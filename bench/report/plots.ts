/** The plots of a run: one for each number that has a goal, and the CPU of a step by process. Boundary: pure. */
import type { LineMedians } from "./medians.ts";
import { type Bar, renderPlot } from "./plot.ts";
import type { Outcome } from "./targets.ts";

const CPU_OF = "cpuMs.";

/** Texts by the name of their file, which begins with the line. */
export function plotsOf(
  lines: readonly LineMedians[],
  outcomes: readonly Outcome[],
): ReadonlyMap<string, string> {
  const goals = outcomes.map((outcome) => {
    const bars = lines.flatMap(({ line, subject, medians }): Bar[] => {
      const value = medians[outcome.name];
      if (line !== outcome.line || value === undefined) return [];
      return [{ label: subject, parts: [{ name: subject, value }] }];
    });
    const marks = [
      { label: "must", value: outcome.mustValue },
      { label: "aim", value: outcome.aimValue },
    ].flatMap(({ label, value }) => (value === undefined ? [] : [{ label, value }]));
    const single = bars.map(({ label, parts }) => ({
      label,
      parts: parts.map(({ value }) => ({ name: outcome.name, value })),
    }));
    const plot = { title: outcome.what, unit: outcome.unit.trim(), bars: single, marks };
    return [`${outcome.line}.${outcome.name}.svg`, renderPlot(plot)] as const;
  });
  return new Map([...goals, ...cpuPlots(lines)]);
}

function cpuPlots(lines: readonly LineMedians[]): [string, string][] {
  const steps = lines.filter(({ line }) => line === "steps");
  if (steps.length === 0) return [];
  const bars = steps.map(({ subject, medians }) => ({
    label: subject,
    parts: Object.entries(medians)
      .filter(([name]) => name.startsWith(CPU_OF))
      .map(([name, value]) => ({ name: name.slice(CPU_OF.length), value })),
  }));
  const plot = { title: "CPU of an agent step by process", unit: "ms", bars, marks: [] };
  return [["steps.cpu-by-process.svg", renderPlot(plot)]];
}
