/**
 * What Postgres holds of definitions, versions and runs, told apart row by row, and how much of everything else.
 * Boundary: reads tables; what should be there is the test's to say.
 */
import pg from "pg";

/** A run as it is stored: its own row, its steps and its moves. */
interface StoredRun {
  readonly state: string;
  /** Number of its last move. */
  readonly seq: number;
  /** How many rows of moves there are. */
  readonly moves: number;
  /** Changes with any of its rows. */
  readonly print: string;
}

/** By id each; `print` of a definition or version changes with its row. */
export interface Stored {
  readonly definitions: ReadonlyMap<string, string>;
  readonly versions: ReadonlyMap<string, string>;
  readonly runs: ReadonlyMap<string, StoredRun>;
  /** Rows of each other table that calls write to. */
  readonly rest: Readonly<Record<string, number>>;
}

const REST = [
  "effects",
  "kept_events",
  "run_starts",
  "schedules",
  "wait_patterns",
  "caller_keys",
  "inbox_items",
  "inbox_notes",
  "version_sources",
  "workflow_deployments",
  "deploy_policies",
  "workflow_endpoints",
  "endpoint_old_tokens",
  "workflow_schedules",
  "version_facts",
  "workflow_details",
  "workflow_drafts",
  "closed_workflows",
];
const RUNS = `select r.id, r.state, r.seq, md5(r::text) || coalesce(s.print, '') || m.print as print, m.moves
  from workflow_runs r
  left join (select run_id, md5(string_agg(t::text, ',' order by step_index)) as print
    from step_runs t group by run_id) s on s.run_id = r.id
  join (select run_id, count(*)::int as moves, md5(string_agg(t::text, ',' order by seq)) as print
    from run_moves t group by run_id) m on m.run_id = r.id`;

/** Reads all of it. */
export async function readStored(url: string): Promise<Stored> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    const prints = async (table: string) => {
      const { rows } = await client.query(`select id, md5(t::text) as print from ${table} t`);
      return new Map<string, string>(rows.map(({ id, print }) => [id, print]));
    };
    const rest: Record<string, number> = {};
    for (const table of REST) {
      const { rows } = await client.query(`select count(*)::int as rows from ${table}`);
      rest[table] = rows[0].rows;
    }
    const definitions = await prints("workflow_definitions");
    const versions = await prints("workflow_versions");
    const { rows } = await client.query(RUNS);
    return { definitions, versions, runs: new Map(rows.map(({ id, ...run }) => [id, run])), rest };
  } finally {
    await client.end();
  }
}

/** Ids of what is new or has changed. */
export function changedIds<Item>(
  before: ReadonlyMap<string, Item>,
  after: ReadonlyMap<string, Item>,
  printOf: (item: Item) => string,
): { readonly made: string[]; readonly changed: string[]; readonly gone: string[] } {
  const ids = [...after.keys()];
  const was = (id: string) => {
    const item = before.get(id);
    return item === undefined ? undefined : printOf(item);
  };
  return {
    made: ids.filter((id) => !before.has(id)),
    changed: [...after].flatMap(([id, item]) =>
      before.has(id) && was(id) !== printOf(item) ? [id] : [],
    ),
    gone: [...before.keys()].filter((id) => !after.has(id)),
  };
}
