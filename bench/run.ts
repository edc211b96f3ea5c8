/**
 * Measures the lines on the engines: in every repetition each engine has its turn, on an empty database and with new
 * processes, and no other one runs meanwhile.
 * Boundary: gives samples; sums and texts are report/'s.
 */
import { makeFreshDatabase } from "../tools/parts/fresh-database.ts";
import { type Guard, startGuard } from "../tools/parts/guard.ts";
import { type Postgres, startPostgres } from "../tools/parts/postgres.ts";
import { countSteps, type StepCounts } from "./counts.ts";
import type { EngineName } from "./engines/engine.ts";
import { measureEcho } from "./lines/echo-line.ts";
import { measureOf } from "./lines/plan.ts";
import type { Bed, Sample, Values } from "./lines/sample.ts";
import { type Sizes, sizesOf } from "./lines/sizes.ts";
import type { LineName, Options } from "./options.ts";
import { startHost } from "./parts/host-process.ts";
import { type Profile, profileLines } from "./profiles.ts";

/** Everything that was measured. */
export interface Measured {
  readonly engines: readonly EngineName[];
  readonly samples: readonly Sample[];
  readonly counts: readonly StepCounts[];
  readonly profiles: readonly Profile[];
  readonly failures: readonly string[];
  readonly postgresVersion: number;
}

interface Turn {
  readonly guard: Guard;
  readonly postgres: Postgres;
  readonly sizes: Sizes;
  readonly lines: readonly LineName[];
  readonly samples: Sample[];
  readonly failures: string[];
}

/** Lines that take minutes: of two halves that are compared with each other, long enough to be steady by themselves, or repeated in themselves. */
const ONCE: readonly LineName[] = ["stored", "open-loop", "console"];
const SETTINGS = ["max_wal_size=4GB"];

/** Measures what the options ask for. A line that fails on an engine is a failure in words, and the others go on. */
export async function measureAll(options: Options): Promise<Measured> {
  const engines: EngineName[] = options.peers
    ? ["ours", "floor", "worker-floor", "restate-svc", "restate", "restate-2", "dbos"]
    : ["ours"];
  const sizes = sizesOf(options);
  const guard = await startGuard("workflows-bench-");
  const postgres = await startPostgres(guard, { fastDisk: false, settings: SETTINGS });
  const samples: Sample[] = [];
  const failures: string[] = [];
  const turn = { guard, postgres, sizes, lines: options.only, samples, failures };
  try {
    for (let repetition = 1; repetition <= sizes.repetitions; repetition += 1) {
      for (const engine of engines) await takeTurn(turn, engine, repetition);
    }
    const counts = options.only.includes("steps")
      ? await countSteps(guard, postgres, engines, options.quick)
      : [];
    const profiles = await profileLines(
      guard,
      postgres,
      options.only,
      options.quick ? sizes : undefined,
    );
    const postgresVersion = postgres.majorVersion;
    return { engines, samples, counts, profiles, failures, postgresVersion };
  } finally {
    await postgres.stop();
    await guard.release();
  }
}

async function takeTurn(turn: Turn, engine: EngineName, repetition: number): Promise<void> {
  const { guard, postgres, sizes } = turn;
  const lines = turn.lines.filter(
    (line) => measureOf(engine, line) !== undefined && (repetition === 1 || !ONCE.includes(line)),
  );
  if (lines.length === 0) return;
  const database = await makeFreshDatabase(postgres.url);
  try {
    const host = await startHost(guard, engine, database.url);
    try {
      const bed: Bed = { guard, host, sizes, databaseUrl: database.url, postgres };
      for (const line of lines) await measureLine(turn, bed, line, repetition);
    } finally {
      await host.stop();
    }
  } catch (error) {
    turn.failures.push(`${engine}: ${messageOf(error)}`);
  } finally {
    await database.drop();
  }
}

async function measureLine(
  turn: Turn,
  bed: Bed,
  line: LineName,
  repetition: number,
): Promise<void> {
  const { engine } = bed.host;
  const keep = (subject: Sample["subject"], values: Values) => {
    turn.samples.push({ line, subject, repetition, values });
    console.error(`${repetition} ${line} ${subject} ${JSON.stringify(shortened(values))}`);
  };
  try {
    const values = await measureOf(engine, line)?.(bed, turn.samples);
    if (values !== undefined) keep(engine, values);
    if (line === "start-run") keep("echo", await measureEcho(turn.guard, turn.sizes));
  } catch (error) {
    turn.failures.push(`${line}, ${engine}: ${messageOf(error)}`);
    console.error(turn.failures.at(-1));
  }
}

function shortened(values: Values): Values {
  const DIGITS = 4;
  return Object.fromEntries(
    Object.entries(values).map(([name, value]) => [name, Number(value.toPrecision(DIGITS))]),
  );
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
