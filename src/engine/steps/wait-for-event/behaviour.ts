/**
 * WAIT_FOR_EVENT: a subscription with patterns and a filter, or a timer.
 * Boundary: see contract.ts. Its key finds the wait (matching/keys.ts); the filter is evaluated here.
 */
import type { Draft } from "../../draft/draft.ts";
import { evaluateIn, renderIn, scopeFor } from "../../draft/scope.ts";
import { holds } from "../../expression/expression.ts";
import { fillTank } from "../../expression/fuel.ts";
import { type Template, withoutExpressions } from "../../expression/template.ts";
import { failure, goBadly, succeed } from "../../flow/ending.ts";
import { parsePointInTime, pointInTimeProblem } from "../../graph/point-in-time.ts";
import { equalityText } from "../../matching/equality.ts";
import { attributesInScope } from "../../matching/event-scope.ts";
import { waitKeyOf } from "../../matching/keys.ts";
import { matchesPattern, parsePattern } from "../../matching/pattern.ts";
import { environmentOfEvent } from "../../values/environment.ts";
import type { ArrivedEvent } from "../../values/input.ts";
import { type JsonObject, ownValue } from "../../values/json.ts";
import { MAX_SECONDS } from "../../values/limits.ts";
import type { Reply } from "../../values/reply.ts";
import { isFinalStep } from "../../values/run.ts";
import type { EventWait } from "../../values/step-detail.ts";
import type { StepBehaviour, StepTask } from "../contract.ts";
import {
  completeTransparently,
  completeWithOwnOutput,
  failAttempt,
  PLAIN_BEHAVIOUR,
} from "../plain.ts";
import { STEP_FACTS } from "../registry.ts";
import { renderConfig } from "../render-config.ts";
import { isTimer } from "./timer.ts";

/** WAIT_FOR_EVENT. */
export const waitForEvent: StepBehaviour = {
  ...PLAIN_BEHAVIOUR,
  begin(task, input) {
    const { draft, index } = task;
    const config = renderConfig(draft, index, input);
    if (!config.ok) {
      goBadly(draft, index, failure(config.problem, true));
      return;
    }
    const dueAtMs = timerOf(config.value, draft.nowMs);
    if (typeof dueAtMs === "string") goBadly(draft, index, failure(dueAtMs, true));
    else if (dueAtMs === undefined) subscribe(task, input, config.value);
    else waitUntil(task, dueAtMs);
  },
  completedByHand(task, report) {
    if (isTimer(task.draft.step(task.index).def)) completeTransparently(task, report);
    else completeWithOwnOutput(task, report);
  },
  failedByHand: failAttempt,
  eventArrived,
  woken: delayElapsed,
  retriesTimeout: false,
};

/** The timer of a delay fired. */
function delayElapsed(task: StepTask): void {
  succeed(task.draft, task.index, { output: {}, extendsInput: true });
}

/** An event has the wait's key: ends the wait if it matches the patterns and the filter holds. */
function eventArrived(task: StepTask, event: ArrivedEvent): Reply {
  return { kind: takes(task, event) ? "applied" : "unchanged" };
}

function takes({ draft, index }: StepTask, event: ArrivedEvent): boolean {
  const row = draft.rows.peek(index);
  const { wait } = row.detail;
  if (wait === undefined || !fits(wait.typePattern ?? "", event.type)) return false;
  if (!fits(wait.subjectPattern ?? "", event.subject)) return false;
  // An event of a test must not move a run of production, nor the other way round.
  if (environmentOfEvent(event.extensions) !== draft.run.environment) return false;
  if (hasStarted(draft, event) || wasTaken(draft, index, event)) return false;
  if (!passesFilter(draft, index, event)) return false;
  const taking = draft.rows.row(index);
  taking.eventId = event.id;
  if (event.source !== "") taking.detail = { ...taking.detail, eventSource: event.source };
  succeed(draft, index, { output: event.data, extendsInput: false });
  return true;
}

function fits(pattern: string, text: string): boolean {
  if (pattern === "") return true;
  const parsed = parsePattern(pattern);
  return parsed.ok && matchesPattern(parsed.pattern, text);
}

function hasStarted({ run }: Draft, { id, source }: ArrivedEvent): boolean {
  return run.triggerEventId === id && areEqual(run.triggerSource, source);
}

/** Ids are unique within a source. An RPC names no source: its event has the same id as one from any source. */
function areEqual(source: string, other: string): boolean {
  return source === other || source === "" || other === "";
}

/** An event ends every wait that is open on its arrival, but none that opened after another wait of the run took it. */
function wasTaken(draft: Draft, index: number, { id, source }: ArrivedEvent): boolean {
  const { startedAtMs, detail } = draft.rows.peek(index);
  const openedAtMs = detail.wait?.openedAtMs ?? startedAtMs;
  const ended = draft.graph.steps
    .filter((step) => STEP_FACTS[step.type].waitsForEvents && step.index !== index)
    .map((step) => step.index)
    .filter((other) => draft.marks.hasRow(other) && isFinalStep(draft.marks.state(other)));
  draft.rows.require(ended);
  return ended
    .map((other) => draft.rows.peek(other))
    .filter((row) => row.eventId === id && areEqual(row.detail.eventSource ?? "", source))
    .some((row) => (row.completedAtMs ?? 0) <= openedAtMs);
}

