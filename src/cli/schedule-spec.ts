/** What a schedule does, by the options of `workflows schedules create` and `update`. */
import type { MessageInitShape } from "@bufbuild/protobuf";
import { type Timestamp, timestampFromMs } from "@bufbuild/protobuf/wkt";
import {
  type RunAsSchema,
  RunAsScope,
  ScheduleOverlap,
  type ScheduleSpecSchema,
} from "../../gen/workflows/ops/v1/schedules_pb.ts";
import { type Call, textOption } from "./call.ts";
import { readEnum } from "./enum-option.ts";
import { usageFault } from "./failure.ts";
import { readJsonObject } from "./json-option.ts";
import { readDurationMs } from "./numbers.ts";

const FOR_WHOM = "user:NAME, group:NAME or org";
/** Scopes that have a subject. */
const SCOPES: Readonly<Record<string, RunAsScope>> = {
  user: RunAsScope.USER,
  group: RunAsScope.GROUP,
};

/** The fields that options name, and the names of these fields. */
export interface GivenSpec {
  readonly spec: MessageInitShape<typeof ScheduleSpecSchema>;
  readonly mask: readonly string[];
}

/** Reads the options of a call. */
export function readSpec(call: Call): GivenSpec {
  const jitterMs = readDurationMs(call, "jitter");
  const catchUpMs = readDurationMs(call, "catchUp");
  const given = {
    line: textOption(call, "cron"),
    zone: textOption(call, "zone"),
    name: textOption(call, "name"),
    overlap: readEnum(call, "overlap", ScheduleOverlap),
    jitter_seconds: seconds(jitterMs),
    catch_up_seconds: seconds(catchUpMs),
    from: findTime(call, "from"),
    to: findTime(call, "to"),
    input: readJsonObject(call, "input", "inputFile"),
    run_as: readRunAs(textOption(call, "runAs")),
  };
  const { jitter_seconds: jitterSeconds, catch_up_seconds: catchUpSeconds, run_as: runAs } = given;
  const { line, zone, name, overlap, from, to, input } = given;
  return {
    spec: {
      ...{ line: line ?? "", zone: zone ?? "", name: name ?? "" },
      overlap: overlap ?? ScheduleOverlap.UNSPECIFIED,
      jitterSeconds: jitterSeconds ?? 0,
      ...(catchUpSeconds === undefined ? {} : { catchUpSeconds }),
      ...(from === undefined ? {} : { from }),
      ...(to === undefined ? {} : { to }),
      ...(input === undefined ? {} : { input }),
      ...(runAs === undefined ? {} : { runAs }),
    },
    mask: Object.entries(given).flatMap(([field, value]) => (value === undefined ? [] : [field])),
  };
}

/** The time of an option; undefined without it. */
export function findTime(call: Call, name: string): Timestamp | undefined {
  const text = textOption(call, name);
  if (text === undefined) return undefined;
  const ms = Date.parse(text);
  if (Number.isFinite(ms)) return timestampFromMs(ms);
  throw usageFault(`--${name} "${text}" is no time such as 2026-11-29T08:00Z`);
}

/** Whom a schedule acts for, as `user:ann`. */
function readRunAs(text: string | undefined): MessageInitShape<typeof RunAsSchema> | undefined {
  if (text === undefined) return undefined;
  if (text === "org") return { scope: RunAsScope.ORG };
  const [, word = "", subject = ""] = /^([a-z]+):(.+)$/.exec(text) ?? [];
  const scope = Object.hasOwn(SCOPES, word) ? SCOPES[word] : undefined;
  if (scope === undefined) throw usageFault(`--run-as "${text}" is not ${FOR_WHOM}`);
  return { scope, subject };
}

function seconds(ms: number | undefined): number | undefined {
  return ms === undefined ? undefined : Math.ceil(ms / 1_000);
}
