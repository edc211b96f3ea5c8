/** The options of `npm run bench`. Boundary: pure; every fault is thrown as one line. */
import { parseArgs } from "node:util";

/** The lines of the benchmark, in the order in which they are measured. */
export const LINES = [
  "start",
  "steps",
  "internal",
  "one",
  "wake",
  "fan",
  "worker-steps",
  "worker-one",
  "worker-fan",
  "start-run",
  "start-run-key",
  "trigger",
  "open-loop",
  "parked",
  "long",
  "replicas",
  "watch",
  "starters",
  "doors",
  "stored",
  "console",
] as const;
/** A line's name. */
export type LineName = (typeof LINES)[number];

/** What was asked for. */
export interface Options {
  readonly ci: boolean;
  readonly json: boolean;
  readonly help: boolean;
  readonly peers: boolean;
  readonly quick: boolean;
  readonly only: readonly LineName[];
  /** Of the open loop; unset: half of the peak that the same run measured. */
  readonly runsASecond: number | undefined;
  readonly minutes: number | undefined;
  readonly repetitions: number | undefined;
  /** How many runs are parked, in rising order. */
  readonly parked: readonly number[] | undefined;
}

export const HELP = [
  "npm run bench -- [options]",
  "  --peers            adds DBOS, Restate and the floors, in the same run",
  `  --only LINE        one line, or several with commas: ${LINES.join(", ")}`,
  "  --quick            small loads, one repetition: shows that it works, measures nothing",
  "  --repetitions N    3 unless given",
  "  --rate N           runs a second of the open loop; half of the peak unless given",
  "  --minutes N        of the open loop; 10 unless given",
  "  --parked N,N       how many runs are parked; 300,10000 unless given",
  "  --ci [--json]      what a step costs in Postgres, against its budget",
];

/** Reads the arguments. */
export function readOptions(args: readonly string[]): Options {
  const { values } = parseArgs({
    args: [...args],
    options: {
      ci: { type: "boolean", default: false },
      json: { type: "boolean", default: false },
      help: { type: "boolean", default: false },
      peers: { type: "boolean", default: false },
      quick: { type: "boolean", default: false },
      only: { type: "string" },
      rate: { type: "string" },
      minutes: { type: "string" },
      repetitions: { type: "string" },
      parked: { type: "string" },
    },
  });
  const { ci, json, help, peers, quick } = values;
  return {
    ci,
    json,
    help,
    peers,
    quick,
    only: linesOf(values.only),
    runsASecond: numberOf("rate", values.rate),
    minutes: numberOf("minutes", values.minutes),
    repetitions: wholeOf("repetitions", values.repetitions),
    parked: values.parked
      ?.split(",")
      .map((text) => wholeOf("parked", text) ?? 0)
      .sort((a, b) => a - b),
  };
}

function linesOf(text: string | undefined): readonly LineName[] {
  if (text === undefined) return LINES;
  const names = text.split(",");
  const unknown = names.find((name) => !LINES.some((line) => line === name));
  if (unknown !== undefined) {
    throw new Error(`--only names ${unknown}, which is none of ${LINES.join(", ")}`);
  }
  return LINES.filter((line) => names.includes(line));
}

function numberOf(name: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const value = Number(text);
  if (!(value > 0 && Number.isFinite(value))) throw new Error(`--${name} is no number above 0`);
  return value;
}

function wholeOf(name: string, text: string | undefined): number | undefined {
  const value = numberOf(name, text);
  if (value !== undefined && !Number.isInteger(value)) throw new Error(`--${name} is not whole`);
  return value;
}
