/** `workflows events tail`: what the service publishes, as it is published. A service that is away for less than a minute is gone on with. */
import { timestampDate } from "@bufbuild/protobuf/wkt";
import type { PublishedEvent } from "../../gen/workflows/ops/v1/runs_pb.ts";
import { follow } from "../client/follow.ts";
import { type Call, textOption } from "./call.ts";
import { requireDefinition } from "./definitions.ts";
import { EXIT, isAway, usageFault } from "./failure.ts";
import { oneLine } from "./one-line.ts";
import { connectService } from "./service.ts";
import { readSettings } from "./settings.ts";
import { eventJson, eventWords } from "./show-event.ts";

const AWAY_AT_MOST_MS = 60_000;
const PREFIX = "workflows.changes.";
/** A pattern that is whole, or that has a wildcard where the prefix would be. */
const WHOLE = /^(workflows[./]|[*>]([./]|$))/;

/** Prints each event until it is interrupted. */
export async function tailEvents(call: Call, type: string): Promise<number> {
  const { out } = call;
  if (type !== "") throw usageFault(`tail takes no "${type}": use --type ${type}`);
  const service = connectService(await readSettings(call.options));
  const { runs, settings } = service;
  const workflow = textOption(call, "workflow");
  const request = {
    workspaceId: settings.workspace,
    types: readTypes(textOption(call, "type")),
    runId: textOption(call, "run") ?? "",
    definitionId: workflow === undefined ? "" : (await requireDefinition(service, workflow)).id,
  };
  process.on("SIGINT", () => process.exit(EXIT.interrupted));
  // Nothing is left to do for a reader that is gone.
  process.stdout.once("error", () => process.exit(EXIT.done));
  let opened = 0;
  let begun = 0;
  const open = (signal: AbortSignal) => {
    opened += 1;
    return runs.tailEvents(request, { signal, timeoutMs: 0 });
  };
  const messages = follow({ open, isEndless: true, isCut: isAway, awayMs: AWAY_AT_MOST_MS });
  for await (const { event } of messages) {
    if (begun === 0) out.talk("events from now on; Ctrl-C ends it");
    else if (begun < opened) out.talk("the stream was cut: events between were not seen");
    begun = opened;
    if (event !== undefined) print(event, call);
  }
  return EXIT.done;
}

function print(event: PublishedEvent, { out }: Call): void {
  const { id, time } = event;
  if (out.json) out.object(eventJson(event));
  else if (out.quiet) out.line(id);
  else {
    const at = time === undefined ? "" : timestampDate(time).toISOString();
    out.line([at, ...eventWords(event)].map(oneLine).join("\t"));
  }
}

/** `run.*` is short for `workflows.changes.run.*`. */
function readTypes(text: string | undefined): string[] {
  if (text === undefined) return [];
  return text
    .split(",")
    .map((pattern) => pattern.trim())
    .filter((pattern) => pattern !== "")
    .map((pattern) => (WHOLE.test(pattern) ? pattern : `${PREFIX}${pattern}`));
}
