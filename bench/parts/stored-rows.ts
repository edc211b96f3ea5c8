/**
 * Stores many runs by SQL: copies of the rows of a few that the service made, each with an id, a key and ids of objects of its
 * own, as if they had been started one after another during the last six days.
 * Boundary: knows which tables a run has rows in, and reads their columns from the database. The indexes stay as they are.
 */
import pg from "pg";
import type { MadeRun } from "../engines/ours-calls.ts";

/** What is copied, and how many copies there are in all. */
export interface Copies {
  readonly originals: readonly MadeRun[];
  readonly runs: number;
}

interface Column {
  readonly name: string;
  readonly type: string;
}

/** Tables with rows of a run, by the column of the run's id. Those of one list are filled by one connection. */
const TABLES = [
  [
    { table: "workflow_runs", id: "id" },
    { table: "run_starts", id: "run_id" },
  ],
  [{ table: "step_runs", id: "run_id" }],
  [{ table: "run_moves", id: "run_id" }],
] as const;
const RUNS_A_BATCH = 6;
/** Of one run. */
const MOVES_AT_MOST = 5;
const BATCHES_LEFT_OUT = 20_000_000;
const PARTITIONS = 8;
const DAYS = 6;
/** What is younger counts as just begun: a sweep looks at it. */
const YOUNGEST = "interval '1 hour'";
const DAY_SECONDS = 86_400;

/** Leaves numbers for the batches of the copies, which are older than all that the service commits from now on. */
export async function reserveBatches(url: string): Promise<void> {
  await connected(url, (client) =>
    client.query("select setval('move_batches_id_seq', $1)", [BATCHES_LEFT_OUT]),
  );
}

/** Stores the copies, vacuums and analyzes. */
export async function storeCopies(url: string, copies: readonly Copies[]): Promise<void> {
  const total = copies.reduce((sum, { runs }) => sum + runs, 0);
  await connected(url, async (client) => {
    await makeOrigins(client, copies);
    for (const { table, id } of TABLES.flat()) {
      await client.query(
        `create table copied.${table} as select o.place, t.* from ${table} t
          join copied.origins o on o.run_id = t.${id}`,
      );
    }
  });
  await Promise.all([
    ...TABLES.map((tables) =>
      connected(url, async (client) => {
        for (const { table } of tables) await fillTable(client, table, total);
      }),
    ),
    connected(url, (client) => fillBatches(client, total)),
  ]);
  await connected(url, async (client) => {
    await client.query("drop schema copied cascade");
    await client.query("vacuum (analyze)");
    await client.query("checkpoint");
  });
}

/** Which copies, by their numbers from 1, are of which run. */
async function makeOrigins(client: pg.Client, copies: readonly Copies[]): Promise<void> {
  await client.query("create schema copied");
  await client.query(`create table copied.origins (place integer, first integer, last integer, every integer,
    run_id text, run_key text, objective_id text)`);
  let first = 1;
  let place = 0;
  for (const { originals, runs } of copies) {
    for (const [at, { runId, key }] of originals.entries()) {
      await client.query(
        `insert into copied.origins select $1, $2, $3, $4, $5, $6,
          (select max(objective_id) from step_runs where run_id = $5)`,
        [place, first + at, first + runs - 1, originals.length, runId, key],
      );
      place += 1;
    }
    first += runs;
  }
}

async function fillTable(client: pg.Client, table: string, total: number): Promise<void> {
  const { rows: columns } = await client.query<Column>(
    `select attname as name, format_type(atttypid, atttypmod) as type from pg_attribute
      where attrelid = $1::regclass and attnum > 0 and not attisdropped order by attnum`,
    [table],
  );
  const values: string[] = [];
  for (const column of columns) values.push(await valueFor(client, table, column, total));
  const names = columns.map(({ name }) => `"${name}"`).join(", ");
  // In the order of the numbers, as the service would have written them.
  await client.query(
    `insert into ${table} (${names}) select ${values.join(", ")}
      from generate_series(1, ${total}) as n
      join copied.origins o on n between o.first and o.last and (n - o.first) % o.every = 0
      join copied.${table} t on t.place = o.place
      order by n`,
  );
}

/** The column of copy `n`. */
async function valueFor(
  client: pg.Client,
  table: string,
  { name, type }: Column,
  total: number,
): Promise<string> {
  const column = `t."${name}"`;
  if (name === "batch_id") return `(n / ${RUNS_A_BATCH}) * ${MOVES_AT_MOST} + t.seq`;
  if (type.startsWith("timestamp")) return `${column} - ${ageOf("n", total)}`;
  const replaced = [
    ["run_id", "'wfr_' || lpad(n::text, 26, '0')"],
    ["run_key", "o.run_key || n"],
    ["objective_id", "o.objective_id || '-' || n"],
  ] as const;
  let text = `${column}::text`;
  for (const [id, by] of replaced) {
    const { rows } = await client.query<{ holds: boolean }>(
      `select coalesce(bool_or(position(o.${id} in ${column}::text) > 0), false) as holds
        from copied.${table} t join copied.origins o on o.place = t.place`,
    );
    if (rows[0]?.holds !== true) continue;
    text = `case when o.${id} is null then ${text} else replace(${text}, o.${id}, ${by}) end`;
  }
  return text === `${column}::text` ? column : `(${text})::${type}`;
}

async function fillBatches(client: pg.Client, total: number): Promise<void> {
  const batches = (Math.floor(total / RUNS_A_BATCH) + 1) * MOVES_AT_MOST;
  await client.query(
    `insert into move_batches (id, partition, published_at, created_at)
      select n, n % ${PARTITIONS}, at, at
      from generate_series(1, ${batches}) as n cross join lateral (
        select now() - ${ageOf("n", batches)} as at) as aged`,
  );
}

function ageOf(number: string, total: number): string {
  const seconds = (DAYS * DAY_SECONDS) / total;
  return `(${YOUNGEST} + (${total} - ${number}) * interval '${seconds} seconds')`;
}

async function connected(
  url: string,
  work: (client: pg.Client) => Promise<unknown>,
): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    await client.query("set synchronous_commit = off");
    await work(client);
  } finally {
    await client.end();
  }
}
