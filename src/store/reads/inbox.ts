/**
 * Reads of the inbox: open items by index, and one item, open or not.
 * Boundary: committed state; what an item shows is the caller's matter.
 * Invariant: each read is one statement. A page ends by its rows in the index: an item without a step, which a replica of
 * a release before the inbox may have left (store/mend-inbox.ts), shortens its page and hides none after it.
 */
import type { PersonItemKind } from "../../engine/steps/person-items.ts";
import type { StepState } from "../../engine/values/run.ts";
import type { StepDetail } from "../../engine/values/step-detail.ts";
import type { Queries, Statement } from "../database.ts";
import { ITEM_KINDS } from "../inbox.ts";
import { COUNT_LIMIT } from "./page.ts";
import { querySeen, seenStatement, sees, type Visibility } from "./visibility.ts";

/** Which open items are shown. */
export interface InboxFilters {
  readonly workspaceId: string;
  /** Undefined: items of all people. */
  readonly assignee: string | undefined;
  readonly kinds: readonly PersonItemKind[];
}

/** A page of open items. */
export interface InboxPage {
  readonly items: OpenInboxItem[];
  /** Where the next page begins; undefined at the end. */
  readonly next: InboxPlace | undefined;
}

/** Where a page ended. */
export interface InboxPlace {
  /** Milliseconds since the epoch. */
  readonly openedAtMs: number;
  readonly runId: string;
  readonly stepIndex: number;
  readonly place: number;
}

/** A step that asks people, with what is known of its run. */
export interface AskingStep {
  readonly runId: string;
  readonly stepIndex: number;
  readonly workspaceId: string;
  readonly definitionId: string;
  readonly versionId: string;
  readonly definitionVersion: number;
  readonly initiatorUserId: string;
  readonly initiatorAgentId: string;
  readonly runState: string;
  readonly state: StepState;
  readonly detail: StepDetail | null;
  readonly approvalRequestId: string | null;
  readonly retryCount: number;
  readonly errorMessage: string | null;
  readonly startedAt: Date;
  readonly timeoutAt: Date | null;
  /** The database's clock. */
  readonly readAt: Date;
  /** Who is asked now, who has claimed the item and when; all null: it has no row, as one that is not open. */
  readonly assignee: string | null;
  readonly claimedBy: string | null;
  readonly claimedAt: Date | null;
  readonly openedAt: Date | null;
}

/** Characters of each text that a list shows; one more says that there are more. */
export const LISTED_CHARS = 500;

/** An open item with its step: of the detail and of long texts what a list shows. */
export interface OpenInboxItem extends AskingStep {
  readonly place: number;
  readonly openedAt: Date;
}

const stepColumns = (
  detail: string,
  error: string,
) => `s.run_id as "runId", s.step_index as "stepIndex", r.workspace_id as "workspaceId",
  r.definition_id as "definitionId", r.version_id as "versionId", r.definition_version as "definitionVersion",
  r.initiator_user_id as "initiatorUserId", r.initiator_agent_id as "initiatorAgentId",
  r.state as "runState", s.state, ${detail} as detail, s.approval_request_id as "approvalRequestId",
  s.retry_count as "retryCount", ${error} as "errorMessage", s.started_at as "startedAt", s.timeout_at as "timeoutAt",
  now() as "readAt", i.assignee, i.claimed_by as "claimedBy", i.claimed_at as "claimedAt",
  i.opened_at as "openedAt"`;
const STEP = stepColumns("s.detail", "s.error_message");
const begin = (text: string) => `left(${text}, ${LISTED_CHARS + 1})`;
/** What a list shows of the detail: no edits, no output of an owner, and of long texts the begin. */
const LISTED_STEP = stepColumns(
  `jsonb_strip_nulls(jsonb_build_object(
    'held', s.detail -> 'held', 'digest', s.detail -> 'digest', 'riskLevel', s.detail -> 'riskLevel',
    'requiredApprovals', s.detail -> 'requiredApprovals',
    'asked', case when s.detail ? 'asked' then jsonb_build_object(
      'assignee', s.detail #> '{asked,assignee}', 'title', ${begin("s.detail #>> '{asked,title}'")},
      'instructions', ${begin("s.detail #>> '{asked,instructions}'")}) end,
    'approvals', (select jsonb_agg(ticket - 'reason' - 'edited' order by place)
      from jsonb_array_elements(s.detail -> 'approvals') with ordinality as t(ticket, place))))`,
  begin("s.error_message"),
);
const NEWEST =
  "opened_at desc nulls last, run_id desc nulls last, step_index desc nulls last, place desc nulls last";

// A kind is a range of an index that is sorted as the list is; Postgres merges them and stops at the end of the page.
const kindRange = (kind: number, condition: string) => `(
      select * from inbox_items
      where workspace_id = $1 and kind = ${kind} and ${kind} = any($2::smallint[]) ${condition}
        and (opened_at, run_id, step_index, place)
          < ($3::timestamptz, $4::text, $5::smallint, $6::smallint)
      order by ${NEWEST} limit $7::integer)`;
