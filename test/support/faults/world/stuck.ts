/**
 * What is known of runs that do not end: their steps, their last history, open calls, leases, and what the bus has not got; and the
 * state of each replica.
 * Boundary: reads tables and writes text, for a person.
 */
import { describeError } from "../describe-error.ts";
import type { Replica } from "./replica.ts";
import { lookAtTaskQueues } from "./task-queues.ts";
import type { World } from "./world.ts";

const QUESTIONS: Readonly<Record<string, string>> = {
  "open runs": `select id, workspace_id, state, seq, trigger_event_id, pending, continue_at
    from workflow_runs where completed_at is null order by id limit 5`,
  "their steps": `select s.run_id, s.step_index, s.state, s.retry_count, s.objective_id, s.wait_key, s.due_at,
      s.started_at, s.checked_at
    from step_runs s join workflow_runs r on r.id = s.run_id
    where r.completed_at is null and s.completed_at is null order by s.run_id, s.step_index limit 10`,
  "their last history": `select m.run_id, m.seq, m.recorded_at, m.cause, m.moves from run_moves m
    join workflow_runs r on r.id = m.run_id
    where r.completed_at is null and m.seq > r.seq - 3 order by m.run_id, m.seq limit 15`,
  "open calls": "select * from effects order by created_at limit 5",
  "leases of partitions": `select holder, count(*), min(lease_until), max(lease_until) from partition_leases
    group by holder`,
  "unpublished batches": `select id, partition, created_at from move_batches where published_at is null
    order by id limit 5`,
  "early reports": "select object_id, event_id, arrived_at from early_reports order by seq limit 5",
  "sessions at work": `select pid, state, wait_event_type, wait_event, pg_blocking_pids(pid) as blocked_by, xact_start,
      left(query, 80) as query
    from pg_stat_activity where state <> 'idle' and pid <> pg_backend_pid() order by xact_start limit 10`,
  "the time": "select clock_timestamp()",
};

const READY_WITHIN_MS = 2_000;

/** The evidence. Never rejects: what cannot be had is said. */
export async function stuckEvidence(world: World): Promise<string> {
  const parts: string[] = [];
  for (const [title, text] of Object.entries(QUESTIONS)) {
    try {
      const rows = await world.rows(text);
      parts.push(`${title}: ${rows.length === 0 ? "none" : ""}`, ...rows.map((row) => lineOf(row)));
    } catch (error) {
      parts.push(`${title}: unknown (${describeError(error)})`);
    }
  }
  parts.push(await queuesOf(world));
  parts.push("replicas:", ...(await Promise.all(world.replicas.map(stateOf))));
  const { errors, warnings, happened } = world.reports;
  parts.push("the replicas' last warnings:", ...warnings);
  parts.push("the replicas' last errors:", ...errors.slice(-5), `faults: ${happened.join(", ")}`);
  return parts.join("\n");
}

async function queuesOf({ sandbox }: World): Promise<string> {
  const seen = await lookAtTaskQueues(sandbox.bus.connection)
    .then((queues) => JSON.stringify(queues))
    .catch(describeError);
  return `queues of tasks: ${seen}`;
}

async function stateOf({ url, pid, id, starts, isFrozen }: Replica): Promise<string> {
  if (url === undefined) return `  no process runs, after ${starts} starts`;
  const said = await fetch(`${url}/readyz`, { signal: AbortSignal.timeout(READY_WITHIN_MS) })
    .then((answer) => answer.text())
    .catch(describeError);
  const state = isFrozen ? "frozen" : "running";
  return `  ${url} (${id}, process ${pid}, start ${starts}) is ${state}; /readyz: ${said}`;
}

function lineOf(row: object): string {
  const shown = (_: string, value: unknown) =>
    value !== null && typeof value === "object" && "type" in value && value.type === "Buffer"
      ? "(bytes)"
      : value;
  return `  ${JSON.stringify(row, shown)}`;
}
