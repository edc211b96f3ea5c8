/** `workflows check`: every fault of workflow files, without a service. */
import { type WorstCase, worstCaseOf } from "../engine/steps/worst-case.ts";
import type { VersionSpec } from "../engine/values/definition.ts";
import type { Json } from "../engine/values/json.ts";
import { roundedDuration } from "../file/durations.ts";
import type { FileFault } from "../file/faults.ts";
import type { Call } from "./call.ts";
import { EXIT } from "./failure.ts";
import { faultLine, readOne } from "./files.ts";

/** Prints faults and warnings; exit 2 when a file has faults. */
export async function run({ args, out }: Call): Promise<number> {
  let isFaulty = false;
  for (const path of args) {
    const { faults, warnings, workflow } = readOne(path);
    isFaulty ||= faults.length > 0;
    if (out.json) {
      for (const fault of faults) out.object(asJson(path, fault, "fault"));
      for (const warning of warnings) out.object(asJson(path, warning, "warning"));
      continue;
    }
    for (const fault of faults) out.line(faultLine(path, fault));
    for (const warning of warnings) if (!out.quiet) out.line(faultLine(path, warning, "warning: "));
    if (workflow !== undefined && !out.quiet) {
      const { length } = workflow.spec.steps;
      out.line(`${path}: ok, ${length} step${length === 1 ? "" : "s"}${worstText(workflow.spec)}`);
    }
  }
  return isFaulty ? EXIT.usage : EXIT.done;
}

function asJson(file: string, { path, line, column, message }: FileFault, severity: string): Json {
  return { file, line, column, severity, path, message };
}

/** What a run takes at most; "" where the version does not say. */
function worstText(spec: VersionSpec): string {
  const { attempts = 0, ...worst } = worstCaseOf(spec);
  const tries = attempts === 1 ? "1 attempt" : `${attempts} attempts`;
  const work = attempts === 0 ? [] : [`${tries} of agents and workers at most`];
  return [...timeText(worst), ...work].map((text) => `; ${text}`).join("");
}

/** Nothing where all steps end at once: no time is worth a word then. */
function timeText({ seconds, endlessStepIds }: Omit<WorstCase, "attempts">): string[] {
  if (seconds === 0) return [];
  if (seconds !== undefined) return [`a run lasts ${roundedDuration(seconds)} at most`];
  const [endless, ...others] = endlessStepIds;
  if (endless === undefined) return [];
  const more = others.length === 0 ? "" : ` and ${others.length} more`;
  return [`${endless}${more} may last for ever`];
}
