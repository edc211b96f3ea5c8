/** Makes a schedule, or changes one: the line by presets or by hand, with the times that it means while it is typed. */
import type { JsonObject } from "@bufbuild/protobuf";
import { Plus } from "lucide-react";
import { useDeferredValue, useId, useState } from "react";
import {
  type Schedule,
  ScheduleOverlap,
} from "../../../../../gen/workflows/ops/v1/schedules_pb.ts";
import type { WorkflowDefinition } from "../../../../../gen/workflows/v1/workflows_pb.ts";
import { nameOfValue } from "../../../api/names.ts";
import { useAct, useCall } from "../../../api/queries.ts";
import { dateOf } from "../../../api/times.ts";
import { ActionDialog } from "../../action-dialog.tsx";
import { Chips } from "../../chips.tsx";
import { withReason } from "../../cli-line.tsx";
import { ErrorNote } from "../../error-note.tsx";
import { parseObject } from "../../forms/form-model.ts";
import { Loading } from "../../loading.tsx";
import { PlainText } from "../../plain-text.tsx";
import { absoluteWords, useZone } from "../../zone.tsx";
import { sampleOf } from "./curl.ts";
import { readRunAs, runAsText } from "./run-as.ts";

const PRESETS = ["hourly", "daily 9am", "weekdays", "weekly Monday", "monthly"];
const TIMES_SHOWN = 5;
const INDENT = 2;
const UPDATED = ["name", "line", "zone", "overlap", "input"];

const OVERLAPS: Readonly<Record<ScheduleOverlap, string>> = {
  [ScheduleOverlap.UNSPECIFIED]: "",
  [ScheduleOverlap.ALLOW]: "start a run beside it",
  [ScheduleOverlap.SKIP]: "start none",
  [ScheduleOverlap.BUFFER_ONE]: "start one when it has ended",
  [ScheduleOverlap.BUFFER_ALL]: "start each when those before have ended",
  [ScheduleOverlap.CANCEL_OTHER]: "cancel it, and start",
};
const CHOICES: readonly ScheduleOverlap[] = Object.values(ScheduleOverlap).filter(
  (value) => value !== ScheduleOverlap.UNSPECIFIED,
);

interface Typed {
  readonly name: string;
  readonly line: string;
  readonly zone: string;
  readonly overlap: ScheduleOverlap;
  readonly input: string;
  /** As `group:finance`; empty: whoever makes it. */
  readonly runAs: string;
}

/** `schedule`: the one that is changed; undefined: a new one is made. */
export function EditSchedule({
  definition,
  inputSchema,
  schedule,
}: {
  readonly definition: WorkflowDefinition;
  readonly inputSchema: JsonObject | undefined;
  readonly schedule?: Schedule;
}) {
  const first = () => typedOf(schedule, inputSchema);
  const [typed, setTyped] = useState(first);
  const [isOpen, setOpen] = useState(false);
  const input = parseObject(typed.input);
  const isNew = schedule === undefined;
  const { name, line, zone, overlap } = typed;
  const runAs = readRunAs(typed.runAs);
  const isSameRunAs = typed.runAs === runAsText(schedule?.spec?.runAs);
  const save = useAct(async ({ schedules }, reason: string): Promise<unknown> => {
    const spec = {
      ...{ name, line, zone, overlap },
      ...(input === undefined ? {} : { input }),
      ...(runAs === undefined ? {} : { runAs }),
    };
    if (schedule === undefined) {
      return schedules.create({ definitionId: definition.id, spec, reason });
    }
    const { id, etag } = schedule;
    const updateMask = isSameRunAs ? [...UPDATED] : [...UPDATED, "run_as"];
    return schedules.update({ id, etag, spec, reason, updateMask });
  });
  const overlapWord = nameOfValue(ScheduleOverlap, overlap).toLowerCase().replaceAll("_", "-");
  const args = [
    ...(isNew ? ["schedules", "create", definition.name] : ["schedules", "update", schedule.id]),
    ...["--cron", line],
    ...(zone === "" ? [] : ["--zone", zone]),
    ...(isNew && overlap === ScheduleOverlap.ALLOW ? [] : ["--overlap", overlapWord]),
    ...(isNew && name === "" ? [] : ["--name", name]),
    ...(input === undefined || (isNew && Object.keys(input).length === 0)
      ? []
      : ["--input", JSON.stringify(input)]),
    ...(typed.runAs === "" || (!isNew && isSameRunAs) ? [] : ["--run-as", typed.runAs]),
  ];
  return (
    <ActionDialog
      title={isNew ? "Make the schedule" : "Change the schedule"}
      trigger={
        isNew ? (
          <button type="button">
            <Plus size={16} aria-hidden="true" />
            New schedule
          </button>
        ) : (
          <button type="button">Edit</button>
        )
      }
      reason="optional"
      isReady={line.trim() !== "" && input !== undefined && runAs !== undefined}
      cli={(reason: string) => withReason(args, reason)}
      act={(reason) => save.mutateAsync(reason)}
      onOpenChange={(next) => {
        setOpen(next);
        if (next) setTyped(first());
      }}
    >
      <WhenFields typed={typed} onType={setTyped} />
      {isOpen && <Times line={line} zone={zone} />}
      <MoreFields typed={typed} isFault={input === undefined} onType={setTyped} />
    </ActionDialog>
  );
}

