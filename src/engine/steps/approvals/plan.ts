/**
 * The approvers of a gate, how many must approve, and the approvers that it escalates to.
 * Boundary: pure; reads the rendered config, whose forms and limits publish has checked (check.ts).
 * Invariant: no approver is named twice. Who decides may be another person than the one asked: tickets.ts counts persons.
 */
import type { Json, JsonObject } from "../../values/json.ts";
import { MAX_SECONDS } from "../../values/limits.ts";
import type { Escalation } from "../../values/step-detail.ts";

/** The approvers of a gate and its escalation. */
export interface ApprovalPlan {
  /** At least one; "" when the approvals service chooses the approver. */
  readonly approvers: readonly string[];
  readonly required: number;
  /** Unset when the gate does not escalate. */
  readonly escalation?: Escalation;
}

type Read<Value> =
  | { readonly ok: true; readonly value: Value }
  | { readonly ok: false; readonly problem: string };

/** Reads the plan, or names the invalid value. Leaves out escalation targets that are approvers already. */
export function readApprovalPlan(config: JsonObject): Read<ApprovalPlan> {
  const approvers = readNames(config, "approvers");
  if (!approvers.ok) return approvers;
  const twice = approvers.value.find((name, place) => approvers.value.indexOf(name) !== place);
  if (twice !== undefined) return wrong(`config.approvers names ${JSON.stringify(twice)} twice`);
  const escalation = readEscalation(config, approvers.value);
  if (!escalation.ok) return escalation;
  const { required } = config;
  const asked = approvers.value.length === 0 ? [""] : approvers.value;
  const plan = {
    approvers: asked,
    required: typeof required === "number" ? required : asked.length,
  };
  return {
    ok: true,
    value: escalation.value === undefined ? plan : { ...plan, escalation: escalation.value },
  };
}

function readEscalation(
  config: JsonObject,
  approvers: readonly string[],
): Read<Escalation | undefined> {
  if (!Object.hasOwn(config, "escalate_to")) return { ok: true, value: undefined };
  const named = readNames(config, "escalate_to");
  if (!named.ok) return named;
  const to = [...new Set(named.value)].filter((name) => !approvers.includes(name));
  if (!Object.hasOwn(config, "escalate_after_seconds")) return { ok: true, value: { to } };
  const seconds = numberOf(config.escalate_after_seconds);
  if (seconds === undefined || !(seconds > 0)) {
    const given = JSON.stringify(config.escalate_after_seconds);
    return wrong(`config.escalate_after_seconds is no number of seconds above 0: ${given}`);
  }
  if (seconds > MAX_SECONDS) {
    return wrong(`config.escalate_after_seconds is ${seconds}, over the limit of ${MAX_SECONDS}`);
  }
  return { ok: true, value: { afterMs: Math.ceil(seconds * 1000), to } };
}

function readNames(config: JsonObject, key: string): Read<readonly string[]> {
  const list = config[key];
  const names: string[] = [];
  for (const [place, name] of (Array.isArray(list) ? list : []).entries()) {
    if (typeof name !== "string" || name === "") {
      return wrong(`config.${key}[${place}] names no approver: ${JSON.stringify(name)}`);
    }
    names.push(name);
  }
  return { ok: true, value: names };
}

function numberOf(value: Json | undefined): number | undefined {
  const number = typeof value === "string" && value.trim() !== "" ? Number(value) : value;
  return typeof number === "number" && Number.isFinite(number) ? number : undefined;
}

function wrong(problem: string): { readonly ok: false; readonly problem: string } {
  return { ok: false, problem };
}
