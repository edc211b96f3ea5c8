/**
 * Counters and gauges of the process, and their text for Prometheus.
 *
 * Boundary: one registry a process, names and labels only; who serves the text is not known here.
 * Invariant: the number of series of a name is bounded. Past the bound all further label sets are
 * one series, so that no event or caller can fill the memory.
 */

/** Labels of a series; values come from closed lists wherever possible. */
export type Labels = Readonly<Record<string, string>>;

const SERIES_AT_MOST = 200;
const OTHERS = '{series="others"}';
/** Series by their labels, by the name of their counter. */
const counters = new Map<string, Map<string, number>>();
const gauges = new Map<string, Map<string, number>>();

/** Adds to a counter; `name` ends in `_total`. */
export function count(name: string, labels: Labels = {}, by = 1): void {
  const series = requireCounter(name);
  const key = placeOf(series, labels);
  series.set(key, (series.get(key) ?? 0) + by);
}

/** Sets what a gauge shows: all its series at once, so that one that is gone is not shown any more. */
export function setGauge(name: string, values: readonly (readonly [Labels, number])[]): void {
  const series = new Map<string, number>();
  for (const [labels, value] of values) series.set(placeOf(series, labels), value);
  gauges.set(name, series);
}

/** What a counter stands at, 0 when it was never touched. */
export function readMetric(name: string, labels: Labels = {}): number {
  return counters.get(name)?.get(labelText(labels)) ?? 0;
}

/** All counters and gauges in the Prometheus text format 0.0.4. */
export function renderPrometheus(): string {
  const texts = [...counters].map(([name, series]) => render(name, "counter", series));
  for (const [name, series] of gauges) texts.push(render(name, "gauge", series));
  return texts.join("");
}

function render(name: string, type: string, series: ReadonlyMap<string, number>): string {
  const lines = [...series].map(([labels, value]) => `${name}${labels} ${value}\n`);
  return `# TYPE ${name} ${type}\n${lines.join("")}`;
}

function requireCounter(name: string): Map<string, number> {
  const series = counters.get(name) ?? new Map<string, number>();
  counters.set(name, series);
  return series;
}

function placeOf(series: ReadonlyMap<string, number>, labels: Labels): string {
  const key = labelText(labels);
  return series.has(key) || series.size < SERIES_AT_MOST ? key : OTHERS;
}

function labelText(labels: Labels): string {
  const pairs = Object.entries(labels)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, value]) => `${name}="${escapeValue(value)}"`);
  return pairs.length === 0 ? "" : `{${pairs.join(",")}}`;
}

function escapeValue(value: string): string {
  return value.replaceAll("\\", "\\\\").replaceAll('"', '\\"').replaceAll("\n", "\\n");
}