function passesFilter(draft: Draft, index: number, event: ArrivedEvent): boolean {
  const { filter } = draft.step(index);
  if (filter === undefined) return true;
  const scope = scopeFor(draft, filter, event.data);
  const tank = fillTank();
  const held = holds(filter, { ...scope, event: attributesInScope(event) }, tank);
  draft.budget.spend(tank.work);
  if (held.problem !== undefined) draft.failedExpressions.set(held.problem, "wait");
  return held.holds;
}

function subscribe(task: StepTask, input: JsonObject, config: JsonObject): void {
  const { draft, index } = task;
  const { typePattern, subjectPattern } = draft.step(index);
  const { def } = draft.step(index);
  const type = renderPattern(draft, typePattern, def.eventTypePattern, input);
  const subject = renderPattern(draft, subjectPattern, def.eventSubjectPattern, input);
  if (!type.ok || !subject.ok) {
    const problem = type.ok ? (subject.ok ? "" : subject.problem) : type.problem;
    goBadly(draft, index, failure(problem, true));
    return;
  }
  const lookbackMs = durationOf(config, "lookback_seconds");
  if (typeof lookbackMs === "string") {
    goBadly(draft, index, failure(lookbackMs, true));
    return;
  }
  const row = draft.rows.row(index);
  const { createdAtMs } = draft.run;
  // The lookback never reaches back before the start of the run.
  const since = (backMs: number) => Math.max(createdAtMs, draft.nowMs - backMs);
  const wait: EventWait = {
    ...(type.text === "" ? {} : { typePattern: type.text }),
    ...(subject.text === "" ? {} : { subjectPattern: subject.text }),
    ...(lookbackMs === undefined ? {} : { sinceMs: since(lookbackMs) }),
    ...(row.retryCount === 0 ? {} : { openedAtMs: draft.nowMs }),
  };
  row.detail = { ...row.detail, wait };
  row.waitKey = waitKeyOf(type.text, subject.text);
  const equals = equalsOf(draft, index);
  if (equals === undefined) delete row.waitEquals;
  else row.waitEquals = equals;
  draft.openedWaits.push(index);
  draft.moveStep(index, "WAITING", { op: "waiting" });
}

/** The values that the filter requires of the event; undefined when one is unknown yet, or unfit for a key. */
function equalsOf(draft: Draft, index: number): string | undefined {
  const { equality } = draft.step(index);
  if (equality === undefined) return undefined;
  const values = equality.values.map((value) => evaluateIn(draft, value, {}));
  return equalityText(
    equality.paths,
    values.map((value) => (value.ok ? value.value : undefined)),
  );
}

type Rendered = { ok: true; text: string } | { ok: false; problem: string };

function renderPattern(
  draft: Draft,
  template: Template | undefined,
  source: string,
  input: JsonObject,
): Rendered {
  if (template === undefined) return { ok: true, text: "" };
  const rendered = renderIn(draft, template, input);
  if (!rendered.ok) return rendered;
  const text = typeof rendered.value === "string" ? rendered.value : JSON.stringify(rendered.value);
  const parsed = parsePattern(text);
  if (!parsed.ok) return { ok: false, problem: `event pattern ${text}: ${parsed.problem}` };
  // A wildcard from a value would match events that the author did not mean.
  if (wildcards(text) !== wildcards(withoutExpressions(source))) {
    return { ok: false, problem: `event pattern ${text}: a value put into it holds a wildcard` };
  }
  return { ok: true, text };
}

function wildcards(pattern: string): number {
  return pattern.replace(/[^*>]/g, "").length;
}

function waitUntil(task: StepTask, dueAtMs: number): void {
  const { draft, index } = task;
  if (dueAtMs <= draft.nowMs) {
    delayElapsed(task);
    return;
  }
  draft.rows.row(index).wakeAtMs = dueAtMs;
  draft.moveStep(index, "WAITING", { op: "waiting" });
}

/** When a timer falls due; undefined when the step waits for an event; a text when the setting is wrong. */
function timerOf(config: JsonObject, nowMs: number): number | undefined | string {
  const delayMs = durationOf(config, "delay_seconds");
  if (delayMs !== undefined) return typeof delayMs === "string" ? delayMs : nowMs + delayMs;
  if (!Object.hasOwn(config, "until")) return undefined;
  const text = typeof config.until === "string" ? config.until : "";
  const at = parsePointInTime(text);
  return at ?? `config.until ${pointInTimeProblem(text)}: ${JSON.stringify(config.until)}`;
}

/** Milliseconds of a setting in seconds; undefined when unset; a text when it is wrong. */
function durationOf(config: JsonObject, key: string): number | undefined | string {
  const value = ownValue(config, key);
  if (value === undefined) return undefined;
  const seconds = typeof value === "string" && value.trim() !== "" ? Number(value) : value;
  return typeof seconds === "number" && seconds >= 0 && seconds <= MAX_SECONDS
    ? Math.round(seconds * 1000)
    : `config.${key} is no number of seconds from 0 to ${MAX_SECONDS}: ${JSON.stringify(value)}`;
}
