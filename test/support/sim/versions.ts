/**
 * The versions that runs of the worlds have, each with an end that no order of happenings changes (but see VARYING).
 * Boundary: rows of definitions and compiled graphs, made once for all worlds.
 */
import { checkVersion } from "../../../src/engine/graph/check.ts";
import { compileGraph } from "../../../src/engine/graph/compile.ts";
import type { Graph } from "../../../src/engine/graph/graph.ts";
import { triggerKeyOf, waitKeyOf, widenPattern } from "../../../src/engine/matching/keys.ts";
import type { StepDefinition, VersionSpec } from "../../../src/engine/values/definition.ts";
import { edgeOf, stepOf, triggerOf } from "../builders/version-spec.ts";
import type { Tables } from "./model/rows.ts";

/** A published version. */
export interface PublishedVersion {
  readonly name: string;
  readonly definitionId: string;
  readonly versionId: string;
  readonly spec: VersionSpec;
  readonly graph: Graph;
}

/** Whose everything in the worlds is. */
export const WORKSPACE = "ws-sim";

/** A line whose slots are all in the first seconds of a world; the next one is a year later. */
export interface ScheduledLine {
  readonly cronLine: string;
  /** Seconds since a world begins. */
  readonly slots: readonly number[];
}

/** Versions with a SCHEDULE trigger, by name. */
export const SCHEDULED: Readonly<Record<string, ScheduledLine>> = {
  seconds: { cronLine: "2-6 0 0 1 1 *", slots: [2, 3, 4, 5, 6] },
  thirds: { cronLine: "1-10/3 0 0 1 1 *", slots: [1, 4, 7, 10] },
  zone: { cronLine: "CRON_TZ=Europe/Paris 3,9,12 0 1 1 1 *", slots: [3, 9, 12] },
};

const agent = (id: string, plan = "", more: Partial<StepDefinition> = {}) =>
  stepOf(id, { name: id, ...more, config: { ...more.config, ...(plan === "" ? {} : { plan }) } });
const task = (id: string, plan = "", more: Partial<StepDefinition> = {}) =>
  agent(id, plan, {
    ...{ agentId: "", requiredCapability: "", ...more },
    config: { ...more.config, queue: "work" },
  });
const other = (id: string, stepType: StepDefinition["stepType"], more: Partial<StepDefinition>) =>
  stepOf(id, { name: id, stepType, ...more });
const RETRIES = { maxRetries: 2, backoffSeconds: 1, backoffMultiplier: 2 };
const UNDOES = { on_error: "compensate" };

const SPECS: Readonly<Record<string, VersionSpec>> = {
  line: made([agent("a"), agent("b"), agent("c")], ["a -> b", "b -> c"], {
    trigger: triggerOf({ triggerType: "EVENT", eventType: "start.line" }),
  }),
  retries: made(
    [
      agent("a", "fail once", { retryPolicy: RETRIES }),
      agent("b", "fail", { retryPolicy: RETRIES }),
    ],
    ["a -> b"],
  ),
  fan: made(
    [other("p", "PARALLEL", {}), agent("a"), agent("b"), agent("c"), agent("j")],
    ["p -> a", "p -> b", "p -> c", "p -> j [joined]"],
  ),
  wait: made(
    [
      agent("a"),
      other("w", "WAIT_FOR_EVENT", {
        eventTypePattern: "came.*",
        eventSubjectPattern: "box.{{ input.key }}",
      }),
      agent("b"),
    ],
    ["a -> w", "w -> b"],
  ),
  tasks: made(
    [task("a"), task("b", "fail once", { retryPolicy: RETRIES }), task("c"), agent("d")],
    ["a -> b", "a -> c", "b -> d", "c -> d"],
  ),
  overtaken: made(
    [
      task("a", "slow once", {
        ...{ timeoutSeconds: 3, retryPolicy: { ...RETRIES, backoffSeconds: 0.5 } },
        config: { on_error: "continue" },
      }),
      task("b"),
    ],
    ["a -> b"],
  ),
  // The first objective ends after the second one was made for the step, deaf to its cancel.
  hasty: made(
    [
      agent("a", "slow once", {
        ...{ timeoutSeconds: 1, retryPolicy: { ...RETRIES, backoffSeconds: 0 } },
        config: { on_error: "continue" },
      }),
      agent("b"),
    ],
    ["a -> b"],
  ),
  decisions: made(
    [
      other("g", "GOVERNANCE_CHECK", { actionType: "buy" }),
      other("q", "APPROVAL_GATE", { actionType: "buy", config: { approvers: ["ann", "bob"] } }),
      other("n", "NOTIFICATION", { notificationChannel: "EMAIL", config: { blocking: true } }),
      agent("a"),
    ],
    ["g -> q", "q -> n", "n -> a"],
  ),
  timers: made(
    [
      other("t", "WAIT_FOR_EVENT", { config: { delay_seconds: 3 } }),
      agent("a", "silent", { timeoutSeconds: 2 }),
      agent("b"),
    ],
    ["t -> a", "a -> b [timeout]"],
  ),
  undo: made(
    [
      agent("a", "", { compensationStepId: "undo-a" }),
      agent("b", "", { compensationStepId: "undo-b" }),
      agent("c", "fail", { config: UNDOES }),
      agent("undo-a"),
      agent("undo-b"),
    ],
    ["a -> b", "b -> c"],
  ),
  parent: made(
    [
      agent("a"),
      stepOf("l", {
        ...{ name: "l", agentId: "" },
        config: { workflow: { name: "child", for_each: "[1, 2, 3]", max_parallel: 2 } },
      }),
      agent("b"),
    ],
    ["a -> l", "l -> b"],
  ),
  hand: made(
    [agent("a"), other("h", "HUMAN_TASK", { config: { assignee: "eve" } }), agent("b")],
    ["a -> h", "h -> b"],
  ),
  // The failure cancels a step whose row another replica may have written since, and no move of the run with it.
  clash: made(
    [
      other("t", "WAIT_FOR_EVENT", { config: { delay_seconds: 7 } }),
      agent("a", "fail"),
      agent("s", "silent"),
    ],
    ["t -> a"],
  ),
  child: made([agent("x")], [], { trigger: triggerOf({ triggerType: "WORKFLOW" }) }),
  ...Object.fromEntries(
    Object.entries(SCHEDULED).map(([name, { cronLine }]) => [
      name,
      made([agent("a")], [], {
        trigger: triggerOf({ triggerType: "SCHEDULE", cronExpr: cronLine }),
      }),
    ]),
  ),
};

