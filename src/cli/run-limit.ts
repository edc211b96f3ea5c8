/** Options of `workflows create` and `update` that say how many runs may be open at once. */
import { create, type MessageInitShape } from "@bufbuild/protobuf";
import {
  type RunLimit,
  RunLimitSchema,
  WhenFull,
} from "../../gen/workflows/ops/v1/run_limits_pb.ts";
import { type Call, textOption } from "./call.ts";
import { readEnum } from "./enum-option.ts";
import { readCount } from "./numbers.ts";

/** The limit that the options make of the present one; undefined where none is given. */
export function runLimitOf(call: Call, now?: RunLimit): RunLimit | undefined {
  const isLifted = textOption(call, "maxOpenRuns") === "0";
  const maxOpenRuns = isLifted ? 0 : readCount(call, "maxOpenRuns");
  const concurrencyKey = textOption(call, "concurrencyKey");
  const whenFull = readEnum(call, "whenFull", WhenFull);
  const given: MessageInitShape<typeof RunLimitSchema> = {
    ...(maxOpenRuns === undefined ? {} : { maxOpenRuns }),
    ...(concurrencyKey === undefined ? {} : { concurrencyKey }),
    ...(whenFull === undefined ? {} : { whenFull }),
  };
  if (Object.keys(given).length === 0) return undefined;
  const { maxOpenRuns: max = 0, concurrencyKey: key = "", whenFull: what = 0 } = now ?? {};
  return create(RunLimitSchema, {
    maxOpenRuns: max,
    concurrencyKey: key,
    whenFull: what,
    ...given,
  });
}
