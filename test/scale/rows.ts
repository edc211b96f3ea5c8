/**
 * Stored rows by SQL, as the service leaves them after a long time, in a full and a hundredth size.
 * Boundary: rows as their tables describe them; no run is ever moved. Half of all belongs to the workspace BIG. What a
 * filter or a sweep's page finds is the same number of rows in both sizes, or more than the statement's limit.
 */
import pg from "pg";
import { declaredIndexes } from "../../src/store/indexes.ts";
import { stepOf, triggerOf } from "../support/builders/version-spec.ts";

/** How many rows there are: 1 M runs, 3 M batches and moves, 200,000 held calls, 1.5 M keys and kept events. */
export interface Size {
  readonly runs: number;
}

/** The workspace of half of all rows. */
export const BIG = "ws_big";

const WORKSPACE = `case when i % 2 = 0 then '${BIG}' else 'ws_' || i % 100 end`;
/** A run of both sizes that has an item with notes. */
export const CLAIMED_RUN = `wfr_${"1000".padStart(22, "0")}`;
/** The newest fifth of the runs is open, and has a call in flight each. */
const IS_OPEN = "i > $1 * 0.8";
const RUN_ID = "'wfr_' || lpad(i::text, 22, '0')";
const AT = "now() - ($1 - i) * (interval '180 days' / $1)";

const RUNS = `insert into workflow_runs (created_at, id, workspace_id, definition_id, version_id,
    definition_version, hops, trigger_type, trigger_event_id, trigger_source, initiator_agent_id,
    initiator_user_id, parent_run_id, entity_id, entity_type, input_payload, started_at,
    completed_at, deadline_at, state, total_cost_usd, seq, step_marks, edge_marks)
  select ${AT}, ${RUN_ID}, ${WORKSPACE}, 'wf_' || i % 20, 'wfv_' || i % 20, 1, 0, 'EVENT', 'e' || i,
    's', case when i % 5 = 1 then 'agt_many' else 'agt' || i % ($1 / 500) end, '', case when i % 10 = 3 then 'wfr_' || lpad((i - 1)::text, 22, '0')
    else '' end, case when i % 3 = 0 then 'ent' || i % ($1 / 100) else '' end, '',
    '{"text": "some hundred bytes of payload ........................................"}', ${AT},
    case when ${IS_OPEN} then null else ${AT} end,
    case when ${IS_OPEN} then now() + interval '1 day' end,
    case when ${IS_OPEN} then 'RUNNING' when i % 8 = 0 then 'FAILED' else 'COMPLETED' end,
    0, 3, '\\x00', '\\x00'
  from generate_series(1, $1::integer) as i`;

const STEPS = `insert into step_runs (started_at, run_id, workspace_id, step_index, input,
    objective_id, approval_request_id, wait_key, detail, cost_usd, timeout_at, due_at, completed_at, retry_count,
    output_extends_input, state, output)
  select ${AT}, ${RUN_ID}, ${WORKSPACE}, 0, '{"text": "an input of a step ........"}',
    case when i % 4 < 2 then 'obj_' || i end, case when i % 4 = 2 then 'apr_' || i end,
    case when i % 4 = 3 and ${IS_OPEN} then 'type:t' || i % 100 end,
    case when i % 4 = 3 then '{"wait": {"typePattern": "t"}}'::jsonb end, 0,
    case when ${IS_OPEN} then now() + interval '1 day' end,
    case when ${IS_OPEN} then now() + interval '1 day' end,
    case when ${IS_OPEN} then null else ${AT} end, 0, false,
    case when ${IS_OPEN} then 'RUNNING' else 'COMPLETED' end, '{"text": "an output"}'
  from generate_series(1, $1::integer) as i`;

const CHILDREN = `insert into child_runs (run_id, step_index, attempt, child_index, child_run_id, seq, cost_usd, state)
  select ${RUN_ID}, 0, 1, 0, 'wfr_' || lpad((i + 1)::text, 22, '0'), 3, 0, 'completed'
  from generate_series(1, $1::integer) as i where i % 10 = 2`;

