/**
 * From a checked version to the graph that runs it. Done once a version and cached.
 * Boundary: throws on a version that checkVersion would refuse; reports nothing.
 */

import type { Expression } from "../expression/expression.ts";
import { workflowOf } from "../steps/child-runs/setting.ts";
import { kindOf } from "../steps/kind-of.ts";
import type { StepType } from "../steps/types.ts";
import type { RetryPolicy, StepDefinition, VersionSpec } from "../values/definition.ts";
import { ownValue } from "../values/json.ts";
import { ON_ERROR } from "./config-keys.ts";
import { timeoutActionOf } from "./edge-role.ts";
import { storedEquality } from "./event-paths.ts";
import { quoted } from "./faults.ts";
import type {
  ChildSettings,
  Graph,
  GraphEdge,
  GraphStep,
  OnError,
  RetrySettings,
} from "./graph.ts";
import { isCompensation, isRoot, type Links, linkSteps } from "./links.ts";
import { allPieces, type Pieces, parseTexts } from "./parse-texts.ts";
import {
  readExpression,
  readStepTexts,
  type StepTexts,
  type TextContexts,
  textContexts,
} from "./step-texts.ts";
import { topologicalOrder } from "./topological-order.ts";

/** Compiles a version without faults. Throws an Error that names the field otherwise. */
export function compileGraph(spec: VersionSpec): Graph {
  return allPieces(compileGraphInPieces(spec));
}

/** Like compileGraph, piece by piece. */
export function* compileGraphInPieces(spec: VersionSpec): Pieces<Graph> {
  const links = linkSteps(spec);
  const contexts = textContexts([...links.indexById.keys()]);
  yield;
  yield* parseTexts(spec, contexts);
  const edges = spec.edges.map((_, index) => compileEdge(spec, links, contexts, index));
  const steps: GraphStep[] = [];
  for (const [index, step] of spec.steps.entries()) {
    yield;
    steps.push(compileStep(spec, links, contexts, step, index));
  }
  yield;
  const readsVars = VARS.test(JSON.stringify(spec.steps)) || VARS.test(JSON.stringify(spec.edges));
  yield;
  const { filterExpr } = spec.trigger;
  return {
    spec,
    steps,
    edges,
    indexById: links.indexById,
    roots: steps.flatMap(({ index }) => (isRoot(links, index) ? [index] : [])),
    order: topologicalOrder(links).filter((index) => !isCompensation(links, index)),
    timeoutMs: spec.timeoutSeconds * 1000,
    triggerFilter: readExpression(
      filterExpr,
      contexts.triggerFilter,
      "trigger.filter_expr",
      refuse,
    ),
    readsVars,
  };
}

/** Finds `run.vars` and `run["vars"]`, and more: where it finds too much, a start makes one look-up in vain. */
const VARS = /\bvars\b/;

function refuse(field: string, description: string): never {
  throw new Error(`the version was not checked: ${field}: ${description}`);
}

function compileEdge(
  spec: VersionSpec,
  links: Links,
  contexts: TextContexts,
  index: number,
): GraphEdge {
  const edge = spec.edges[index];
  const link = links.edges[index];
  const field = `edges[${index}]`;
  if (edge === undefined || link === undefined || link.from < 0 || link.to < 0) {
    return refuse(field, "leads from or to an unknown step");
  }
  const condition = readExpression(
    edge.conditionExpr,
    contexts.edge,
    `${field}.condition_expr`,
    refuse,
  );
  return { index, ...link, label: edge.label, condition };
}

