/**
 * A CPU profile in a page of text: where the time goes by part of the program, and by function.
 * Boundary: pure. Times are of the function itself, without what it calls; idle time does not count.
 */

/** A profile as the inspector gives it. */
export interface CpuProfile {
  readonly nodes: readonly {
    readonly id: number;
    readonly callFrame: CallFrame;
  }[];
  readonly samples: readonly number[];
  /** Microseconds from each sample to the one before. */
  readonly timeDeltas: readonly number[];
}

/** Which source each line of a compiled file is of, as the compiler's comments say. */
export interface Bundle {
  /** The end of its URL. */
  readonly name: string;
  readonly text: string;
}

interface CallFrame {
  readonly functionName: string;
  readonly url: string;
  readonly lineNumber: number;
}

interface Share {
  readonly name: string;
  readonly us: number;
}

const PARTS_SHOWN = 24;
const FUNCTIONS_SHOWN = 30;
const US_A_MS = 1_000;
const IDLE = "(idle)";

/** The page. Functions of the bundle count for the source that they were compiled from. */
export function summarise(profile: CpuProfile, bundle?: Bundle): string {
  const selfUs = selfTimes(profile);
  const sources = bundle === undefined ? [] : sourcesOf(bundle.text);
  const busy = profile.nodes
    .map(({ id, callFrame }) => ({ callFrame, us: selfUs.get(id) ?? 0 }))
    .map(({ callFrame, us }) => ({
      callFrame:
        bundle && callFrame.url.endsWith(bundle.name) ? inSource(callFrame, sources) : callFrame,
      us,
    }))
    .filter(({ callFrame }) => callFrame.functionName !== IDLE);
  const parts = sumBy(busy.map(({ callFrame, us }) => ({ name: partOf(callFrame), us })));
  const functions = sumBy(busy.map(({ callFrame, us }) => ({ name: functionOf(callFrame), us })));
  const allUs = parts.reduce((sum, { us }) => sum + us, 0);
  const lines = (shares: readonly Share[]) =>
    shares.map(({ name, us }) => {
      const percent = `${((100 * us) / allUs).toFixed(1)} %`;
      return `${percent.padStart(7)} ${(us / US_A_MS).toFixed(0).padStart(7)} ms  ${name}`;
    });
  return [
    `CPU of the service's event loop: ${(allUs / US_A_MS).toFixed(0)} ms, idle time left out`,
    "",
    "By part",
    ...lines(parts.slice(0, PARTS_SHOWN)),
    "",
    "By function, without what it calls",
    ...lines(functions.slice(0, FUNCTIONS_SHOWN)),
    "",
  ].join("\n");
}

/** The source of each line of a bundle; esbuild writes its path above its code. */
function sourcesOf(text: string): string[] {
  let source = "";
  return text.split("\n").map((line) => {
    source = /^ *\/\/ ((?:src|gen|node_modules)\/\S+)$/.exec(line)?.[1] ?? source;
    return source;
  });
}

function inSource(callFrame: CallFrame, sources: readonly string[]): CallFrame {
  const source = sources[callFrame.lineNumber] ?? "";
  return source === "" ? callFrame : { ...callFrame, url: `file:///${source}` };
}

/** The part of the program that a function belongs to: a room of src/, a package, or Node. */
export function partOf({ url, functionName }: { url: string; functionName: string }): string {
  const inPackage = /.*\/node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(url)?.[1];
  if (inPackage !== undefined) return inPackage;
  const room = /\/(src\/[^/]+(?:\/[^/.]+)?)/.exec(url)?.[1];
  if (room !== undefined) return room;
  if (url.startsWith("node:")) return url.replace(/^node:(internal\/)?([^/]+).*/, "node:$2");
  if (/\/gen\//.test(url)) return "gen";
  return functionName.startsWith("(") ? functionName : "native code";
}

function functionOf({
  url,
  functionName,
  lineNumber,
}: {
  url: string;
  functionName: string;
  lineNumber: number;
}): string {
  const name = functionName === "" ? "(anonymous)" : functionName;
  if (url === "") return name;
  // The lines of a source of the service are those of the file that it was compiled into: they say nothing.
  const own = /\/((?:src|gen)\/.*)$/.exec(url)?.[1];
  if (own !== undefined && !url.includes("/node_modules/")) return `${name}  ${own}`;
  const place = url.replace(/^.*\/node_modules\//, "").replace(/^file:.*\//, "");
  return `${name}  ${place}:${lineNumber + 1}`;
}

function selfTimes({ samples, timeDeltas }: CpuProfile): Map<number, number> {
  const times = new Map<number, number>();
  samples.forEach((id, at) => {
    // A delta ends at its sample: the time until the next sample was spent in this one's function.
    times.set(id, (times.get(id) ?? 0) + Math.max(0, timeDeltas[at + 1] ?? 0));
  });
  return times;
}

function sumBy(shares: readonly Share[]): Share[] {
  const sums = new Map<string, number>();
  for (const { name, us } of shares) sums.set(name, (sums.get(name) ?? 0) + us);
  return [...sums].map(([name, us]) => ({ name, us })).sort((a, b) => b.us - a.us);
}