// The limit keeps the look-up in the lateral, where it is two index entries an item, whatever the statistics.
const listText = (condition: string) => `select found.*, i.place, i.run_id as "itemRunId",
      i.step_index as "itemStepIndex", i.opened_at as "itemOpenedAt"
    from (
      select * from (${Object.values(ITEM_KINDS)
        .map((kind) => kindRange(kind, condition))
        .join(" union all ")}) as merged
      order by ${NEWEST} limit $7::integer) as i
    left join lateral (
      select ${LISTED_STEP} from workflow_runs r
      join step_runs s on s.run_id = r.id and s.step_index = i.step_index
      where r.id = i.run_id limit 1) as found on true
    order by i.opened_at desc, i.run_id desc, i.step_index desc, i.place desc`;
const countText = (condition: string) => `select count(*)::int as total from (
      select 1 from inbox_items
      where workspace_id = $1 and kind = any($2::smallint[]) ${condition} limit ${COUNT_LIMIT}) as counted`;

const LIST: Statement = { name: "list_inbox", text: listText("") };
const LIST_OF_PERSON: Statement = {
  name: "list_inbox_of_person",
  text: listText("and assignee = $8"),
};
const COUNT: Statement = { name: "count_inbox", text: countText("") };
const COUNT_OF_PERSON: Statement = {
  name: "count_inbox_of_person",
  text: countText("and assignee = $3"),
};
const FIND = seenStatement(
  {
    name: "find_asking_step",
    text: `select ${STEP} from workflow_runs r join step_runs s on s.run_id = r.id
    left join inbox_items i
      on i.run_id = s.run_id and i.step_index = s.step_index and i.place = $3::smallint
    where r.id = $1 and s.step_index = $2`,
  },
  "r.workspace_id = $4",
);
/** Later than every item. */
const FIRST_PLACE: InboxPlace = {
  openedAtMs: Date.UTC(9_999, 0),
  runId: "",
  stepIndex: 0,
  place: 0,
};

/** Up to `limit` open items after a place, newest first. */
export async function listInbox(
  db: Queries,
  visibility: Visibility,
  { workspaceId, assignee, kinds }: InboxFilters,
  limit: number,
  after: InboxPlace = FIRST_PLACE,
): Promise<InboxPage> {
  if (!sees(visibility, workspaceId)) return { items: [], next: undefined };
  const { openedAtMs, runId, stepIndex, place } = after;
  const values = [
    ...[workspaceId, numbersOf(kinds), new Date(openedAtMs), runId, stepIndex, place],
    limit,
  ];
  const rows =
    assignee === undefined
      ? await db.query<ListedRow & Row>(LIST, values)
      : await db.query<ListedRow & Row>(LIST_OF_PERSON, [...values, assignee]);
  const last = rows.length < limit ? undefined : rows.at(-1);
  return { items: rows.filter(hasStep), next: last && placeOf(last) };
}

/** A row of the index; all that is of the step is null where there is none. */
interface ListedRow {
  readonly itemRunId: string;
  readonly itemStepIndex: number;
  readonly itemOpenedAt: Date;
  readonly place: number;
  readonly runId: string | null;
}

function hasStep<T extends ListedRow>(row: T): row is T & OpenInboxItem {
  return row.runId !== null;
}

function placeOf({ itemRunId: runId, itemStepIndex, itemOpenedAt, place }: ListedRow): InboxPlace {
  return { openedAtMs: itemOpenedAt.getTime(), runId, stepIndex: itemStepIndex, place };
}

/** How many items are open, counted to 10,000. */
export async function countInbox(
  db: Queries,
  visibility: Visibility,
  { workspaceId, assignee, kinds }: InboxFilters,
): Promise<number> {
  if (!sees(visibility, workspaceId)) return 0;
  const values = [workspaceId, numbersOf(kinds)];
  const [row] =
    assignee === undefined
      ? await db.query<{ total: number }>(COUNT, values)
      : await db.query<{ total: number }>(COUNT_OF_PERSON, [...values, assignee]);
  return row?.total ?? 0;
}

/** A step that has begun, with what is known of its run and of its item at a place. */
export async function findAskingStep(
  db: Queries,
  visibility: Visibility,
  runId: string,
  stepIndex: number,
  place: number,
): Promise<AskingStep | undefined> {
  const values = [runId, stepIndex, place];
  const [row] = await querySeen<AskingStep & Row>(db, visibility, FIND, values);
  return row;
}

interface Row {
  readonly [column: string]: unknown;
}

function numbersOf(kinds: readonly PersonItemKind[]): number[] {
  return kinds.map((kind) => ITEM_KINDS[kind]);
}
