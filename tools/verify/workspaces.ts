/**
 * I9: nothing refers to another workspace: every column that names a row of another table, and every object that a
 * collaborator made. Boundary: one statement a reference; only the first violations come out of the database.
 */
import type { Findings } from "./report.ts";
import type { RunCheck } from "./run-check.ts";
import type { Snapshot } from "./snapshot.ts";

/** A reference: `rows` gives `place` and `is_wrong` of each row that has it. */
interface Reference {
  readonly name: string;
  readonly rows: string;
}

const LINES = 20;
const REFERENCES: readonly Reference[] = [
  {
    name: "run → definition",
    rows: `select r.id as place, d.workspace_id <> r.workspace_id as is_wrong
      from workflow_runs r join workflow_definitions d on d.id = r.definition_id`,
  },
  {
    name: "run → version",
    rows: `select r.id as place,
        v.definition_id <> r.definition_id or v.version <> r.definition_version as is_wrong
      from workflow_runs r join workflow_versions v on v.id = r.version_id`,
  },
  {
    name: "run → parent run",
    rows: `select r.id as place, p.workspace_id <> r.workspace_id as is_wrong
      from workflow_runs r join workflow_runs p on p.id = r.parent_run_id where r.parent_run_id <> ''`,
  },
  {
    name: "step → run",
    rows: `select s.run_id as place, r.id is null or r.workspace_id <> s.workspace_id as is_wrong
      from step_runs s left join workflow_runs r on r.id = s.run_id`,
  },
  {
    name: "child → run",
    rows: `select c.run_id as place, r.workspace_id <> p.workspace_id as is_wrong
      from child_runs c join workflow_runs p on p.id = c.run_id join workflow_runs r on r.id = c.child_run_id`,
  },
  {
    name: "call → run",
    rows: `select e.id as place, r.id is null or r.workspace_id <> e.workspace_id as is_wrong
      from effects e left join workflow_runs r on r.id = split_part(e.id, '/', 1) collate "default"`,
  },
  {
    name: "start → definition",
    rows: `select s.run_id as place, d.workspace_id <> s.workspace_id as is_wrong
      from run_starts s join workflow_definitions d on d.id = s.definition_id`,
  },
  {
    name: "start → run",
    rows: `select s.run_id as place,
        r.workspace_id <> s.workspace_id or r.definition_id <> s.definition_id as is_wrong
      from run_starts s join workflow_runs r on r.id = s.run_id`,
  },
  {
    name: "definition → latest version",
    rows: `select d.id as place, v.definition_id <> d.id as is_wrong
      from workflow_definitions d join workflow_versions v on v.id = d.latest_version_id`,
  },
  {
    name: "schedule → version",
    rows: `select s.definition_id as place,
        d.workspace_id <> s.workspace_id or v.definition_id <> s.definition_id as is_wrong
      from schedules s join workflow_definitions d on d.id = s.definition_id
      join workflow_versions v on v.id = s.version_id`,
  },
  {
    name: "wait pattern → version",
    rows: `select p.version_id as place,
        d.workspace_id <> p.workspace_id or v.definition_id <> p.definition_id as is_wrong
      from wait_patterns p join workflow_definitions d on d.id = p.definition_id
      join workflow_versions v on v.id = p.version_id`,
  },
  {
    name: "key of an event → event",
    rows: `select k.seq::text as place, e.workspace_id <> k.workspace_id as is_wrong
      from kept_event_keys k join kept_events e on e.seq = k.seq`,
  },
  {
    name: "caller's key → run",
    rows: `select k.applied_to as place, r.workspace_id <> k.workspace_id as is_wrong
      from caller_keys k join workflow_runs r on r.id = k.applied_to`,
  },
  {
    name: "caller's key → definition",
    rows: `select k.applied_to as place, d.workspace_id <> k.workspace_id as is_wrong
      from caller_keys k join workflow_definitions d on d.id = k.applied_to`,
  },
];

/** All references of the database. */
export async function checkReferences(snapshot: Snapshot, findings: Findings): Promise<void> {
  for (const { name, rows } of REFERENCES) {
    const [counts = { checked: 0, wrong: 0, places: null }] = await snapshot.query<{
      checked: number;
      wrong: number;
      places: string[] | null;
    }>(
      `with each_row as (${rows})
      select (select count(*) from each_row) as checked,
        (select count(*) from each_row where is_wrong) as wrong,
        (select array_agg(place) from (select place from each_row where is_wrong limit ${LINES}) as p) as places`,
    );
    findings.saw(counts.checked);
    for (const place of counts.places ?? []) findings.violated(place, name);
    findings.violations += counts.wrong - (counts.places?.length ?? 0);
  }
}

/** The workspaces that collaborators were told. */
export const workspacesTold: RunCheck = {
  id: "I9",
  check({ run }, findings, { effects = [] }) {
    for (const { ledger, id, workspaceId } of effects) {
      if (workspaceId === undefined || workspaceId === "") continue;
      findings.saw();
      if (workspaceId !== run.workspace_id) {
        findings.violated(run.id, `${ledger} ${id} was made for the workspace ${workspaceId}`);
      }
    }
  },
};