function typedOf(schedule: Schedule | undefined, schema: JsonObject | undefined): Typed {
  const {
    name = "",
    line = "daily 9am",
    zone = localZone(),
    overlap,
    input,
  } = schedule?.spec ?? {};
  return {
    ...{ name, line, zone },
    overlap: overlap || ScheduleOverlap.ALLOW,
    runAs: runAsText(schedule?.spec?.runAs),
    input: JSON.stringify(input ?? (schedule ? {} : sampleOf(schema)), undefined, INDENT),
  };
}

function localZone(): string {
  return Intl.DateTimeFormat().resolvedOptions().timeZone ?? "UTC";
}

interface FieldProps {
  readonly typed: Typed;
  readonly onType: (typed: Typed) => void;
}

function WhenFields({ typed, onType }: FieldProps) {
  const ids = { line: useId(), zone: useId(), zones: useId() };
  return (
    <>
      <Chips
        legend="Usual times"
        chips={PRESETS.map((id) => ({ id, label: id }))}
        on={[typed.line]}
        onToggle={(line) => onType({ ...typed, line })}
      />
      <div className="field">
        <label htmlFor={ids.line}>When</label>
        <input
          id={ids.line}
          value={typed.line}
          autoComplete="off"
          spellCheck={false}
          onChange={({ target }) => onType({ ...typed, line: target.value })}
        />
        <p className="muted">
          One of the above, cron such as <code>0 9 * * 1-5</code>, or <code>@every 90m</code>
        </p>
      </div>
      <div className="field">
        <label htmlFor={ids.zone}>Time zone</label>
        <input
          id={ids.zone}
          list={ids.zones}
          value={typed.zone}
          autoComplete="off"
          onChange={({ target }) => onType({ ...typed, zone: target.value.trim() })}
        />
        <datalist id={ids.zones}>
          {["UTC", ...Intl.supportedValuesOf("timeZone")].map((name) => (
            <option key={name} value={name} />
          ))}
        </datalist>
      </div>
    </>
  );
}

/** What the line means, by the service. */
function Times({ line, zone }: { readonly line: string; readonly zone: string }) {
  const { zone: shown } = useZone();
  const [wantedLine, wantedZone] = [useDeferredValue(line), useDeferredValue(zone)];
  const { data, error } = useCall(
    ["schedules", "preview", wantedLine, wantedZone],
    ({ schedules }, options) =>
      schedules.preview({ line: wantedLine, zone: wantedZone, count: TIMES_SHOWN }, options),
    { isEnabled: wantedLine.trim() !== "", staleMs: 30_000, isKept: true },
  );
  if (error) return <ErrorNote error={error} />;
  if (data === undefined) return <Loading rows={2} />;
  return (
    <div className="schedule-preview" role="status">
      <strong>
        <PlainText most={300}>{data.words}</PlainText>
      </strong>
      <ol>
        {data.times.map((at) => {
          const date = dateOf(at);
          return date && <li key={date.getTime()}>{absoluteWords(date, shown)}</li>;
        })}
      </ol>
    </div>
  );
}

function MoreFields({ typed, isFault, onType }: FieldProps & { readonly isFault: boolean }) {
  const ids = { overlap: useId(), input: useId(), name: useId(), runAs: useId() };
  const isNobody = readRunAs(typed.runAs) === undefined;
  return (
    <>
      <div className="field">
        <label htmlFor={ids.overlap}>While a run of an earlier time is open</label>
        <select
          id={ids.overlap}
          value={typed.overlap}
          onChange={({ target }) => {
            const overlap = CHOICES[target.selectedIndex] ?? ScheduleOverlap.ALLOW;
            onType({ ...typed, overlap });
          }}
        >
          {CHOICES.map((choice) => (
            <option key={choice} value={choice}>
              {OVERLAPS[choice]}
            </option>
          ))}
        </select>
      </div>
      <div className="field">
        <label htmlFor={ids.input}>Input of its runs, a JSON object</label>
        <textarea
          id={ids.input}
          className="code"
          rows={4}
          spellCheck={false}
          value={typed.input}
          aria-invalid={isFault}
          onChange={({ target }) => onType({ ...typed, input: target.value })}
        />
        {isFault && <p className="fault">This is no JSON object</p>}
      </div>
      <div className="field">
        <label htmlFor={ids.runAs}>
          Acts for <span className="muted">(you unless given)</span>
        </label>
        <input
          id={ids.runAs}
          value={typed.runAs}
          autoComplete="off"
          spellCheck={false}
          aria-invalid={isNobody}
          onChange={({ target }) => onType({ ...typed, runAs: target.value.trim() })}
        />
        <p className={isNobody ? "fault" : "muted"}>
          <code>user:NAME</code>, <code>group:NAME</code>, or <code>org</code> for the workspace
        </p>
      </div>
      <div className="field">
        <label htmlFor={ids.name}>
          Name <span className="muted">(optional)</span>
        </label>
        <input
          id={ids.name}
          value={typed.name}
          autoComplete="off"
          onChange={({ target }) => onType({ ...typed, name: target.value })}
        />
      </div>
    </>
  );
}
