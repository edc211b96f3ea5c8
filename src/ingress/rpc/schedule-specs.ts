/**
 * The spec of a schedule as a request has it: what is wrong with it, and on whose behalf it may start runs.
 * Boundary: one spec; what is stored, and when slots are, is runtime's.
 */
import { timestampDate } from "@bufbuild/protobuf/wkt";
import {
  RunAsScope,
  type ScheduleSpec,
  ScheduleSpecSchema,
} from "../../../gen/workflows/ops/v1/schedules_pb.ts";
import { readCronLine } from "../../engine/values/cron.ts";
import { PRESET_NAMES, withoutPreset, withZone } from "../../engine/values/cron-presets.ts";
import { type FieldFault, Refusal } from "../../process/refusal.ts";
import { OVERLAPS } from "../../runtime/schedule-slots.ts";
import type { ScheduleContent } from "../../runtime/workflow-schedules.ts";
import { actorOf, refuseAgent } from "./actor.ts";
import { invalidFields } from "./fields.ts";
import { requireScope } from "./guard.ts";
import type { WriteDeps } from "./service-deps.ts";

/** Names of the fields of a spec. */
export const SPEC_FIELDS: readonly string[] = ScheduleSpecSchema.fields.map(({ name }) => name);

const CATCH_UP_SECONDS = { least: 10, most: 31_536_000 };
const JITTER_SECONDS = 3_600;
const GROUP = /^[\x21-\x39\x3b-\x7e]{1,200}$/;

/** A schedule of which nothing is said. */
export const EMPTY_CONTENT: ScheduleContent = {
  ...{ name: "", line: "", zone: "", overlap: "allow", catchUpSeconds: undefined },
  ...{ jitterSeconds: 0, from: undefined, to: undefined, input: {} },
  ...{ runAs: "unspecified", runAsSubject: "" },
};

/** Who a schedule acts for. */
type RunsAs = Pick<ScheduleContent, "runAs" | "runAsSubject">;

/** The content with these fields of a spec, which is not checked yet. */
export function withSpec(
  content: ScheduleContent,
  spec: ScheduleSpec,
  runsAs: RunsAs,
  fields: ReadonlySet<string>,
): ScheduleContent {
  const has = <Value>(name: string, wanted: Value, old: Value) => (fields.has(name) ? wanted : old);
  const dateOf = (at: ScheduleSpec["from"]) => (at === undefined ? undefined : timestampDate(at));
  return {
    name: has("name", spec.name, content.name),
    line: has("line", withoutPreset(spec.line), content.line),
    zone: has("zone", spec.zone, content.zone),
    overlap: has("overlap", OVERLAPS[Math.max(0, spec.overlap - 1)] ?? "allow", content.overlap),
    catchUpSeconds: has("catch_up_seconds", spec.catchUpSeconds, content.catchUpSeconds),
    jitterSeconds: has("jitter_seconds", spec.jitterSeconds, content.jitterSeconds),
    from: has("from", dateOf(spec.from), content.from),
    to: has("to", dateOf(spec.to), content.to),
    input: has("input", spec.input ?? {}, content.input),
    ...has("run_as", runsAs, { runAs: content.runAs, runAsSubject: content.runAsSubject }),
  };
}

/** Refuses invalid_fields with everything that is wrong with a schedule. */
export function requireContent(content: ScheduleContent, nowMs: number): void {
  const faults = [
    ...lineFaults(content.line, content.zone, "spec."),
    ...timeFaults(content, nowMs),
  ];
  const { catchUpSeconds, jitterSeconds } = content;
  const { least, most } = CATCH_UP_SECONDS;
  if (catchUpSeconds !== undefined && (catchUpSeconds < least || catchUpSeconds > most)) {
    const description = `is ${catchUpSeconds}; it must be ${least} to ${most}`;
    faults.push({ field: "spec.catch_up_seconds", description });
  }
  if (jitterSeconds < 0 || jitterSeconds > JITTER_SECONDS) {
    const description = `is ${jitterSeconds}; it must be 0 to ${JITTER_SECONDS}`;
    faults.push({ field: "spec.jitter_seconds", description });
  }
  if (faults.length > 0) throw invalidFields(faults);
}

