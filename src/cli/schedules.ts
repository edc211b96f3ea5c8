/** `workflows schedules`: times at which runs of a workflow are started. */
import { toJson } from "@bufbuild/protobuf";
import { type Timestamp, timestampDate } from "@bufbuild/protobuf/wkt";
import {
  type RunAs,
  RunAsScope,
  type Schedule,
  ScheduleOverlap,
  ScheduleSchema,
} from "../../gen/workflows/ops/v1/schedules_pb.ts";
import type { JsonObject } from "../engine/values/json.ts";
import { nearest } from "../file/faults.ts";
import { type Call, flagOption, textOption } from "./call.ts";
import { requireDefinition } from "./definitions.ts";
import { EXIT, usageFault } from "./failure.ts";
import { readCount } from "./numbers.ts";
import { timeText } from "./output.ts";
import { findTime, readSpec } from "./schedule-spec.ts";
import { connectService, type Service } from "./service.ts";
import { readSettings } from "./settings.ts";
import { nameOf } from "./show-run.ts";

type Action = (service: Service, call: Call, argument: string) => Promise<number>;

/** What is done, and what its argument is; "": it takes none. */
const ACTIONS: Readonly<Record<string, readonly [act: Action, argument: string]>> = {
  create: [create, ""],
  list: [list, ""],
  update: [update, "id"],
  pause: [changing(({ schedules }, id, reason) => schedules.pause({ id, reason })), "id"],
  resume: [changing(({ schedules }, id, reason) => schedules.resume({ id, reason })), "id"],
  run: [runNow, "id"],
  backfill: [backfill, "id"],
  preview: [preview, "line"],
  delete: [remove, "id"],
};

/** The first argument says what is done. */
export async function run(call: Call): Promise<number> {
  const [name = "", argument = ""] = call.args;
  const found = Object.hasOwn(ACTIONS, name) ? ACTIONS[name] : undefined;
  if (found === undefined) {
    const names = Object.keys(ACTIONS);
    throw usageFault(`"${name}" is not among ${names.join(", ")}${nearest(name, names)}`);
  }
  const [act, wanted] = found;
  if (act === list && argument !== "") {
    throw usageFault(`list takes no id: use --workflow ${argument}`);
  }
  if (wanted !== "" && argument === "") {
    const hint = wanted === "id" ? "an id: workflows schedules list" : `a ${wanted} in quotes`;
    throw usageFault(`${name} needs ${hint}`);
  }
  const service = connectService(await readSettings(call.options), textOption(call, "key"));
  return act(service, call, argument);
}

async function create(service: Service, call: Call, name: string): Promise<number> {
  const reference = textOption(call, "workflow") ?? name;
  if (reference === "" || textOption(call, "cron") === undefined) {
    throw usageFault("create needs the name of a workflow and --cron");
  }
  const { spec } = readSpec(call);
  const { id: definitionId } = await requireDefinition(service, reference);
  const { schedule } = await service.schedules.create({
    ...{ definitionId, spec, paused: flagOption(call, "paused") },
    environment: textOption(call, "environment") ?? "",
    reason: textOption(call, "reason") ?? "",
  });
  return print(call, schedule);
}

/** Changes what the options name; the etag is that of the schedule as it is now. */
async function update({ schedules }: Service, call: Call, id: string): Promise<number> {
  if (textOption(call, "environment") !== undefined) {
    throw usageFault("a schedule stays in its environment: create one there, and delete this one");
  }
  if (flagOption(call, "paused")) throw usageFault(`pause it by: workflows schedules pause ${id}`);
  const { spec, mask: updateMask } = readSpec(call);
  if (updateMask.length === 0) {
    throw usageFault("update needs what is changed, such as --cron, --overlap or --run-as");
  }
  const { schedule: before } = await schedules.get({ id });
  const { schedule } = await schedules.update({
    ...{ id, etag: before?.etag ?? "", spec, updateMask: [...updateMask] },
    reason: textOption(call, "reason") ?? "",
  });
  return print(call, schedule);
}