const MOVES = `insert into run_moves (batch_id, recorded_at, seq, run_id, cause, moves)
  select i * 3 - 3 + seq, ${AT}, seq, ${RUN_ID}, '[3,"due"]', '[]'
  from generate_series(1, $1::integer) as i, generate_series(1, 3) as seq`;

const BATCHES = `insert into move_batches (partition, published_at, created_at)
  select i % 64, at, at from (
    select i, now() - ($1::integer * 3 - i) * (interval '180 days' / ($1::integer * 3)) as at
    from generate_series(1, $1::integer * 3) as i) as b`;

const LEASES = `insert into partition_leases (partition, holder, lease_until)
  select p, 'me', now() + interval '1 day' from generate_series(0, 63) as p where $1 > 0`;

const STARTS = `insert into run_starts (workspace_id, definition_id, event_id, source, run_id, created_at, run_deleted_at)
  select ${WORKSPACE}, 'wf_' || i % 20, 'e' || i, 's', ${RUN_ID}, ${AT}, null
  from generate_series(1, $1::integer) as i
  union all select '${BIG}', 'wf_0', 'left' || i, 's', 'gone' || i, now() - interval '40 days', now()
  from generate_series(1, $1::integer / 2) as i`;

const CALLS = `insert into effects (created_at, lease_until, step_index, attempt, id, workspace_id, kind,
    holder, request)
  select now(), now() + interval '1 hour', 0, 1, ${RUN_ID} || '/step/1/create', ${WORKSPACE},
    'create_objective', 'replica', decode(repeat('ab', 200), 'hex')
  from generate_series($1::integer * 4 / 5 + 1, $1::integer) as i`;

const PLACES = `insert into task_places (seq, step_index, attempt, run_id, created)
  select i, 0, 1, ${RUN_ID}, '2026-01-01T00:00:00Z' from generate_series(1, $1::integer / 5) as i`;

const KEYS = `insert into caller_keys (created_at, lease_until, workspace_id, method, key, holder, body_hash,
    applied_to, answer)
  select now() - ($1 * 1.5 - i) * (interval '14 days' / ($1 * 1.5)), now(), ${WORKSPACE}, 'StartRun',
    'key-' || i, '', '\\x0001020304050607', 'wfr_1', decode(repeat('ab', 100), 'hex')
  from generate_series(1, ($1 * 1.5)::integer) as i`;

const EVENTS = `insert into kept_events (workspace_id, source, event_id, type, subject, "time", arrived_at, data)
  select ${WORKSPACE}, 's', 'e' || i, 't' || i % 4, 'orders/' || i, '',
    now() - ($1 * 1.5 - i) * (interval '14 days' / ($1 * 1.5)), '{"a": "a payload ................."}'
  from generate_series(1, ($1 * 1.5)::integer) as i`;

const REPORTS = `insert into early_reports (workspace_id, object_id, event_id, report, arrived_at)
  select ${WORKSPACE}, 'o' || i, 'e', '{}', now() - ($1 / 2 - i) * (interval '4 days' / ($1 / 2))
  from generate_series(1, $1::integer / 2) as i`;

const LETTERS = `insert into dead_letters (stream, subject, stream_seq, reason, problem, headers, data,
    workspace_id, ended_at, created_at)
  select 'S', 's', i, 'r', 'p', '{}', '\\x00', case when i % 10 > 0 then ${WORKSPACE} end,
    case when i % 3 = 0 then now() end, now() - ($1 / 2 - i) * (interval '60 days' / ($1 / 2))
  from generate_series(1, $1::integer / 2) as i`;

const DEFINITIONS = `insert into workflow_definitions (id, workspace_id, name, description, latest_version,
    tags, created_at, latest_version_id, trigger_key, listens_since)
  select 'wf_' || i, ${WORKSPACE}, 'n' || i, '', 1, array['all', 'tag' || i % ($1 / 1000)],
    now() - i * interval '1 minute', 'wfv_' || i, 'type:' || i, now()
  from generate_series(0, $1::integer / 20) as i`;

