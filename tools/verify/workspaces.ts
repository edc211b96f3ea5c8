/**
 * I9: no row refers to a row of another workspace, or to one that does not belong to the same definition.
 * Boundary: statements over all columns that name another row; the database has few foreign keys of its own.
 * Invariant: tables that grow with the runs are read by pages of run ids, the others by one statement each.
 */
import type pg from "pg";
import type { Findings } from "./report.ts";

interface Relation {
  readonly what: string;
  /** Gives `id` (of the run, or of what refers) and `detail`; `$1` are the ids of a page of runs. */
  readonly text: string;
}

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

const WHOLE: readonly Relation[] = [
  {
    what: "calls",
    text: `select e.id, 'is of ' || e.workspace_id || ', its run of ' || coalesce(r.workspace_id, 'none') as detail
      from effects e left join workflow_runs r
        on r.id = split_part(e.id, '/', 1) collate "default"
      where r.workspace_id is distinct from e.workspace_id`,
  },
  {
    what: "starts",
    text: `select s.run_id as id, 'has a start of ' || s.workspace_id || ' and ' || s.definition_id ||
        ', and is of ' || r.workspace_id || ' and ' || r.definition_id as detail
      from run_starts s join workflow_runs r on r.id = s.run_id
      where (s.workspace_id, s.definition_id) <> (r.workspace_id, r.definition_id)`,
  },
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
  {
    what: "keys of kept events",
    text: `select k.seq::text as id, 'is a key of ' || k.workspace_id || ' for an event of ' ||
        e.workspace_id as detail
      from kept_event_keys k join kept_events e on e.seq = k.seq
      where e.workspace_id <> k.workspace_id`,
  },
  {
    what: "keys of callers",
    text: `select r.id, 'was changed under a key of ' || k.workspace_id as detail
      from caller_keys k join (
        select id, workspace_id from workflow_runs union all
        select id, workspace_id from workflow_definitions) as r on r.id = k.applied_to
      where k.workspace_id not in ('', r.workspace_id)`,
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
export async function checkOtherWorkspaces(findings: Findings, client: pg.Client): Promise<void> {
  for (const relation of WHOLE) {
    findings.count("relations");
    await check(findings, client, relation, []);
  }
}

async function check(
  findings: Findings,
  client: pg.Client,
  { what, text }: Relation,
  values: readonly unknown[],
): Promise<void> {
  // More than are listed are counted up to this number.
  const { rows } = await client.query<{ id: string; detail: string }>(`${text} limit 1000`, [
    ...values,
  ]);
  for (const { id, detail } of rows) findings.violate(`${id}: ${detail} (${what})`);
}
