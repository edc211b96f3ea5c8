/** `workflows triggers`: pause and resume what starts runs of a workflow; list and replay what was missed. */
import { toJson } from "@bufbuild/protobuf";
import { timestampDate, timestampFromMs } from "@bufbuild/protobuf/wkt";
import {
  type MissedTrigger,
  MissedTriggerSchema,
  MissedTriggerState,
  OnMissedTrigger,
  WorkflowPauseSchema,
} from "../../gen/workflows/ops/v1/workflow_pauses_pb.ts";
import type { Json } from "../engine/values/json.ts";
import { nearest } from "../file/faults.ts";
import { type Call, textOption } from "./call.ts";
import { requireDefinition } from "./definitions.ts";
import { EXIT, usageFault } from "./failure.ts";
import { readCount, readDurationMs } from "./numbers.ts";
import { timeText } from "./output.ts";
import { connectService, type Service } from "./service.ts";
import { readSettings } from "./settings.ts";
import { nameOf } from "./show-run.ts";

interface Target {
  readonly service: Service;
  readonly definitionId: string;
  readonly reason: string;
  readonly ids: readonly string[];
}
type Action = (target: Target, call: Call) => Promise<number>;

const ACTIONS: Readonly<Record<string, Action>> = { pause, resume, missed, replay };

/** The first argument says what is done, the second one with which workflow. */
export async function run(call: Call): Promise<number> {
  const [name = "", workflow = "", ...ids] = call.args;
  const act = Object.hasOwn(ACTIONS, name) ? ACTIONS[name] : undefined;
  if (act === undefined) {
    const names = Object.keys(ACTIONS);
    throw usageFault(`"${name}" is not among ${names.join(", ")}${nearest(name, names)}`);
  }
  if (act !== replay && ids.length > 0) throw usageFault(`${name} takes no ids`);
  const service = connectService(await readSettings(call.options), textOption(call, "key"));
  const { id: definitionId } = await requireDefinition(service, workflow);
  return act({ service, definitionId, ids, reason: textOption(call, "reason") ?? "" }, call);
}

async function pause({ service, definitionId, reason }: Target, call: Call): Promise<number> {
  const queueMs = readDurationMs(call, "queue");
  const answer = await service.sources.pause({
    ...{ definitionId, reason },
    ...(queueMs === undefined
      ? {}
      : { onMissed: OnMissedTrigger.QUEUE, queueSeconds: Math.ceil(queueMs / 1_000) }),
  });
  const { out } = call;
  if (out.json && answer.pause !== undefined) {
    out.object(toJson(WorkflowPauseSchema, answer.pause, { useProtoFieldName: true }) as Json);
  } else if (out.quiet) out.line(definitionId);
  else {
    const what = queueMs === undefined ? "dropped, and listed" : "queued";
    out.line(`paused; triggers are ${what}; runs under way go on`);
  }
  return EXIT.done;
}

async function resume({ service, definitionId, reason }: Target, { out }: Call): Promise<number> {
  const { starting } = await service.sources.resume({ definitionId, reason });
  if (out.json) out.object({ starting: Number(starting) });
  else if (out.quiet) out.line(definitionId);
  else out.line(`resumed; ${starting} queued triggers start`);
  return EXIT.done;
}

/** Newest first. */
async function missed({ service, definitionId }: Target, call: Call): Promise<number> {
  const { out } = call;
  const pageSize = readCount(call, "limit") ?? 20;
  const { triggers, totalSize } = await service.sources.listMissedTriggers({
    definitionId,
    pageSize,
  });
  if (out.json) {
    for (const each of triggers) {
      out.object(toJson(MissedTriggerSchema, each, { useProtoFieldName: true }) as Json);
    }
  } else if (out.quiet) for (const { id } of triggers) out.line(id);
  else {
    out.table(["ID", "EVENT", "MISSED", "STATE", "RUN", "PROBLEM"], triggers.map(rowOf));
    if (triggers.length === 0) out.talk("no trigger was missed");
    else if (totalSize > triggers.length)
      out.talk(`${triggers.length} of ${totalSize}; --limit shows more`);
  }
  return EXIT.done;
}

async function replay({ service, definitionId, ids, reason }: Target, call: Call): Promise<number> {
  const sinceMs = readDurationMs(call, "since");
  if (ids.length > 0 === (sinceMs !== undefined)) {
    throw usageFault("replay needs ids or --since, and not both: workflows triggers missed");
  }
  const wanted = {
    ...{ definitionId, reason, ids: [...ids] },
    ...(sinceMs === undefined ? {} : { missedFrom: timestampFromMs(Date.now() - sinceMs) }),
  };
  const { starting, skipped, more } = await service.sources.replayMissedTriggers(wanted);
  const { out } = call;
  if (out.json) out.object({ starting, skipped, more });
  else if (!out.quiet) {
    out.line(`${starting} start${skipped > 0 ? `; ${skipped} do not` : ""}`);
    if (skipped > 0) {
      const why = "a trigger starts once, and only where its payload is kept";
      out.talk(`${why}: workflows triggers missed ${call.args[1] ?? ""}`);
    }
    if (more) out.talk("there are more: repeat the command");
  }
  return skipped > 0 ? EXIT.failed : EXIT.done;
}

function rowOf({ id, triggerEventId, missedAt, state, runId, problem }: MissedTrigger): string[] {
  const at = timeText(missedAt === undefined ? undefined : timestampDate(missedAt));
  return [id, triggerEventId, at, nameOf(MissedTriggerState, state), runId, problem];
}
