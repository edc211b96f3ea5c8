/**
 * Nothing slows with what is stored: no statement reads a growing table from end to end, and none reads more than twice
 * the pages that it reads with a hundredth of the rows, whatever the planner believes.
 */
import pg from "pg";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { freshDatabase, type TestDatabase } from "../support/servers/database.ts";
import { timeAnswers } from "./answer-times.ts";
import { type Case, cases } from "./cases.ts";
import { type Cost, explain } from "./explain.ts";
import { fill, GROWING } from "./rows.ts";

const FULL = { runs: Number(process.env.SCALE_RUNS ?? 1_000_000) };
const HUNDREDTH = { runs: FULL.runs / 100 };
/** Levels that indexes grow by, and pages that a row more or less touches. */
const FEW_PAGES = 16;
let full: TestDatabase;
let hundredth: TestDatabase;

beforeAll(async () => {
  [full, hundredth] = [await freshDatabase(), await freshDatabase()];
  await fill(hundredth.url, HUNDREDTH);
  await fill(full.url, FULL);
});
afterAll(async () => {
  await full?.drop();
  await hundredth?.drop();
});

async function sql(text: string, { url } = full): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    await client.query(text);
  } finally {
    await client.end();
  }
}

/** Statements that read too much, each as a line. */
function faults({ limits = {} }: Case, small: readonly Cost[], large: readonly Cost[]): string[] {
  return large.flatMap((cost, place) => {
    const { statement, plans, scanned, buffers } = cost;
    const limit = Object.entries(limits).find(([start]) => statement.startsWith(start))?.[1] ?? 0;
    const base = small[place]?.buffers ?? 0;
    const most = Math.max(2 * base, limit) + FEW_PAGES;
    const name = `${statement} (${plans})`;
    return [
      ...scanned.map((table) => `${name} reads ${table} from end to end`),
      ...(buffers > most ? [`${name} reads ${buffers} pages, ${base} with a hundredth`] : []),
    ];
  });
}

describe("with statistics of what is stored", () => {
  it.each(cases)("$name", async (each) => {
    const small = await explain(hundredth.url, each.ask);
    const large = await explain(full.url, each.ask);
    expect(small.length).toBeGreaterThan(0);
    expect(faults(each, small, large)).toEqual([]);
  });
});

it("people are answered, each call in the ms that are shown", async () => {
  const openRun = `wfr_${String(FULL.runs - 2).padStart(22, "0")}`;
  const times = await timeAnswers(full.url, openRun);
  const lines = times.map(
    ({ call, medianMs, worstMs }) =>
      `${call.padEnd(40)} ${medianMs.toFixed(1).padStart(8)} ${worstMs.toFixed(1).padStart(8)}`,
  );
  console.info(["ms, median and worst:", ...lines].join("\n"));
});

describe("while a backlog of the outbox", () => {
  const wanted = ["outbox: poll", "outbox: mark", "sweep: marks"];
  const outbox = cases.filter(({ name }) => wanted.includes(name));
  const share = "id > (select max(id) * 0.95 from move_batches)";
  const backlog = `update move_batches set published_at = null where ${share}`;
  const drained = "update move_batches set published_at = now() where published_at is null";

  it.each(outbox)("is there and was not analyzed: $name", async (each) => {
    const small = await explain(hundredth.url, each.ask);
    await sql(backlog);
    const large = await explain(full.url, each.ask);
    await sql(drained);
    // The small outbox is empty: a poll of the full one reads its 64 rows, and as many in each partition.
    const limits = { list_unpublished_batches: 64 * 64 * 2 };
    expect(faults({ ...each, limits }, small, large)).toEqual([]);
  });

  it.each(outbox)("was there when statistics were taken: $name", async (each) => {
    const small = await explain(hundredth.url, each.ask);
    await sql(`${backlog}; analyze move_batches; ${drained}`);
    // As autovacuum does after a backlog: index entries of what was published go, the statistics stay.
    await sql("vacuum move_batches");
    const large = await explain(full.url, each.ask);
    await sql("vacuum analyze move_batches");
    expect(faults(each, small, large)).toEqual([]);
  });
});

/** Their plans need statistics: without any they read more than necessary, once a sweep or a page. */
const LEANING = [
  "reports: missed",
  "checks: find",
  "sweep: ended runs",
  "ListDefinitions by a tag of few",
  "ListDefinitions by a tag of all",
  "dead letters of ws_big, open: list",
  "dead letters of no workspace, open: list",
  "approvals: open",
  "inbox: list",
  "Workflows.List",
  "Workflows.List by name",
  "Workflows.List by the time of the last update",
  "starts: announced",
];

describe("without statistics", () => {
  beforeAll(() =>
    sql(`delete from pg_statistic where starelid::regclass::text in
    (${GROWING.map((table) => `'${table}'`).join(", ")})`),
  );

  it.each(cases.filter(({ name }) => !LEANING.includes(name)))("$name", async (each) => {
    const small = await explain(hundredth.url, each.ask);
    const large = await explain(full.url, each.ask);
    expect(faults(each, small, large)).toEqual([]);
  });
});