const VERSIONS = `insert into workflow_versions (id, definition_id, version, steps, edges, trigger,
    timeout_seconds, author)
  select 'wfv_' || i, 'wf_' || i, 1, '${JSON.stringify([stepOf("work")])}', '[]',
    '${JSON.stringify(triggerOf())}', 0, ''
  from generate_series(0, $1::integer / 20) as i`;

const FACTS = `insert into version_facts (version_id, contains)
  select 'wfv_' || i, i % 16 from generate_series(0, $1::integer / 20) as i where i % 10 > 0`;

const DETAILS = `insert into workflow_details (definition_id, archived_at, revision, owner, team)
  select 'wf_' || i, case when i % 9 = 3 then now() end, 1, 'user_' || i % 50, 'team_' || i % 20
  from generate_series(0, $1::integer / 20, 3) as i`;

const DRAFTS = `insert into workflow_drafts (saved_at, fault_count, base_version, definition_id, etag, saved_by,
    format, source_text)
  select now(), 0, 1, 'wf_' || i, 'e', 'user_' || i % 50, 'yaml', 'workflow: n' || i
  from generate_series(0, $1::integer / 20, 5) as i`;

const TEMPLATES = `insert into workspace_templates (saved_at, revision, workspace_id, id, title, summary, category,
    saved_by, reason, parameters_json, needs_json, etag, source_text)
  select now(), 1, 'ws_' || i, 'kept', 'Kept', '', '', '', '', '{}', '[]', 'e', 'workflow: kept'
  from generate_series(0, $1::integer / 20) as i`;

const CLOSED = `insert into closed_workflows (definition_id, closed_at, why)
  select 'wf_' || i, now(), 'archived' from generate_series(3, $1::integer / 20, 9) as i`;

const LIMITS = `insert into workflow_limits (max_open_runs, when_full, definition_id, workspace_id, concurrency_key)
  select 5, 0, 'wf_' || i, ${WORKSPACE}, 'customer' from generate_series(3, $1::integer / 20, 9) as i`;

const PATTERNS = `insert into wait_patterns (version_id, definition_id, workspace_id, wait_key, type_pattern,
    subject_pattern)
  select 'wfv_' || i, 'wf_' || i, ${WORKSPACE}, 'type:t' || i, 't' || i, ''
  from generate_series(0, $1::integer / 20) as i`;

const SCHEDULES = `insert into schedules (next_at, anchor_at, version, definition_id, workspace_id, version_id,
    cron_line)
  select now() + interval '1 day', now(), 1, 'wf_' || i, ${WORKSPACE}, 'wfv_' || i, '@daily'
  from generate_series(0, $1::integer / 20) as i`;

const ENDPOINTS = `insert into workflow_endpoints (created_at, old_until, verification, id, workspace_id, definition_id, name,
    signature_header, changed_by, change_reason, token_hash, old_token_hash)
  select ${AT}, now() + interval '1 day', 1, 'whk_' || i, ${WORKSPACE}, 'wf_' || i, '', '', '', '',
    sha256(convert_to('new' || i, 'UTF8')), sha256(convert_to('old' || i, 'UTF8'))
  from generate_series(0, $1::integer / 20) as i`;

const ENDPOINT_OLD_TOKENS = `insert into endpoint_old_tokens (until, endpoint_id, token_hash)
  select now() + interval '1 day', 'whk_' || i, sha256(convert_to('older' || i, 'UTF8'))
  from generate_series(0, $1::integer / 20) as i`;

const WORKFLOW_SCHEDULES = `insert into workflow_schedules (due_at, slot_at, anchor_at, created_at, revision, jitter_seconds,
    overlap, run_as, is_paused, id, workspace_id, definition_id, name, line, zone, run_as_subject, changed_by,
    change_reason, input_json, last_json)
  select now() + interval '1 day', now() + interval '1 day', now(), now(), 1, 0, 0, 1, false, 'wsc_' || i, ${WORKSPACE},
    'wf_' || i, '', '@daily', '', '', '', '', '{}', '[]'
  from generate_series(0, $1::integer / 20) as i`;

