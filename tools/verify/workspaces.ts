/**
 * I9: no row refers to a row of another workspace, or to one that does not belong to the same definition.
 * Boundary: statements over all columns that name another row; the database has few foreign keys of its own.
 * Invariant: tables that grow with the runs are read by pages, of run ids or of their own keys. The others, which grow
 * with the definitions, are read by one statement each.
 */
import type pg from "pg";
import type { Findings } from "./report.ts";

interface Relation {
  readonly what: string;
  /** Gives `id` (of the run, or of what refers) and `detail`; `$1` are the ids of a page of runs. */
  readonly text: string;
}

/** How it is read. */
export interface WorkspaceOptions {
  readonly onProgress?: ((line: string) => void) | undefined;
  readonly rowsAPage?: number;
}

interface Wrong {
  readonly id: string;
  readonly detail: string;
}

/** What a page of a table gives; `last` is the key of its last row, null behind the last page. */
interface Page {
  readonly rows: number;
  readonly last: readonly string[] | null;
  readonly wrong: readonly Wrong[];
}

const ROWS_A_PAGE = 10_000;
/** More of one statement are not counted. */
const LISTED_AT_MOST = 1_000;

const BY_RUNS: readonly Relation[] = [
  {
    what: "runs",
    text: `select r.id, 'is of ' || r.workspace_id || ', its definition ' || r.definition_id || ' of ' ||
        coalesce(d.workspace_id, 'none') as detail
      from workflow_runs r left join workflow_definitions d on d.id = r.definition_id
      where r.id = any($1) and d.workspace_id is distinct from r.workspace_id`,
  },
  {
    what: "versions of runs",
    text: `select r.id, 'is of ' || r.definition_id || ' ' || r.definition_version || ', its version ' ||
        r.version_id || ' of ' || coalesce(v.definition_id || ' ' || v.version, 'none') as detail
      from workflow_runs r left join workflow_versions v on v.id = r.version_id
      where r.id = any($1) and (v.definition_id, v.version)
        is distinct from (r.definition_id, r.definition_version)`,
  },
  {
    what: "parents",
    text: `select r.id, 'is of ' || r.workspace_id || ', its parent ' || p.id || ' of ' || p.workspace_id as detail
      from workflow_runs r join workflow_runs p on p.id = r.parent_run_id
      where r.id = any($1) and r.parent_run_id <> '' and p.workspace_id <> r.workspace_id`,
  },
  {
    what: "steps",
    text: `select r.id, 'is of ' || r.workspace_id || ', its step ' || s.step_index || ' of ' ||
        s.workspace_id as detail
      from workflow_runs r join step_runs s on s.run_id = r.id
      where r.id = any($1) and s.workspace_id <> r.workspace_id`,
  },
  {
    what: "child runs",
    text: `select r.id, 'has the child ' || k.id || ' of the parent ' || k.parent_run_id || ' in ' ||
        k.workspace_id as detail
      from workflow_runs r join child_runs c on c.run_id = r.id
      join workflow_runs k on k.id = c.child_run_id
      where r.id = any($1) and (k.workspace_id <> r.workspace_id or k.parent_run_id <> r.id)`,
  },
];

/** A table that is read by pages of its primary key; the rows of a page are `p` in the relation's text. */
interface PagedRelation extends Relation {
  readonly table: string;
  /** The columns of the key, each with a cast from text, and what comes before the first row. */
  readonly key: readonly (readonly [column: string, cast: string, before: string])[];
}

const BY_PAGES: readonly PagedRelation[] = [
  {
    what: "calls",
    table: "effects",
    key: [["id", "text", ""]],
    text: `select p.id, 'is of ' || p.workspace_id || ', its run of ' || coalesce(r.workspace_id, 'none') as detail
      from p left join workflow_runs r on r.id = split_part(p.id, '/', 1) collate "default"
      where r.workspace_id is distinct from p.workspace_id`,
  },
  {
    what: "starts",
    table: "run_starts",
    key: [
      ["definition_id", "text", ""],
      ["event_id", "text", ""],
      ["source", "text", ""],
    ],
    text: `select p.run_id as id, 'has a start of ' || p.workspace_id || ' and ' || p.definition_id ||
        ', and is of ' || r.workspace_id || ' and ' || r.definition_id as detail
      from p join workflow_runs r on r.id = p.run_id
      where (p.workspace_id, p.definition_id) <> (r.workspace_id, r.definition_id)`,
  },
  {
    what: "deployments",
    table: "workflow_deployments",
    key: [["id", "text", ""]],
    text: `select p.id, 'is of ' || p.workspace_id || ' and has ' || p.version_id || ' ' || p.state || ' in ' ||
        p.environment || ', its definition is of ' || coalesce(d.workspace_id, 'none') || ' and has ' ||
        coalesce(d.latest_version_id, 'none') as detail
      from p left join workflow_definitions d on d.id = p.definition_id
      left join workflow_versions v on v.id = p.version_id
      where d.workspace_id is distinct from p.workspace_id
        or (v.definition_id, v.version) is distinct from (p.definition_id, p.version)
        or (p.environment = 'production' and p.state = 'ACTIVE' and p.version_id is distinct from d.latest_version_id)`,
  },
  {
    what: "keys of kept events",
    table: "kept_event_keys",
    key: [
      ["workspace_id", "text", ""],
      ["equals", "text", ""],
      ["arrived_at", "timestamptz", "-infinity"],
      ["seq", "bigint", "0"],
    ],
    text: `select p.seq::text as id, 'is a key of ' || p.workspace_id || ' for an event of ' ||
        e.workspace_id as detail
      from p join kept_events e on e.seq = p.seq
      where e.workspace_id <> p.workspace_id`,
  },
  {
    what: "keys of callers",
    table: "caller_keys",
    key: [
      ["workspace_id", "text", ""],
      ["method", "text", ""],
      ["key", "text", ""],
    ],
    text: `select coalesce(r.id, d.id) as id, 'was changed under a key of ' || p.workspace_id as detail
      from p left join workflow_runs r on r.id = p.applied_to
      left join workflow_definitions d on d.id = p.applied_to
      where p.workspace_id not in ('', coalesce(r.workspace_id, d.workspace_id, p.workspace_id))`,
  },
];

