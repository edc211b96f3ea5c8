/** Calls to the meter service: what a step cost so far, where no report gave it. */
import { fromBinary } from "@bufbuild/protobuf";
import { MeterService, QueryUsageRequestSchema } from "../../../gen/meter/v1/meter_pb.ts";
import { type FailOpenDeps, orGoOn } from "../../collaborators/fail-open.ts";
import { readQueryUsage } from "../../wire/calls/replies.ts";
import type { Performer } from "./performer.ts";

/** MeterService.QueryUsage. A meter that does not answer costs the step nothing but the knowledge of its cost. */
export function performQueryUsage({ clients, log }: FailOpenDeps): Performer {
  return async (call) => {
    const meter = clients.find("meter");
    const unknown = { ok: true, value: { kind: "query_usage", costUsd: 0 } } as const;
    if (meter === undefined) return unknown;
    const request = fromBinary(QueryUsageRequestSchema, call.request);
    const { queryUsage } = MeterService.method;
    const asked = meter.askBriefly(queryUsage, request, call);
    const answer = await orGoOn(log, "meter", asked);
    if (answer.kind !== "reply") return unknown;
    const usage = readQueryUsage(answer.reply, call.workspaceId);
    // The step ends all the same, and without that cost: the log line is its only trace.
    if (!usage.ok) log.warn("the meter's answer is not believed", { problem: usage.message });
    return usage;
  };
}