/** Versions of which what owners make depends on the order of happenings. */
export const VARYING: ReadonlySet<string> = new Set(["clash", "overtaken", "hasty"]);

/** All versions by name. */
export const PUBLISHED: ReadonlyMap<string, PublishedVersion> = new Map(
  Object.entries(SPECS).map(([name, spec]) => [
    name,
    {
      ...{ name, spec, definitionId: `wf-${name}`, versionId: `wfv-${name}` },
      graph: compileGraph(spec),
    },
  ]),
);

function made(
  steps: readonly StepDefinition[],
  arrows: readonly string[],
  more: Partial<VersionSpec> = {},
): VersionSpec {
  const edges = arrows.map((arrow) => edgeOf(arrow));
  const spec = { steps, edges, trigger: triggerOf(), timeoutSeconds: 0, author: "", ...more };
  const faults = checkVersion(spec);
  if (faults.length > 0) throw new Error(JSON.stringify(faults));
  return spec;
}

/** Publishes all versions at a time. */
export function publishAll(tables: Tables, at: Date): void {
  for (const { name, definitionId, versionId, spec } of PUBLISHED.values()) {
    const triggerKey = triggerKeyOf(spec.trigger) ?? null;
    tables.definitions.committed.set(definitionId, {
      ...{ id: definitionId, workspaceId: WORKSPACE, name, description: "", tags: [], xmin: "1" },
      ...{ latestVersion: 1, latestVersionId: versionId, createdAt: at, updatedAt: at },
      ...{ triggerKey, listensSince: triggerKey === null ? null : at },
    });
    const { steps, edges, trigger, timeoutSeconds, author } = spec;
    tables.versions.committed.set(versionId, {
      ...{ id: versionId, definitionId, version: 1, trigger, timeoutSeconds, author },
      ...{
        steps: [...steps],
        edges: [...edges],
        defaultRetryPolicy: null,
        createdAt: at,
        xmin: "1",
      },
    });
    for (const { eventTypePattern, eventSubjectPattern } of steps) {
      if (eventTypePattern === "") continue;
      const [typePattern, subjectPattern] = [eventTypePattern, eventSubjectPattern].map(
        widenPattern,
      );
      const waitKey = waitKeyOf(typePattern ?? "", subjectPattern ?? "");
      tables.waitPatterns.committed.set(`${versionId}|${waitKey}`, {
        ...{
          versionId,
          definitionId,
          workspaceId: WORKSPACE,
          waitKey,
          eventPaths: null,
          xmin: "1",
        },
        ...{ typePattern: typePattern ?? "", subjectPattern: subjectPattern ?? "" },
      });
    }
  }
}
