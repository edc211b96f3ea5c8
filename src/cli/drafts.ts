/** `workflows drafts`: the draft of one workflow. */
import { toJson } from "@bufbuild/protobuf";
import { timestampDate } from "@bufbuild/protobuf/wkt";
import {
  GetDraftResponseSchema,
  PublishDraftResponseSchema,
  PublishOutcome,
  type SaveDraftResponse,
  SaveDraftResponseSchema,
  type VersionFault,
} from "../../gen/workflows/ops/v1/workflows_pb.ts";
import type { Json } from "../engine/values/json.ts";
import { nearest } from "../file/faults.ts";
import { MAX_SOURCE_BYTES } from "../file/source-text.ts";
import { type Call, textOption } from "./call.ts";
import { CliFailure, EXIT, usageFault } from "./failure.ts";
import { faultLine } from "./files.ts";
import { timeText } from "./output.ts";
import { readTextAtMost } from "./read-at-most.ts";
import { connectService, type Service } from "./service.ts";
import { readSettings } from "./settings.ts";
import { idOf, readWorkflow } from "./show-workflow.ts";

type Act = (service: Service, call: Call) => Promise<number>;

const ACTIONS: Readonly<Record<string, Act>> = { get, save, discard, publish };
const BY_NAMES = { useProtoFieldName: true } as const;

/** The first argument says what is done. */
export async function run(call: Call): Promise<number> {
  const [name = "", , file] = call.args;
  const act = Object.hasOwn(ACTIONS, name) ? ACTIONS[name] : undefined;
  if (act === undefined) {
    const names = Object.keys(ACTIONS);
    throw usageFault(`"${name}" is not among ${names.join(", ")}${nearest(name, names)}`);
  }
  if (act !== save && file !== undefined) throw usageFault(`${name} takes no file`);
  return act(connectService(await readSettings(call.options), textOption(call, "key")), call);
}

/** The text to standard output, the rest to standard error. */
async function get(service: Service, call: Call): Promise<number> {
  const { out } = call;
  const reference = call.args[1] ?? "";
  const answer = await service.sources.getDraft({ definitionId: await idOf(service, reference) });
  const { draft } = answer;
  if (draft === undefined) throw noDraft(reference);
  if (out.json) out.object(toJson(GetDraftResponseSchema, answer, BY_NAMES) as Json);
  else if (out.quiet) out.line(draft.etag);
  else {
    process.stdout.write(draft.sourceText);
    const at = timeText(draft.savedAt === undefined ? undefined : timestampDate(draft.savedAt));
    out.talk(
      `etag ${draft.etag}, saved ${at}${draft.savedBy === "" ? "" : ` by ${draft.savedBy}`}`,
    );
    talkFaults(call, reference, answer);
  }
  return EXIT.done;
}

/** Ends with 2 when the text has faults: it is saved all the same. */
async function save(service: Service, call: Call): Promise<number> {
  const { out } = call;
  const [, reference = "", path] = call.args;
  if (path === undefined) throw usageFault("give a file: workflows drafts save WORKFLOW FILE");
  const sourceText = readTextAtMost(path, MAX_SOURCE_BYTES, path);
  const { before, ...name } = await named(service, call, reference);
  const reason = textOption(call, "reason") ?? "";
  const answer = await service.sources.saveDraft({ ...name, sourceText, reason });
  const { draft, faultCount } = answer;
  if (out.json) out.object(toJson(SaveDraftResponseSchema, answer, BY_NAMES) as Json);
  else out.line(draft?.etag ?? "");
  if (before !== undefined && before.savedBy !== draft?.savedBy) {
    const at = timeText(before.savedAt === undefined ? undefined : timestampDate(before.savedAt));
    const who = before.savedBy === "" ? "somebody" : before.savedBy;
    out.talk(`this replaced what ${who} saved at ${at}; with --etag it would have been refused`);
  }
  talkFaults(call, path, answer);
  return faultCount === 0 ? EXIT.done : EXIT.usage;
}

async function discard(service: Service, call: Call): Promise<number> {
  const reason = textOption(call, "reason") ?? "";
  const draft = await requireDraft(service, call);
  await service.sources.discardDraft({ ...draft, reason });
  call.out.line(draft.definitionId);
  return EXIT.done;
}

async function publish(service: Service, call: Call): Promise<number> {
  const { out } = call;
  const note = textOption(call, "note") ?? "";
  const deployTo = textOption(call, "to") ?? "";
  const draft = await requireDraft(service, call);
  const answer = await service.sources.publishDraft({ ...draft, note, deployTo });
  const { definition, version, outcome } = answer;
  if (out.json) out.object(toJson(PublishDraftResponseSchema, answer, BY_NAMES) as Json);
  else if (out.quiet) out.line(version?.id ?? "");
  else {
    const what = outcome === PublishOutcome.UNCHANGED ? "unchanged" : "published";
    out.line(`${definition?.name ?? ""}: ${what}, version ${version?.version ?? 0}`);
  }
  return EXIT.done;
}

/** The workflow, and the etag that is given, or that of the draft as it is now with that draft; "" without one. */
async function named(service: Service, call: Call, reference: string) {
  const given = textOption(call, "etag");
  if (given !== undefined) {
    return { definitionId: await idOf(service, reference), etag: given, before: undefined };
  }
  const { definition, draft } = await readWorkflow(service, reference);
  return { definitionId: definition?.id ?? "", etag: draft?.etag ?? "", before: draft };
}

async function requireDraft(service: Service, call: Call) {
  const reference = call.args[1] ?? "";
  const { definitionId, etag } = await named(service, call, reference);
  if (etag === "") throw noDraft(reference);
  return { definitionId, etag };
}

function noDraft(reference: string): CliFailure {
  return new CliFailure(`workflow "${reference}" has no draft`, EXIT.notFound);
}

function talkFaults(
  { out }: Call,
  path: string,
  { faults, warnings }: Pick<SaveDraftResponse, "faults" | "warnings">,
): void {
  const line = (fault: VersionFault, kind = "") =>
    faultLine(path, { ...fault, message: fault.description }, kind);
  for (const fault of faults) out.talk(line(fault));
  for (const warning of warnings) out.talk(line(warning, "warning: "));
}
