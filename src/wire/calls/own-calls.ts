/**
 * Calls of the service to itself, read again from their bytes: JSON of our own, written by calls.ts.
 * Boundary: pure. A field that is missing is "", 0 or {}; a word that is none of its kind is a bug and
 * throws.
 */

import type {
  CancelRun,
  CompensateRun,
  StartRerun,
  StartRun,
  TellParent,
} from "../../engine/values/call.ts";
import type { ChildReport } from "../../engine/values/child-run.ts";
import { TRIGGER_TYPES } from "../../engine/values/definition.ts";
import { findEnvironment } from "../../engine/values/environment.ts";
import { isJsonObject, type Json, type JsonObject, ownValue } from "../../engine/values/json.ts";

const utf8 = new TextDecoder();

/** Reads the bytes of a `start_run`. A version that was no number is -1, which no definition has. */
export function decodeStartRun(request: Uint8Array): StartRun {
  const fields = fieldsOf(request);
  const step = fields.object("parentStep");
  return {
    kind: "start_run",
    workspaceId: fields.text("workspaceId"),
    definitionId: fields.text("definitionId"),
    name: fields.text("name"),
    version: wholeNumber(fields.number("version")),
    parentRunId: fields.text("parentRunId"),
    parentDefinitionId: fields.text("parentDefinitionId"),
    parentStep: {
      index: step.number("index"),
      attempt: step.number("attempt"),
      child: step.number("child"),
      depth: step.number("depth"),
    },
    initiatorAgentId: fields.text("initiatorAgentId"),
    initiatorUserId: fields.text("initiatorUserId"),
    entityId: fields.text("entityId"),
    entityType: fields.text("entityType"),
    hops: fields.number("hops"),
    ...environmentOf(fields),
    input: fields.payload("input") ?? {},
  };
}

/** Reads the bytes of a `cancel_run`. */
export function decodeCancelRun(request: Uint8Array): CancelRun {
  const fields = fieldsOf(request);
  return { kind: "cancel_run", runId: fields.text("runId"), reason: fields.text("reason") };
}

/** Reads the bytes of a `compensate_run`. */
export function decodeCompensateRun(request: Uint8Array): CompensateRun {
  const fields = fieldsOf(request);
  return { kind: "compensate_run", runId: fields.text("runId"), reason: fields.text("reason") };
}

/** Reads the bytes of a `tell_parent`. */
export function decodeTellParent(request: Uint8Array): TellParent {
  const fields = fieldsOf(request);
  const report = fields.object("report");
  const output = report.payload("output");
  return {
    kind: "tell_parent",
    parentRunId: fields.text("parentRunId"),
    report: {
      stepIndex: report.number("stepIndex"),
      attempt: report.number("attempt"),
      child: report.number("child"),
      runId: report.text("runId"),
      seq: report.number("seq"),
      state: report.oneOf("state", END_STATES),
      ...(output === undefined ? {} : { output }),
      errorMessage: report.text("errorMessage"),
      costUsd: report.number("costUsd"),
      undoing: report.oneOf("undoing", COMPENSATION_ENDS),
    },
  };
}

/** Reads the bytes of a `start_rerun`. */
export function decodeStartRerun(request: Uint8Array): StartRerun {
  const fields = fieldsOf(request);
  const [input, seed, cause] = [
    fields.payload("input"),
    fields.object("seed"),
    fields.object("cause"),
  ];
  const said = (key: "by" | "reason" | "via") => {
    const text = cause.text(key);
    return text === "" ? {} : { [key]: text };
  };
  return {
    kind: "start_rerun",
    definitionId: fields.text("definitionId"),
    versionId: fields.text("versionId"),
    version: fields.number("version"),
    triggerType: fields.oneOf("triggerType", TRIGGER_TYPES),
    initiatorAgentId: fields.text("initiatorAgentId"),
    initiatorUserId: fields.text("initiatorUserId"),
    parentRunId: fields.text("parentRunId"),
    entityId: fields.text("entityId"),
    entityType: fields.text("entityType"),
    hops: fields.number("hops"),
    ...environmentOf(fields),
    ...(input === undefined ? {} : { input }),
    ...(fields.flag("inputUnset") ? { inputUnset: true } : {}),
    seed: {
      reused: seed.objects("reused").map((each) => ({
        ...{ from: each.number("from"), to: each.number("to"), flags: each.number("flags") },
      })),
      ...{
        skipped: seed.numbers("skipped"),
        taken: seed.numbers("taken"),
        dead: seed.numbers("dead"),
      },
    },
    cause: { kind: "rpc", id: cause.text("id"), ...said("by"), ...said("reason"), ...said("via") },
  };
}

/** Where a run was started, of the fields of a call; production is left out. */
export function environmentOf(fields: FieldReader): { environment?: string } {
  const environment = findEnvironment(fields.text("environment"));
  return environment === undefined ? {} : { environment };
}

const END_STATES: readonly ChildReport["state"][] = ["COMPLETED", "FAILED", "CANCELLED"];
const COMPENSATION_ENDS: readonly ChildReport["undoing"][] = ["no", "done", "failed"];
// The range of the column: what is out of it is no version either.
const MAX_VERSION = 2_147_483_647;

function wholeNumber(value: number): number {
  return Number.isInteger(value) && value >= 0 && value <= MAX_VERSION ? value : -1;
}

interface FieldReader {
  text(key: string): string;
  number(key: string): number;
  flag(key: string): boolean;
  /** Those of a list that are numbers. */
  numbers(key: string): number[];
  payload(key: string): JsonObject | undefined;
  object(key: string): FieldReader;
  objects(key: string): FieldReader[];
  oneOf<Name extends string>(key: string, names: readonly Name[]): Name;
}

/** The fields of a call that is JSON of our own. */
export function fieldsOf(request: Uint8Array): FieldReader {
  const value: Json = JSON.parse(utf8.decode(request));
  return readerOf(value);
}

function readerOf(value: Json | undefined): FieldReader {
  const own = (key: string) => (isJsonObject(value) ? ownValue(value, key) : undefined);
  const list = (key: string): readonly Json[] => {
    const field = own(key);
    return Array.isArray(field) ? field : [];
  };
  return {
    text(key: string): string {
      const field = own(key);
      return typeof field === "string" ? field : "";
    },
    number(key: string): number {
      const field = own(key);
      // What is not finite is null in JSON.
      return typeof field === "number" ? field : field === null ? Number.NaN : 0;
    },
    payload(key: string): JsonObject | undefined {
      const field = own(key);
      return isJsonObject(field) ? field : undefined;
    },
    flag: (key: string): boolean => own(key) === true,
    numbers: (key: string): number[] => list(key).filter((each) => typeof each === "number"),
    object: (key: string): FieldReader => readerOf(own(key)),
    objects: (key: string): FieldReader[] => list(key).map(readerOf),
    oneOf<Name extends string>(key: string, names: readonly Name[]): Name {
      const name = names.find((candidate) => candidate === own(key));
      if (name === undefined) throw new Error(`a call of our own names an unknown ${key}`);
      return name;
    },
  };
}
