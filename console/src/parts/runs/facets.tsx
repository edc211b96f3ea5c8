/** The filters above the list of runs, each with how many runs it would leave. */
import { X } from "lucide-react";
import type { SearchCounts } from "../../../../gen/workflows/ops/v1/runs_pb.ts";
import { WorkflowState } from "../../../../gen/workflows/v1/workflows_pb.ts";
import { nameOfValue } from "../../api/names.ts";
import { lookOfRun } from "../state-badge.tsx";
import { type FilterName, type Filters, toggled, wordsIn } from "./filters.ts";
import "../../styles/runs.css";
import { PlainText } from "../plain-text.tsx";
import { visibleText } from "../visible-text.ts";

/** How a filter is set; "" takes it away. */
export type SetFilter = (name: FilterName, value: string) => void;

const STATES = [
  WorkflowState.RUNNING,
  WorkflowState.PAUSED,
  WorkflowState.COMPENSATING,
  WorkflowState.COMPLETED,
  WorkflowState.FAILED,
  WorkflowState.CANCELLED,
] as const;

const WAITS: Readonly<Record<string, string>> = {
  approval: "an approval",
  task: "a person's task",
  event: "an event",
  timer: "a time",
  retry: "the next try",
  child: "another run",
  agent: "an agent",
  worker: "a worker",
  governance: "governance",
  held: "an order (held)",
  paused: "a resume (paused)",
};

const SINCE: Readonly<Record<string, string>> = {
  "1h": "1 hour",
  "24h": "24 hours",
  "7d": "7 days",
  "30d": "30 days",
};

const OPEN_FOR: Readonly<Record<string, string>> = {
  "1h": "1 hour",
  "24h": "1 day",
  "7d": "7 days",
};

const OUTCOMES: Readonly<Record<string, string>> = {
  succeeded: "succeeded",
  failed: "failed",
  "timed-out": "timed out",
  cancelled: "cancelled",
  compensated: "compensated",
  "compensation-failed": "compensation failed",
};

/** Filters that other pages set, shown as what can be taken away. */
const SET_ELSEWHERE: readonly FilterName[] = [
  ...(["version", "environment", "entity", "entity-type", "agent"] as const),
  ...(["user", "parent", "retrying"] as const),
];

export function StateChips({
  filters,
  counts,
  onSet,
}: {
  readonly filters: Filters;
  readonly counts: SearchCounts | undefined;
  readonly onSet: SetFilter;
}) {
  const on = wordsIn(filters.state);
  return (
    <fieldset className="chips">
      <legend className="spoken">States</legend>
      {STATES.map((state) => {
        const { word, tone, icon: Icon } = lookOfRun(state);
        const upper = nameOfValue(WorkflowState, state);
        const name = upper.toLowerCase();
        const count = countOf(counts, "state", `WORKFLOW_STATE_${upper}`);
        return (
          <button
            type="button"
            key={name}
            className="chip"
            data-tone={tone}
            aria-pressed={on.includes(name)}
            onClick={() => onSet("state", toggled(filters.state, name))}
          >
            <Icon size={14} aria-hidden="true" />
            {word}
            <span className="number">{count ?? ""}</span>
          </button>
        );
      })}
    </fieldset>
  );
}

export function FilterFields({
  filters,
  counts,
  nameOf,
  onSet,
}: {
  readonly filters: Filters;
  readonly counts: SearchCounts | undefined;
  readonly nameOf: (definitionId: string) => string;
  readonly onSet: SetFilter;
}) {
  const workflows = Object.fromEntries(
    (valuesOf(counts, "definition_id") ?? []).map(({ value }) => [value, nameOf(value)]),
  );
  if (filters.workflow !== undefined) workflows[filters.workflow] ??= nameOf(filters.workflow);
  const common = { filters, onSet };
  return (
    <div className="filters">
      <Choice
        {...common}
        name="workflow"
        label="Workflow"
        options={workflows}
        count={(value) => countOf(counts, "definition_id", value)}
      />
      <Choice
        {...common}
        name="waiting-for"
        label="Waits for"
        options={WAITS}
        count={(value) => countOf(counts, "waiting_for", `REASON_CODE_${value.toUpperCase()}`)}
      />
      <Choice {...common} name="outcome" label="Ended as" options={OUTCOMES} />
      <Choice {...common} name="since" label="Started within" options={SINCE} />
      <Choice {...common} name="open-for" label="Open over" options={OPEN_FOR} />
      <label className="filter">
        <span>Error has</span>
        <input
          type="search"
          key={filters.error ?? ""}
          defaultValue={filters.error ?? ""}
          placeholder="text"
          onBlur={(event) => onSet("error", event.target.value.trim())}
          onKeyDown={(event) =>
            event.key === "Enter" && onSet("error", event.currentTarget.value.trim())
          }
        />
      </label>
      {SET_ELSEWHERE.filter((name) => filters[name] !== undefined).map((name) => (
        <button type="button" key={name} className="chip" onClick={() => onSet(name, "")}>
          <span className="muted">{name}</span>{" "}
          <PlainText most={200}>{filters[name] ?? ""}</PlainText>
          <X size={14} aria-label="Take away" />
        </button>
      ))}
    </div>
  );
}

function Choice({
  name,
  label,
  options,
  filters,
  onSet,
  count,
}: {
  readonly name: FilterName;
  readonly label: string;
  readonly options: Readonly<Record<string, string>>;
  readonly filters: Filters;
  readonly onSet: SetFilter;
  readonly count?: (value: string) => number | undefined;
}) {
  const value = filters[name] ?? "";
  // Several words, or one that this page does not know, came by the address.
  const shown = value === "" || value in options ? options : { ...options, [value]: value };
  return (
    <label className="filter" data-on={value !== ""}>
      <span>{label}</span>
      <select value={value} onChange={(event) => onSet(name, event.target.value)}>
        <option value="">any</option>
        {Object.entries(shown).map(([each, words]) => {
          const found = count?.(each);
          return (
            <option key={each} value={each}>
              {visibleText(found === undefined ? words : `${words} (${found})`)}
            </option>
          );
        })}
      </select>
    </label>
  );
}

function valuesOf(counts: SearchCounts | undefined, field: string) {
  return counts?.facets.find((facet) => facet.field === field)?.values;
}

/** How many runs have a value; undefined: that is not known. */
function countOf(counts: SearchCounts | undefined, field: string, value: string) {
  const values = valuesOf(counts, field);
  if (values === undefined) return undefined;
  return values.find((each) => each.value === value)?.totalSize ?? 0;
}