const INBOX = `insert into inbox_items (opened_at, step_index, place, kind, run_id, workspace_id, assignee)
  select ${AT}, 0, 1, 1 + i / 2 % 2, ${RUN_ID}, ${WORKSPACE}, 'user_' || i % 100
  from generate_series($1::integer * 4 / 5 + 1, $1::integer) as i`;

/** An item of a run that is in both sizes, with notes as each other item. */
const CLAIMED_ITEM = `insert into inbox_items (opened_at, step_index, place, kind, run_id, workspace_id, assignee)
  select ${AT}, 0, 1, 2, ${RUN_ID}, ${WORKSPACE}, 'user' from generate_series(1000, 1000) as i
  where i < $1::integer`;

const NOTES = `insert into inbox_notes (made_at, step_index, place, kind, run_id, id, made_by, passed_to, text)
  select ${AT}, 0, 1, 4, ${RUN_ID}, 'note', 'user', '', 'so'
  from generate_series(1, $1::integer) as i where i % 4 = 0`;

// One of a hundred is to be sent, and not yet.
const NOTIFICATIONS = `insert into notifications (created_at, next_at, done_at, attempts, unsure, state, place, priority,
    category, id, workspace_id, body_hash, recipient, subject, body, link, metadata_json, last_error)
  select ${AT}, case when i % 100 = 0 then now() + interval '1 hour' else ${AT} end,
    case when i % 100 = 0 then null else ${AT} end, 1, 0, 2, 1, 0, 0, 'ntf_' || i, ${WORKSPACE}, '\\x00',
    'ann@example.com', 'a subject', 'a text of some fifty characters .............', '', '', ''
  from generate_series(1, $1::integer / 2) as i`;

const APPROVALS = `insert into approval_requests (created_at, updated_at, expires_at, decision, risk_level, id,
    workspace_id, body_hash, agent_id, surface, action_type, approver_user_id, context_json,
    action_payload, notice_at)
  select ${AT}, ${AT}, case when ${IS_OPEN} then now() + interval '1 day' end,
    case when ${IS_OPEN} then 0 else 1 end, 1, 'apr_' || i, ${WORKSPACE}, '\\x00', '', '', 'pay', '',
    '{"run_id":"' || ${RUN_ID} || '"}', '\\x00', case when ${IS_OPEN} then now() + interval '1 day' end
  from generate_series(1, $1::integer) as i where i % 4 = 2`;

const DECISIONS = `insert into approval_decisions (decided_at, lease_until, published_at, decision, request_id, id,
    decided_by, reason)
  select ${AT}, ${AT}, ${AT}, 1, 'apr_' || i, 'apd_' || i, 'user', ''
  from generate_series(1, $1::integer * 4 / 5) as i where i % 4 = 2`;

// Each workflow ran on thirty days, and twenty of them, with all runs, on all of 400.
const COUNTERS = `insert into workflow_counters (definition_id, kind, day, name, shard, runs, cost_usd, duration_ms, last_at)
  select 'wf_' || w, kind, case when d = 0 then 0 else floor(extract(epoch from now()) / 86400)::integer - d end,
    case when kind = 1 then '' when kind = 2 then 'SUCCEEDED' else 'work' end, 0, 9, 0.5, 900, now()
  from generate_series(0, $1::integer / 20) as w, generate_series(1, 4) as kind,
    generate_series(0, case when w < 20 then 400 else 30 end, case when w < 20 then 1 else 10 end) as d
  where kind <> 3`;

