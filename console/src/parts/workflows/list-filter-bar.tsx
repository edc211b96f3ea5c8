/** The filters above the list of workflows. Each choice is in the address. */
import { useSearchParams } from "wouter";
import { Chips } from "../chips.tsx";
import { toggled, wordsIn } from "../runs/filters.ts";
import { visibleText } from "../visible-text.ts";
import { type ListFilter, type ListFilters, STATUS_WORDS } from "./list-filters.ts";
import { FLAGS, lookOfStatus } from "./status.tsx";

const STATUS_CHIPS = Object.entries(STATUS_WORDS).map(([id, status]) => {
  const { word, tone, icon } = lookOfStatus(status);
  return { id, label: word, tone, icon };
});

const FLAG_CHIPS = FLAGS.map(({ name, word, icon }) => ({ id: name, label: word, icon }));

/** `tags`, `owners` and `teams`: those of what is shown. */
export function ListFilterBar({
  filters,
  tags,
  owners,
  teams,
}: {
  readonly filters: ListFilters;
  readonly tags: readonly string[];
  readonly owners: readonly string[];
  readonly teams: readonly string[];
}) {
  const [, setParams] = useSearchParams();
  const set = (name: ListFilter, value: string) =>
    setParams(
      (old) => {
        const next = new URLSearchParams(old);
        if (value === "") next.delete(name);
        else next.set(name, value);
        return next;
      },
      { replace: true },
    );
  const tag = filters.tag ?? "";
  return (
    <div className="workflows-filters">
      <div className="workflows-search">
        <input
          type="search"
          aria-label="Part of the name or description"
          placeholder="Part of the name or description"
          value={filters.q ?? ""}
          onChange={({ target }) => set("q", target.value)}
        />
        <Choice
          label="Owner"
          every="Every owner"
          value={filters.owner}
          options={owners}
          onChoose={(value) => set("owner", value)}
        />
        <Choice
          label="Team"
          every="Every team"
          value={filters.team}
          options={teams}
          onChoose={(value) => set("team", value)}
        />
        <select
          aria-label="Order"
          value={filters.order ?? ""}
          onChange={({ target }) => set("order", target.value)}
        >
          <option value="">Newest first</option>
          <option value="name">By name</option>
          <option value="updated">Last changed first</option>
        </select>
      </div>
      <div className="workflows-chips">
        <Chips
          legend="Status"
          chips={STATUS_CHIPS}
          on={wordsIn(filters.status)}
          onToggle={(id) => set("status", toggled(filters.status, id))}
        />
        <Chips
          legend="Contains"
          chips={FLAG_CHIPS}
          on={wordsIn(filters.contains)}
          onToggle={(id) => set("contains", toggled(filters.contains, id))}
        />
        <Chips
          legend="Tags"
          chips={withOwn(tags, filters.tag).map((id) => ({ id, label: id }))}
          on={[tag]}
          onToggle={(id) => set("tag", id === tag ? "" : id)}
        />
      </div>
    </div>
  );
}

/** Nothing where there is nothing to choose. */
function Choice({
  label,
  every,
  value,
  options,
  onChoose,
}: {
  readonly label: string;
  readonly every: string;
  readonly value: string | undefined;
  readonly options: readonly string[];
  readonly onChoose: (value: string) => void;
}) {
  const all = withOwn(options, value);
  if (all.length === 0) return null;
  return (
    <select
      aria-label={label}
      value={value ?? ""}
      onChange={({ target }) => onChoose(target.value)}
    >
      <option value="">{every}</option>
      {all.map((option) => (
        <option key={option} value={option}>
          {visibleText(option)}
        </option>
      ))}
    </select>
  );
}

/** What is chosen stays there, though nothing that is shown has it. */
function withOwn(options: readonly string[], value: string | undefined): readonly string[] {
  return value === undefined || options.includes(value) ? options : [...options, value];
}
