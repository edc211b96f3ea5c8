/**
 * The steps of a version as a whole: ids, a root, compensation links.
 * Boundary: what a step of a type needs is in check-steps.ts, edges in check-edges.ts.
 */

import { factsOf } from "../steps/registry.ts";
import type { VersionSpec } from "../values/definition.ts";
import { type AddFault, quoted } from "./faults.ts";
import { isRoot, type Links } from "./links.ts";

const MAX_ID_CHARS = 128;
const STEP_ID = /^[A-Za-z0-9][A-Za-z0-9_-]{0,127}$/;

/** Reports malformed and clashing ids; of two that clash the later one. */
export function checkStepIds(spec: VersionSpec, addFault: AddFault): void {
  const indexByName = new Map<string, number>();
  for (const [index, { id }] of spec.steps.entries()) {
    const field = `steps[${index}].id`;
    if (!STEP_ID.test(id)) {
      addFault(
        field,
        `${id === "" ? "is empty" : `${quoted(id)} is malformed`}: an id has 1 to 128 letters, digits, "-" or "_" ` +
          "and begins with a letter or digit",
      );
    }
    // In expressions `-` is written `_`: such ids would be one name. A longer id is refused already, and may be as long as a request.
    const name = id.length > MAX_ID_CHARS ? id : id.replaceAll("-", "_");
    const first = indexByName.get(name);
    if (first === undefined) indexByName.set(name, index);
    else if (id !== "") addFault(field, clash(id, spec.steps[first]?.id ?? "", first));
  }
}

function clash(id: string, other: string, first: number): string {
  if (id === other) return `${quoted(id)} is already the id of steps[${first}]`;
  return `${quoted(id)} differs only in "-" and "_" from ${quoted(other)} of steps[${first}]`;
}

/** Reports a version without steps or without a step that a run could begin with. */
export function checkRoots(spec: VersionSpec, links: Links, addFault: AddFault): void {
  if (spec.steps.length === 0) addFault("steps", "a version has at least one step");
  else if (!spec.steps.some((_, index) => isRoot(links, index))) {
    addFault("steps", "no step is a root: each has an incoming edge or only compensates another");
  }
}

/** Reports compensation steps that cannot serve as such, at the steps that name them. */
export function checkCompensations(spec: VersionSpec, links: Links, addFault: AddFault): void {
  for (const [index, step] of spec.steps.entries()) {
    if (step.compensationStepId === "") continue;
    for (const problem of compensationProblems(spec, links, index, step.compensationStepId)) {
      addFault(`steps[${index}].compensation_step_id`, problem);
    }
  }
}

function compensationProblems(
  spec: VersionSpec,
  links: Links,
  index: number,
  targetId: string,
): string[] {
  const target = links.indexById.get(targetId);
  const step = target === undefined ? undefined : spec.steps[target];
  if (target === undefined || step === undefined) return [`there is no step ${quoted(targetId)}`];
  if (target === index) return ["a step cannot compensate itself"];
  const problems: string[] = [];
  const wired = (links.incoming[target]?.length ?? 0) + (links.outgoing[target]?.length ?? 0) > 0;
  if (wired) problems.push(`step ${quoted(targetId)} has edges, a compensation step has none`);
  const first = links.compensates[target] ?? index;
  if (first !== index) {
    problems.push(`step ${quoted(targetId)} already compensates steps[${first}]`);
  }
  if (factsOf(step.stepType)?.canCompensate === false) {
    problems.push(`step ${quoted(targetId)} is a ${step.stepType}, which cannot compensate`);
  }
  if (step.compensationStepId !== "") {
    problems.push(`step ${quoted(targetId)} has a compensation step itself`);
  }
  return problems;
}
