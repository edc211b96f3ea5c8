/**
 * Faults that a service might make, planted in the rows of a story by SQL: at least one for each invariant that rows
 * can break.
 * Boundary: statements as text; each plant spoils a copy of the story's database (services/verified-story.ts).
 */
import type { Invariant } from "../../../tools/verify/report.ts";
import type { Story } from "../services/verified-story.ts";

/** The invariant, what is spoilt, how, and a part of the violation that must be found. */
export const SPOILT_ROWS: readonly (readonly [
  invariant: Invariant,
  what: string,
  statements: (runs: Story["runs"]) => readonly string[],
  line: string,
])[] = [
  [
    "I1",
    "a run is gone",
    ({ waiting }) => [`delete from workflow_runs where id = '${waiting}'`],
    "was acknowledged and does not exist",
  ],
  [
    "I2",
    "the step of an object never began",
    ({ long }) => [`delete from step_runs where run_id = '${long}' and step_index = 2`],
    "belongs to no step that began (gate)",
  ],
  [
    "I3",
    "a state was changed without a move",
    ({ waiting }) => [`update workflow_runs set state = 'PAUSED' where id = '${waiting}'`],
    "is stored as PAUSED, its history ends RUNNING",
  ],
  [
    "I3",
    "a step was changed without a move",
    ({ parent }) => [`update step_runs set state = 'WAITING' where run_id = '${parent}'`],
    "step 0 is WAITING, its history ends RUNNING",
  ],
  [
    "I3",
    "a row of the history is gone",
    ({ long }) => [`delete from run_moves where run_id = '${long}' and seq = 3`],
    "row 4 comes after row 2",
  ],
  [
    "I4",
    "a move is in the stream that was never committed",
    ({ timed }) => [
      `delete from run_moves where run_id = '${timed}' and seq = 2`,
      `update workflow_runs set seq = 1 where id = '${timed}'`,
    ],
    "event 2-0 (workflows.changes.step.completed) has no move",
  ],
  [
    "I4",
    "a move was marked as published and was not",
    ({ long }) => [
      // Behind the last row: how many there are depends on which reply and event met in one commit.
      `insert into run_moves (batch_id, recorded_at, seq, run_id, cause, moves)
        select batch_id, recorded_at, (select max(seq) + 1 from run_moves where run_id = '${long}'), run_id,
          cause, '[[0,1,2,1]]' from run_moves
        where run_id = '${long}' and seq = 1`,
    ],
    "(workflows.changes.step.started) was marked as published and is not in the stream",
  ],
  [
    "I4",
    "a batch is not published before later ones",
    ({ long }) => [
      `insert into run_moves (batch_id, recorded_at, seq, run_id, cause, moves)
        select 999999, recorded_at, 0, run_id, cause, '[[0,1,2,1]]' from run_moves
        where run_id = '${long}' and seq = 1`,
      "insert into move_batches (id, partition) values (999999, 0)",
    ],
    "event 0-0 (workflows.changes.step.started) is missing before later ones",
  ],
  [
    "I4",
    "an event has another operation than its move",
    ({ timed }) => [
      `update run_moves set moves = '[[0,3,4,4],[-1,2,5,2]]' where run_id = '${timed}' and seq = 2`,
    ],
    "event 2-0 (workflows.changes.step.completed) is of a move workflows.changes.step.retrying",
  ],
  [
    "I4",
    "a version was published without an event",
    () => [
      `insert into workflow_versions
        (id, definition_id, version, steps, edges, trigger, timeout_seconds, author)
        select 'wfv_silent', definition_id, 99, steps, edges, trigger, 0, '' from workflow_versions limit 1`,
    ],
    "event wfv_silent-publish (workflows.changes.version.publish) has no row in the outbox",
  ],
  [
    "I4",
    "an event of a version was marked as published and was not",
    () => [
      `insert into workflow_versions
        (id, definition_id, version, steps, edges, trigger, timeout_seconds, author)
        select 'wfv_lost', definition_id, 99, steps, edges, trigger, 0, '' from workflow_versions limit 1`,
      `insert into move_batches (id, partition, changes, published_at)
        values (999999, 0, '[{"id":"wfv_lost-publish"}]', now() - interval '1 hour')`,
    ],
    "event wfv_lost-publish (workflows.changes.version.publish) was marked as published and is not in",
  ],
  [
    "I4",
    "an event of a version is not published",
    () => [
      `insert into workflow_versions
        (id, definition_id, version, steps, edges, trigger, timeout_seconds, author)
        select 'wfv_late', definition_id, 99, steps, edges, trigger, 0, '' from workflow_versions limit 1`,
      `insert into move_batches (id, partition, changes) values (999999, 0, '[{"id":"wfv_late-publish"}]')`,
    ],
    "event wfv_late-publish (workflows.changes.version.publish) is not published",
  ],
  [
    "I4",
    "the event of a version comes before that of its definition",
    ({ long }) => [
      // The version of another definition, which was published before, becomes the second one of this run's.
      `update workflow_versions set version = 99, definition_id =
          (select definition_id from workflow_runs where id = '${long}')
        where id = (
          select v.id from workflow_versions v
          join move_batches b on b.changes->0->>'id' = v.id || '-publish' order by b.id limit 1)`,
    ],
    "(workflows.changes.version.publish) comes before",
  ],
  [
    "I4",
    "a change is in the stream that was never committed",
    ({ long }) => [
      `update workflow_versions set id = 'wfv_other' where definition_id =
        (select definition_id from workflow_runs where id = '${long}')`,
    ],
    "is in the stream, and its change does not exist",
  ],
  [
    "I5",
    "an attempt begins while the run is paused",
    ({ paused }) => [
      `insert into run_moves (batch_id, recorded_at, seq, run_id, cause, moves)
        select batch_id, recorded_at, 3, run_id, '[5,""]', '[[0,2,2,1,{"r":1}]]' from run_moves
        where run_id = '${paused}' and seq = 2`,
    ],
    "row 3: step 0 begins while the run is PAUSED",
  ],
  [
    "I6",
    "a result of a superseded attempt ends its step",
    ({ retried }) => [
      `update run_moves set cause = '[3,"/tried/1/query_usage"]' where run_id = '${retried}' and seq = 3`,
    ],
    "/tried/1/query_usage moved step 0, which was in attempt 2",
  ],
  [
    "I6",
    "an object of an older attempt came back",
    ({ retried }) => [
      `update run_moves m set moves = replace(m.moves::text, new.id, old.id)::json
        from (select substring(moves::text from 'obj_[0-9a-f]+') as id from run_moves
          where run_id = '${retried}' and seq = 2) as old,
        (select substring(moves::text from 'obj_[0-9a-f]+') as id from run_moves
          where run_id = '${retried}' and seq = 3) as new
        where m.run_id = '${retried}' and m.seq = 3`,
    ],
    "of attempt 1 in attempt 2",
  ],
  [
    "I6",
    "a writer that had lost its place committed a row",
    ({ long }) => [`update run_moves set batch_id = 1 where run_id = '${long}' and seq = 4`],
    "row 4 was committed before the row that it follows",
  ],
  [
    "I7",
    "a wait is lost",
    ({ waiting }) => [`update step_runs set wait_key = null where run_id = '${waiting}'`],
    "its step 0 (wait) is WAITING and waits for nothing",
  ],
  [
    "I7",
    "an ended child was not reported",
    ({ parent }) => [
      `update workflow_runs set state = 'COMPLETED', completed_at = now()
        where parent_run_id = '${parent}'`,
    ],
    "its step 0 (child) is RUNNING and waits for nothing",
  ],
  [
    "I8",
    "a cost was counted twice",
    ({ long }) => [
      `update step_runs set cost_usd = 2 * cost_usd where run_id = '${long}' and step_index = 0`,
    ],
    "costs 0.25 USD, its steps cost 0.5",
  ],
  [
    "I8",
    "a cost differs from the meter's",
    ({ retried }) => [
      `update step_runs set cost_usd = 0.2 where run_id = '${retried}'`,
      `update workflow_runs set total_cost_usd = 0.2 where id = '${retried}'`,
    ],
    "step 0 costs 0.2 USD, the meter has 0.3",
  ],
  [
    "I9",
    "a step is of another workspace",
    ({ long }) => [
      `update step_runs set workspace_id = 'ws_2' where run_id = '${long}' and step_index = 1`,
    ],
    "is of ws_1, its step 1 of ws_2 (steps)",
  ],
  [
    "I9",
    "what is deployed in production is not the latest version",
    ({ long }) => [
      `update workflow_deployments set version = 0 where definition_id =
        (select definition_id from workflow_runs where id = '${long}')`,
    ],
    "ACTIVE in production, its definition is of ws_1 and has wfv_",
  ],
  [
    "I9",
    "a child is of another workspace",
    ({ parent }) => [
      `update workflow_runs set workspace_id = 'ws_2' where parent_run_id = '${parent}'`,
    ],
    "is of ws_2, its parent",
  ],
  [
    "I9",
    "a run is of a definition of another workspace",
    ({ timed }) => [
      `update workflow_definitions set workspace_id = 'ws_2' where id =
        (select definition_id from workflow_runs where id = '${timed}')`,
    ],
    "of ws_2 (runs)",
  ],
  [
    "I10",
    "a call is held past its lease",
    ({ waiting }) => [
      `insert into effects (created_at, lease_until, step_index, attempt, id, workspace_id, kind, holder, request)
        values (now(), now() - interval '1 minute', 0, 1, '${waiting}/wait/1/look_up', 'ws_1', 'look_up', 'gone', '')`,
    ],
    "/wait/1/look_up: is a call held past its lease",
  ],
  [
    "I10",
    "a key is held",
    () => [
      `insert into caller_keys (created_at, lease_until, workspace_id, method, key, holder, body_hash)
        values (now(), now(), 'ws_1', 'StartRun', 'k', 'gone', '')`,
    ],
    "ws_1 StartRun k: is a key that a call still holds",
  ],
  [
    "I10",
    "a message was put aside",
    () => [
      `insert into dead_letters (stream, subject, stream_seq, reason, problem, headers, data)
        values ('S', 's', 7, 'poison', 'p', '{}', '')`,
    ],
    "S 7 poison: is a dead letter",
  ],
  [
    "I11",
    "a timer fired early",
    ({ timed }) => [
      `update run_moves set recorded_at = recorded_at - interval '600 milliseconds'
        where run_id = '${timed}' and seq = 2`,
    ],
    "row 2: a timer fired",
  ],
];