const MISSED = `insert into missed_triggers (missed_at, due_at, start_bytes, state, definition_id, event_id, source,
    trigger_type, pause_reason, start)
  select ${AT}, case when i % 100 = 0 then now() + interval '1 day' end, 100, case when i % 100 = 0 then 3 else 1 end,
    'wf_' || i % ($1 / 50), 'e' || i, 's', 'EVENT', '', '{"start": {"input": {}}}'
  from generate_series(1, $1::integer / 2) as i`;

const CHANGES = `insert into workflow_changes (seq, recorded_at, workspace_id, change)
  select i, ${AT}, case when i % 2 = 0 then '${BIG}' else 'ws_' || i % 100 end,
    json_build_object('aggregateId', 'wf_' || i, 'operation', 'updated')
  from generate_series(1, $1::integer / 2) as i`;
const CHANGE_HEADS = `insert into workflow_change_heads (workspace_id, seq)
  select workspace_id, max(seq) from workflow_changes where seq <= $1::integer group by workspace_id`;

/** Each list is inserted by a connection of its own. */
const LOADS = [
  [
    ...[RUNS, STEPS, CHILDREN, STARTS, DEFINITIONS, VERSIONS, PATTERNS, SCHEDULES],
    ...[FACTS, DETAILS, DRAFTS, CLOSED, TEMPLATES, LIMITS],
    ...[ENDPOINTS, ENDPOINT_OLD_TOKENS, WORKFLOW_SCHEDULES],
  ],
  [
    LEASES,
    MOVES,
    BATCHES,
    KEYS,
    EVENTS,
    CALLS,
    PLACES,
    REPORTS,
    LETTERS,
    INBOX,
    CLAIMED_ITEM,
    NOTES,
    NOTIFICATIONS,
    APPROVALS,
    DECISIONS,
    COUNTERS,
    MISSED,
    CHANGES,
    CHANGE_HEADS,
  ],
];

/** Tables that grow with use: no statement may read one from end to end. */
export const GROWING = [
  "workflow_runs",
  "step_runs",
  "child_runs",
  "run_moves",
  "move_batches",
  "run_starts",
  "effects",
  "task_places",
  "caller_keys",
  "kept_events",
  "early_reports",
  "dead_letters",
  "workflow_definitions",
  "workflow_versions",
  "wait_patterns",
  "schedules",
  "workflow_endpoints",
  "endpoint_old_tokens",
  "workflow_schedules",
  "version_facts",
  "workflow_details",
  "workflow_drafts",
  "closed_workflows",
  "workspace_templates",
  "workflow_limits",
  "inbox_items",
  "inbox_notes",
  "notifications",
  "approval_requests",
  "approval_decisions",
  "workflow_counters",
  "missed_triggers",
  "workflow_changes",
];

/** Fills a migrated, empty database; indexes are built after the rows. */
export async function fill(url: string, { runs }: Size): Promise<void> {
  const indexes = declaredIndexes().map(({ build }) => build.replace("concurrently ", ""));
  await onConnection(url, async (client) => {
    for (const { name } of declaredIndexes()) await client.query(`drop index if exists "${name}"`);
    // It looks at the number of each version, by an index that is not there yet.
    await client.query("alter table workflow_versions disable trigger user");
  });
  await Promise.all(LOADS.map((texts) => runAll(url, texts, runs)));
  const half = Math.ceil(indexes.length / 2);
  await Promise.all(
    [indexes.slice(0, half), indexes.slice(half)].map((texts) => runAll(url, texts)),
  );
  await onConnection(url, async (client) => {
    await client.query("alter table workflow_versions enable trigger user");
    await client.query("vacuum analyze");
  });
}

async function runAll(url: string, texts: readonly string[], runs?: number): Promise<void> {
  await onConnection(url, async (client) => {
    await client.query(
      "set maintenance_work_mem = '256MB'; set max_parallel_maintenance_workers = 0",
    );
    for (const text of texts) await client.query(text, runs === undefined ? [] : [runs]);
  });
}

async function onConnection(
  url: string,
  work: (client: pg.Client) => Promise<unknown>,
): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    await work(client);
  } finally {
    await client.end();
  }
}