async function list(service: Service, call: Call): Promise<number> {
  const reference = textOption(call, "workflow");
  const workflow =
    reference === undefined ? undefined : await requireDefinition(service, reference);
  const { schedules, totalSize } = await service.schedules.list({
    workspaceId: service.settings.workspace,
    definitionId: workflow?.id ?? "",
    pageSize: readCount(call, "limit") ?? 0,
  });
  const { out } = call;
  if (out.json) for (const each of schedules) out.object(jsonOf(each));
  else if (out.quiet) for (const { id } of schedules) out.line(id);
  else {
    const head = ["ID", "NAME", "WORKFLOW", "WHEN", "NEXT", "FOR", "STATE"];
    out.table(head, schedules.map(rowOf));
    if (schedules.length === 0) out.talk("there are no schedules");
    else if (totalSize > schedules.length)
      out.talk(`${schedules.length} of ${totalSize}; --limit shows more`);
  }
  return EXIT.done;
}

function changing(
  change: (service: Service, id: string, reason: string) => Promise<{ schedule?: Schedule }>,
): Action {
  return async (service, call, id) => {
    const { schedule } = await change(service, id, textOption(call, "reason") ?? "");
    return print(call, schedule);
  };
}

async function runNow({ schedules }: Service, call: Call, id: string): Promise<number> {
  const { runId } = await schedules.runNow({ id, reason: textOption(call, "reason") ?? "" });
  if (call.out.json) call.out.object({ run_id: runId });
  else call.out.line(runId);
  return EXIT.done;
}

async function backfill({ schedules }: Service, call: Call, id: string): Promise<number> {
  const { out } = call;
  const { runIds, started } = await schedules.backfill({
    ...{ id, from: readTime(call, "from"), to: readTime(call, "to") },
    reason: textOption(call, "reason") ?? "",
  });
  if (out.json) out.object({ run_ids: runIds, started });
  else {
    for (const runId of runIds) out.line(runId);
    out.talk(`${started} runs are started; ${runIds.length - started} slots had run before`);
  }
  return EXIT.done;
}

async function preview({ schedules }: Service, call: Call, line: string): Promise<number> {
  const { out } = call;
  const { words, times } = await schedules.preview({
    ...{ line, zone: textOption(call, "zone") ?? "", count: readCount(call, "limit") ?? 0 },
  });
  const texts = times.map((time) => timestampDate(time).toISOString());
  if (out.json) out.object({ words, times: texts });
  else {
    out.talk(words);
    for (const text of texts) out.line(text);
  }
  return EXIT.done;
}

async function remove({ schedules }: Service, call: Call, id: string): Promise<number> {
  const { out } = call;
  await schedules.delete({ id, reason: textOption(call, "reason") ?? "" });
  if (out.json) out.object({ deleted: id });
  else out.line(out.quiet ? id : `${id} is deleted`);
  return EXIT.done;
}

function print({ out }: Call, schedule: Schedule | undefined): number {
  if (schedule === undefined) throw usageFault("the service answers without a schedule");
  if (out.json) out.object(jsonOf(schedule));
  else if (out.quiet) out.line(schedule.id);
  else {
    out.line(schedule.id);
    const next = textOf(schedule.next[0]);
    out.talk(`${schedule.words}; ${next === "" ? stateOf(schedule) : `next ${next}`}`);
  }
  return EXIT.done;
}

function readTime(call: Call, name: string): Timestamp {
  const time = findTime(call, name);
  if (time === undefined) throw usageFault("backfill needs --from and --to");
  return time;
}

function jsonOf(schedule: Schedule): JsonObject {
  return toJson(ScheduleSchema, schedule, { useProtoFieldName: true }) as JsonObject;
}

function rowOf(schedule: Schedule): string[] {
  const { id, spec, definitionId, words, next } = schedule;
  const name = spec?.name ?? "";
  return [id, name, definitionId, words, textOf(next[0]), whomOf(spec?.runAs), stateOf(schedule)];
}

/** Whom it acts for; "": the trigger of a version, or nobody said who. */
function whomOf(runAs: RunAs | undefined): string {
  const { scope = RunAsScope.UNSPECIFIED, subject = "" } = runAs ?? {};
  if (scope === RunAsScope.ORG) return "org";
  return subject === "" ? "" : `${nameOf(RunAsScope, scope).toLowerCase()}:${subject}`;
}

function stateOf({ paused, readOnly, next, spec, changeReason }: Schedule): string {
  if (paused) return changeReason === "" ? "paused" : `paused: ${changeReason}`;
  if (readOnly) return "trigger of a version";
  if (next.length === 0) return "over";
  return spec?.overlap === undefined || spec.overlap <= ScheduleOverlap.ALLOW
    ? ""
    : `overlap ${nameOf(ScheduleOverlap, spec.overlap)}`;
}

function textOf(time: Timestamp | undefined): string {
  return timeText(time === undefined ? undefined : timestampDate(time));
}
