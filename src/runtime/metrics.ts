/**
 * Counters and gauges of the process, and their text for Prometheus.
 *
 * Boundary: one registry a process, names and labels only; who serves the text is not known here.
 * Invariant: the number of series of a name is bounded. Past the bound all further label sets are
 * one series, so that no event or caller can fill the memory.
 */

/** Labels of a series; values come from closed lists wherever possible. */
export type Labels = Readonly<Record<string, string>>;

interface Metric {
  readonly kind: "counter" | "gauge";
  readonly series: Map<string, number>;
}

const SERIES_AT_MOST = 200;
const OTHERS = '{series="others"}';
const metrics = new Map<string, Metric>();

/** Adds to a counter; `name` ends in `_total`. */
export function count(name: string, labels: Labels = {}, by = 1): void {
  const { series } = requireMetric(name, "counter");
  const key = placeOf(series, labels);
  series.set(key, (series.get(key) ?? 0) + by);
}

/** Sets a gauge to the value it has now. */
export function setGauge(name: string, value: number, labels: Labels = {}): void {
  const { series } = requireMetric(name, "gauge");
  series.set(placeOf(series, labels), value);
}

/** What a counter or gauge stands at, 0 when it was never touched. */
export function readMetric(name: string, labels: Labels = {}): number {
  return metrics.get(name)?.series.get(labelText(labels)) ?? 0;
}

/** All metrics in the Prometheus text format 0.0.4. */
export function renderPrometheus(): string {
  return [...metrics].map(([name, metric]) => renderMetric(name, metric)).join("");
}

function renderMetric(name: string, { kind, series }: Metric): string {
  const lines = [...series].map(([labels, value]) => `${name}${labels} ${value}\n`);
  return `# TYPE ${name} ${kind}\n${lines.join("")}`;
}

function requireMetric(name: string, kind: Metric["kind"]): Metric {
  const known = metrics.get(name);
  if (known !== undefined) return known;
  const metric: Metric = { kind, series: new Map() };
  metrics.set(name, metric);
  return metric;
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
