/** `workflows explain`: why a run does not move. */
import { toJson } from "@bufbuild/protobuf";
import { type Timestamp, timestampDate } from "@bufbuild/protobuf/wkt";
import {
  ExplanationSchema,
  ReasonCode,
  type WaitReason,
} from "../../gen/workflows/ops/v1/runs_pb.ts";
import type { Json } from "../engine/values/json.ts";
import type { Call } from "./call.ts";
import { CliFailure, EXIT } from "./failure.ts";
import { oneLine } from "./one-line.ts";
import { timeText } from "./output.ts";
import { connectService } from "./service.ts";
import { readSettings } from "./settings.ts";
import { nameOf } from "./show-run.ts";

/** One sentence, then a row for each reason; with --quiet the steps alone. */
export async function run({ args, options, out }: Call): Promise<number> {
  const service = connectService(await readSettings(options));
  const [runId = ""] = args;
  const { explanation } = await service.runs.explain({ runId });
  if (explanation === undefined) {
    throw new CliFailure("the service answers without an explanation", EXIT.failed);
  }
  const { sentence, waits, moreWaits } = explanation;
  if (out.json) {
    out.object(toJson(ExplanationSchema, explanation, { useProtoFieldName: true }) as Json);
  } else if (out.quiet) {
    for (const id of new Set(waits.map(({ stepId }) => stepId))) if (id !== "") out.line(id);
  } else {
    out.line(oneLine(sentence));
    if (waits.length > 0) {
      out.table(["STEP", "REASON", "SINCE", "NEXT", "GIVES UP", "WHY"], waits.map(rowOf));
    }
    if (moreWaits > 0) out.talk(`and ${moreWaits} more reasons`);
  }
  return EXIT.done;
}

function rowOf(wait: WaitReason): string[] {
  const { stepId, code, since, nextTryAt, givesUpAt, sentence, lastError } = wait;
  const isNew = lastError !== "" && !sentence.includes(lastError);
  return [
    stepId,
    nameOf(ReasonCode, code),
    textOf(since),
    textOf(nextTryAt),
    textOf(givesUpAt),
    isNew ? `${sentence}: ${lastError}` : sentence,
  ];
}

function textOf(time: Timestamp | undefined): string {
  return timeText(time === undefined ? undefined : timestampDate(time));
}