/** What is wrong with a line and a zone. */
export function lineFaults(line: string, zone: string, before: string): FieldFault[] {
  if (line === "") {
    const description = `is required: a cron line such as "0 9 * * MON", or ${PRESET_NAMES.join(", ")}`;
    return [{ field: `${before}line`, description }];
  }
  if (zone !== "" && line.startsWith("CRON_TZ=")) {
    return [
      { field: `${before}zone`, description: "and the line both name a zone; leave out one" },
    ];
  }
  if (zone !== "" && !readCronLine(withZone("@daily", zone)).ok) {
    return [{ field: `${before}zone`, description: `"${zone}" is no time zone` }];
  }
  const read = readCronLine(withZone(line, zone));
  if (read.ok) return [];
  // Somebody wrote words.
  const presets = /[*\d@]/.test(line) ? "" : `; the presets are ${PRESET_NAMES.join(", ")}`;
  return [{ field: `${before}line`, description: `${read.problem}${presets}` }];
}

function timeFaults({ from, to }: ScheduleContent, nowMs: number): FieldFault[] {
  if (to === undefined) return [];
  if (from !== undefined && from >= to) {
    return [{ field: "spec.to", description: "is not behind spec.from" }];
  }
  return to.getTime() > nowMs ? [] : [{ field: "spec.to", description: "is over" }];
}

/** On whose behalf the schedule of a request starts runs. Refuses what the caller may not. */
export function readRunAs(
  deps: Pick<WriteDeps, "caller" | "actor">,
  { runAs: asked }: ScheduleSpec,
): RunsAs {
  const { scope = RunAsScope.UNSPECIFIED, subject = "" } = asked ?? {};
  const self = actorOf(deps) ?? "";
  const isAgent = deps.caller?.isAgent === true;
  if (scope === RunAsScope.ORG) {
    if (subject === "") return allowed(deps, { runAs: "org", runAsSubject: "" });
    const description = "is empty for ORG: nobody is the initiator";
    throw invalidFields([{ field: "spec.run_as.subject", description }]);
  }
  if (scope === RunAsScope.GROUP) {
    if (GROUP.test(subject)) return allowed(deps, { runAs: "group", runAsSubject: subject });
    const description = "is the name of a group: visible ASCII characters without a colon";
    throw invalidFields([{ field: "spec.run_as.subject", description }]);
  }
  const isForAgent = scope === RunAsScope.AGENT || (scope === RunAsScope.UNSPECIFIED && isAgent);
  return allowed(deps, { runAs: isForAgent ? "agent" : "user", runAsSubject: subject || self });
}

/** Refuses permission_denied where the caller may not make a schedule that acts for this one; gives it. */
export function allowed({ caller }: Pick<WriteDeps, "caller">, runsAs: RunsAs): RunsAs {
  if (caller === undefined) return runsAs;
  const { runAs, runAsSubject } = runsAs;
  const isOwn = runAsSubject === caller.subject && (runAs === "agent") === caller.isAgent;
  if (isOwn && runAs !== "org" && runAs !== "group") return runsAs;
  refuseAgent(caller, "an agent's schedules act for the agent alone");
  if (runAs === "group" && !caller.scopes.has("workflows:admin")) {
    if (caller.leads?.has(runAsSubject) === true) return runsAs;
    const words = `a schedule acts for the group ${runAsSubject} by the word group:${runAsSubject}:lead of the token, or by workflows:admin`;
    throw new Refusal("permission_denied", words);
  }
  if (runAs !== "group") requireScope(caller, "workflows:admin");
  return runsAs;
}