const WHOLE: readonly Relation[] = [
  {
    what: "schedules",
    text: `select s.definition_id as id, 'has a schedule of ' || s.workspace_id || ' and ' || s.version_id as detail
      from schedules s left join workflow_definitions d on d.id = s.definition_id
      left join workflow_versions v on v.id = s.version_id
      where d.workspace_id is distinct from s.workspace_id or v.definition_id is distinct from d.id`,
  },
  {
    what: "latest versions",
    text: `select d.id, 'has the latest version ' || d.latest_version_id as detail
      from workflow_definitions d left join workflow_versions v on v.id = d.latest_version_id
      where d.latest_version_id is not null and v.definition_id is distinct from d.id`,
  },
  {
    what: "wait patterns",
    text: `select w.version_id as id, 'has a wait pattern of ' || w.workspace_id as detail
      from wait_patterns w left join workflow_versions v on v.id = w.version_id
      left join workflow_definitions d on d.id = v.definition_id
      where d.workspace_id is distinct from w.workspace_id or w.definition_id is distinct from d.id`,
  },
];

/** Judges a page of runs with their rows. */
export async function checkWorkspaces(
  findings: Findings,
  client: pg.Client,
  runIds: readonly string[],
): Promise<void> {
  findings.count("runs", runIds.length);
  for (const relation of BY_RUNS) await check(findings, client, relation, [runIds]);
}

/** Judges what does not belong to a page of runs. */
export async function checkOtherWorkspaces(
  findings: Findings,
  client: pg.Client,
  { onProgress, rowsAPage = ROWS_A_PAGE }: WorkspaceOptions = {},
): Promise<void> {
  for (const relation of BY_PAGES) {
    findings.count("relations");
    onProgress?.(`I9: reading ${relation.what}`);
    await checkPages(findings, client, relation, rowsAPage);
  }
  for (const relation of WHOLE) {
    findings.count("relations");
    await check(findings, client, relation, []);
  }
}

async function checkPages(
  findings: Findings,
  client: pg.Client,
  { what, text, table, key }: PagedRelation,
  rowsAPage: number,
): Promise<void> {
  const columns = key.map(([column]) => `t.${column}`).join(", ");
  const after = key.map(([, cast], at) => `($1::text[])[${at + 1}]::${cast}`).join(", ");
  const last = key.map(([column]) => `p.${column}::text`).join(", ");
  const order = key.map(([column]) => `p.${column} desc`).join(", ");
  const page = `with p as materialized (
      select t.* from ${table} t where (${columns}) > (${after}) order by ${columns} limit ${rowsAPage}),
    wrong as (${text} limit ${LISTED_AT_MOST})
    select (select count(*)::int from p) as rows,
      (select array[${last}] from p order by ${order} limit 1) as last,
      (select coalesce(json_agg(wrong), '[]') from wrong) as wrong`;
  for (let at: readonly string[] | null = key.map(([, , before]) => before); at !== null; ) {
    const found: pg.QueryResult<Page> = await client.query<Page>(page, [at]);
    const [read] = found.rows;
    findings.count(what, read?.rows);
    for (const { id, detail } of read?.wrong ?? []) violate(findings, what, id, detail);
    at = read?.last ?? null;
  }
}

async function check(
  findings: Findings,
  client: pg.Client,
  { what, text }: Relation,
  values: readonly unknown[],
): Promise<void> {
  const { rows } = await client.query<Wrong>(`${text} limit ${LISTED_AT_MOST}`, [...values]);
  for (const { id, detail } of rows) violate(findings, what, id, detail);
}

function violate(findings: Findings, what: string, id: string, detail: string): void {
  findings.violate(`${id}: ${detail} (${what})`);
}