function compileStep(
  spec: VersionSpec,
  links: Links,
  contexts: TextContexts,
  def: StepDefinition,
  index: number,
): GraphStep {
  const path = `steps[${index}]`;
  const type = requireType(def, path);
  const { config, childTarget, childInput, forEach, repeatWhile, ...texts } = readStepTexts(
    def,
    contexts,
    path,
    refuse,
  );
  const equality = storedEquality(def, contexts.waitFilter);
  const children = childSettingsOf(def, { childTarget, childInput, forEach, repeatWhile });
  if (config === undefined) return refuse(`${path}.config`, "could not be read");
  const ofChildren = [childTarget, childInput, forEach, repeatWhile];
  const read = [config, ...ofChildren, ...Object.values(texts)].filter(
    (text) => text !== undefined,
  );
  const reads = new Set(read.flatMap((text) => text.reads.map((id) => requireIndex(links, id))));
  return {
    ...texts,
    config,
    ...(children === undefined ? {} : { children }),
    ...(equality === undefined ? {} : { equality }),
    index,
    def,
    type,
    kind: kindOf(def, type),
    incoming: links.incoming[index] ?? [],
    outgoing: links.outgoing[index] ?? [],
    isCompensation: isCompensation(links, index),
    compensation: links.indexById.get(def.compensationStepId) ?? -1,
    compensates: isCompensation(links, index) ? (links.compensates[index] ?? -1) : -1,
    parallel: parallelOf(links, index),
    conditionName: texts.condition === undefined ? "" : lastNameOf(texts.condition),
    retry: retrySettings(def.retryPolicy ?? spec.defaultRetryPolicy),
    timeoutMs: timeoutMsOf(def),
    timeoutAction: timeoutActionOf(def),
    onError: onErrorOf(def),
    reads: [...reads].sort((one, other) => one - other),
    readsRunInput: read.some(({ readsInput }) => readsInput),
  };
}

const DEFAULT_MAX_PARALLEL = 10;

function childSettingsOf(
  def: StepDefinition,
  { childTarget, childInput, forEach, repeatWhile }: StepTexts,
): ChildSettings | undefined {
  const settings = workflowOf(def);
  if (settings === undefined || childTarget === undefined) return undefined;
  const { max_parallel: maxParallel, required, for_each: forEachText } = settings;
  const most = typeof maxParallel === "number" ? maxParallel : DEFAULT_MAX_PARALLEL;
  return {
    target: childTarget,
    ...(childInput === undefined ? {} : { input: childInput }),
    ...(forEach === undefined ? {} : { forEach }),
    forEachText: typeof forEachText === "string" ? forEachText : "",
    ...(repeatWhile === undefined ? {} : { repeatWhile }),
    // Rounds follow each other, and are undone one by one.
    maxParallel: repeatWhile === undefined ? most : 1,
    ...(typeof required === "number" ? { required } : {}),
  };
}

function requireIndex(links: Links, id: string): number {
  return links.indexById.get(id) ?? refuse("steps", `there is no step ${quoted(id)}`);
}

function requireType(step: StepDefinition, path: string): StepType {
  return step.stepType === "UNSPECIFIED"
    ? refuse(`${path}.step_type`, "is not set")
    : step.stepType;
}

function parallelOf(links: Links, index: number): number {
  const toChild = links.incoming[index]?.find((edge) => links.edges[edge]?.role === "child");
  return toChild === undefined ? -1 : (links.edges[toChild]?.from ?? -1);
}

const PATH = /^[A-Za-z_]\w*(?:\s*\.\s*[A-Za-z_]\w*|\s*\[\s*(?:"[^"\\]*"|'[^'\\]*')\s*\])*$/;
const LAST_NAME = /([A-Za-z_]\w*)$|\[\s*(?:"([^"\\]*)"|'([^'\\]*)')\s*\]$/;
const CONSTANTS: readonly string[] = ["true", "false", "null"];

/** `deal_value_usd` of `qualify_lead.output.deal_value_usd`; "" of an expression that is no path. */
function lastNameOf(condition: Expression): string {
  const source = condition.source.trim();
  if (!PATH.test(source) || CONSTANTS.includes(source)) return "";
  const last = LAST_NAME.exec(source);
  return last?.[1] ?? last?.[2] ?? last?.[3] ?? "";
}

function retrySettings(policy: RetryPolicy | undefined): RetrySettings {
  if (policy === undefined) return { maxRetries: 0, backoffMs: 0, multiplier: 1 };
  return {
    maxRetries: policy.maxRetries,
    backoffMs: policy.backoffSeconds * 1000,
    multiplier: Math.max(1, policy.backoffMultiplier),
  };
}

function timeoutMsOf(step: StepDefinition): number {
  const inConfig = ownValue(step.config, "timeout_seconds");
  const seconds = typeof inConfig === "number" ? inConfig : step.timeoutSeconds;
  return Math.round(seconds * 1000);
}

function onErrorOf(step: StepDefinition): OnError {
  const written = ownValue(step.config, "on_error");
  return ON_ERROR.find((word) => word === written) ?? "stop";
}
