/** The medians of all repetitions. Boundary: pure. */
import type { Sample, Subject, Values } from "../lines/sample.ts";
import type { LineName } from "../options.ts";
import { median } from "./statistics.ts";

/** A line on an engine: each number's median, and the numbers of all repetitions. */
export interface LineMedians {
  readonly line: LineName;
  readonly subject: Subject;
  readonly medians: Values;
  readonly all: Readonly<Record<string, readonly number[]>>;
}

/** One entry a line and subject, in the order of the samples. */
export function mediansOf(samples: readonly Sample[]): LineMedians[] {
  const groups = new Map<string, Sample[]>();
  for (const sample of samples) {
    const key = `${sample.line} ${sample.subject}`;
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [sample]);
    else group.push(sample);
  }
  return [...groups.values()].flatMap((group) => {
    const [first] = group;
    if (first === undefined) return [];
    const names = [...new Set(group.flatMap(({ values }) => Object.keys(values)))];
    const all = Object.fromEntries(
      names.map((name) => [name, group.flatMap(({ values }) => values[name] ?? [])]),
    );
    const medians = Object.fromEntries(names.map((name) => [name, median(all[name] ?? [])]));
    return [{ line: first.line, subject: first.subject, medians, all }];
  });
}

/** One number; undefined where it was not measured. */
export function findMedian(
  lines: readonly LineMedians[],
  line: LineName,
  subject: Subject,
  name: string,
): number | undefined {
  return lines.find((each) => each.line === line && each.subject === subject)?.medians[name];
}
