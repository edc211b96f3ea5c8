/**
 * Which workflows a list wants, as SQL over a definition `o` and its details `d`.
 * Boundary: text and values. The status is that of engine/values/workflow-status.ts, what a version contains that of
 * engine/steps/contains.ts.
 */
import { AGENT_TYPES, CONTAINS, GATE_TYPES } from "../../engine/steps/contains.ts";
import { WORKFLOW_STATUSES, type WorkflowStatus } from "../../engine/values/workflow-status.ts";

/** What all of a list's workflows have; "", 0 and an empty list take every one. */
export interface WorkflowFilters {
  readonly workspaceId: string;
  readonly nameContains: string;
  /** A part of the name or the description. */
  readonly text: string;
  readonly tag: string;
  readonly owner: string;
  readonly team: string;
  /** Empty: every one but ARCHIVED. */
  readonly statuses: readonly WorkflowStatus[];
  /** Flags that the latest version must have. */
  readonly contains: number;
}

/** All workflows of a workspace that are not archived. */
export function everyWorkflow(workspaceId: string): WorkflowFilters {
  const texts = { nameContains: "", text: "", tag: "", owner: "", team: "" };
  return { ...texts, workspaceId, statuses: [], contains: 0 };
}

/** Whether only what is archived is left out. */
export function takesEvery(filters: WorkflowFilters): boolean {
  const { nameContains, text, tag, owner, team, statuses, contains } = filters;
  return (
    [nameContains, text, tag, owner, team].every((each) => each === "") &&
    statuses.length === 0 &&
    contains === 0
  );
}

/** Flags of steps `s`, for a version without facts; the parameters are lists of types. */
export function containsOfSteps(agentTypes: string, gateTypes: string): string {
  return `bit_or(
      case when s->>'stepType' = any(${agentTypes}::text[]) and coalesce(s->'config'->>'queue', '') = ''
          and coalesce(jsonb_typeof(s->'config'->'workflow'), '') <> 'object'
        then ${CONTAINS.agent} else 0 end
      | case when s->>'skillId' <> '' then ${CONTAINS.skill} else 0 end
      | case when s->>'stepType' = any(${gateTypes}::text[]) then ${CONTAINS.approval} else 0 end)`;
}

// For `exists` the planner may read the whole table.
function hasDeployment(state: string): string {
  return `(select true from workflow_deployments w
      where w.definition_id = o.id and w.state = '${state}' limit 1)`;
}

// What was found of another version than the one in production says nothing.
const IS_FAILED = `(select true from workflow_health h
    where h.definition_id = o.id and (o.latest_version_id is null or h.version_id = o.latest_version_id))`;

/** The number of a status on the wire. */
const STATUS = `case when d.archived_at is not null then ${numberOf("ARCHIVED")}
    when (select true from workflow_pauses p where p.definition_id = o.id) then ${numberOf("PAUSED")}
    when ${hasDeployment("PENDING_APPROVAL")} then ${numberOf("PENDING_APPROVAL")}
    when o.latest_version > 0 or ${hasDeployment("ACTIVE")}
      then case when ${IS_FAILED} then ${numberOf("FAILED")} else ${numberOf("DEPLOYED")} end
    else ${numberOf("DRAFT")} end`;

const LISTED = WORKFLOW_STATUSES.filter(isListed).map(numberOf);

// Where every status but ARCHIVED is wanted, what a status follows from is not looked up.
const HAS_STATUS = `case when d.archived_at is null and $7::int[] @> '{${LISTED.join(",")}}' then true
      else ${STATUS} = any($7::int[]) end`;

// What was published before has no facts.
const CONTAINED = `coalesce(
    (select f.contains::int from version_facts f where f.version_id = o.latest_version_id),
    (select ${containsOfSteps("$9", "$10")} from workflow_versions v
      cross join lateral jsonb_array_elements(v.steps) as s where v.id = o.latest_version_id), 0)`;

/** The condition; $1 is the workspace. What is cheap comes first. */
export const MATCHES = `($2::text = '' or position(lower($2) in lower(o.name)) > 0)
    and ($3::text = '' or position(lower($3) in lower(o.name)) > 0 or position(lower($3) in lower(o.description)) > 0)
    and ($4::text = '' or $4 = any(o.tags))
    and ($5::text = '' or d.owner = $5) and ($6::text = '' or d.team = $6)
    and ${HAS_STATUS}
    and ($8::int = 0 or ${CONTAINED} & $8 = $8)`;
/** How many parameters the condition has. */
export const FILTER_VALUES = 10;

/** $1 to $10. */
export function filterValues(filters: WorkflowFilters): unknown[] {
  const { workspaceId, nameContains, text, tag, owner, team, statuses, contains } = filters;
  const wanted = statuses.length > 0 ? statuses : WORKFLOW_STATUSES.filter(isListed);
  return [
    ...[workspaceId, nameContains, text, tag, owner, team, wanted.map(numberOf), contains],
    ...[AGENT_TYPES, GATE_TYPES],
  ];
}

function isListed(status: WorkflowStatus): boolean {
  return status !== "ARCHIVED";
}

function numberOf(status: WorkflowStatus): number {
  return WORKFLOW_STATUSES.indexOf(status) + 1;
}
