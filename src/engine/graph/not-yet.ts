/**
 * What authors may write by the contract and this release does not run yet: refused at publish, each with a fault that
 * says so.
 * Boundary: the facts of a step type list the keys.
 */

import { factsOf } from "../steps/registry.ts";
import type { VersionSpec } from "../values/definition.ts";
import type { AddFault } from "./faults.ts";

/** Reports everything of a version that is not available yet. */
export function checkNotYet(spec: VersionSpec, addFault: AddFault): void {
  for (const [index, { stepType, config }] of spec.steps.entries()) {
    for (const key of factsOf(stepType)?.keysNotYet ?? []) {
      if (Object.hasOwn(config, key))
        addFault(`steps[${index}].config.${key}`, "is not available yet");
    }
  }
}
