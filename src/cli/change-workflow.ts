/** `workflows create`, `update`, `archive`, `unarchive` and `delete`: one workflow each. */
import type { RunLimit } from "../../gen/workflows/ops/v1/run_limits_pb.ts";
import type { Workflow } from "../../gen/workflows/ops/v1/workflows_pb.ts";
import { MAX_SOURCE_BYTES } from "../file/source-text.ts";
import { type Action, type Call, flagOption, textOption } from "./call.ts";
import { confirm } from "./confirm.ts";
import { CliFailure, EXIT, usageFault } from "./failure.ts";
import { faultLine } from "./files.ts";
import { oneLine } from "./one-line.ts";
import { readTextAtMost } from "./read-at-most.ts";
import { runLimitOf } from "./run-limit.ts";
import { connectService, type Service } from "./service.ts";
import { readSettings } from "./settings.ts";
import { idOf, printWorkflow, readWorkflow, requireShown } from "./show-workflow.ts";

const UPDATED = ["name", "description", "owner", "team"] as const;

async function connect(call: Call): Promise<Service> {
  return connectService(await readSettings(call.options), textOption(call, "key"));
}

/** Create; a text with faults becomes the draft as well. */
export const create: Action = async (call) => {
  const service = await connect(call);
  const path = textOption(call, "file");
  const sourceText =
    path === undefined ? "" : readTextAtMost(path, MAX_SOURCE_BYTES, `--file ${path}`);
  const { workflow, faults } = await service.sources.create({
    workspaceId: service.settings.workspace,
    name: call.args[0] ?? "",
    ...{ description: textOf(call, "description"), tags: tagsOf(call) ?? [] },
    ...{ owner: textOf(call, "owner"), team: textOf(call, "team") },
    ...limitField(runLimitOf(call)),
    ...{ sourceText, reason: textOf(call, "reason") },
  });
  for (const fault of faults) {
    call.out.talk(faultLine(path ?? "", { ...fault, message: fault.description }));
  }
  printWorkflow(requireShown(workflow), call.out);
  return EXIT.done;
};

/** Update: of the workflow as it is read here. */
export const update: Action = async (call) => {
  const paths: string[] = UPDATED.filter((name) => textOption(call, name) !== undefined);
  const tags = tagsOf(call);
  if (tags !== undefined) paths.push("tags");
  const hasLimit = runLimitOf(call) !== undefined;
  if (hasLimit) paths.push("run_limit");
  const rate = textOption(call, "highFailureRate");
  if (rate !== undefined) paths.push("high_failure_rate");
  const announces = textOption(call, "announcesStarts");
  if (announces !== undefined) paths.push("announces_starts");
  if (!["yes", "no", undefined].includes(announces)) {
    throw usageFault(`--announces-starts ${announces} is neither yes nor no`);
  }
  if (paths.length === 0) throw usageFault("give what is to be changed, such as --owner NAME");
  const service = await connect(call);
  const { definition, etag, runLimit } = await readWorkflow(service, call.args[0] ?? "");
  const { workflow } = await service.sources.update({
    ...{ definitionId: definition?.id ?? "", etag, updateMask: paths, tags: tags ?? [] },
    ...{ name: textOf(call, "name"), description: textOf(call, "description") },
    ...{ owner: textOf(call, "owner"), team: textOf(call, "team") },
    ...limitField(runLimitOf(call, runLimit)),
    ...{ highFailureRate: shareOf(rate), announcesStarts: announces === "yes" },
    reason: textOf(call, "reason"),
  });
  printWorkflow(requireShown(workflow), call.out);
  return EXIT.done;
};

function limitField(runLimit: RunLimit | undefined) {
  return runLimit === undefined ? {} : { runLimit };
}

type Ask = (
  service: Service,
  request: { readonly definitionId: string; readonly reason: string },
) => Promise<{ workflow?: Workflow }>;

function changing(ask: Ask): Action {
  return async (call) => {
    const service = await connect(call);
    const definitionId = await idOf(service, call.args[0] ?? "");
    const { workflow } = await ask(service, { definitionId, reason: textOf(call, "reason") });
    printWorkflow(requireShown(workflow), call.out);
    return EXIT.done;
  };
}

/** Archive. */
export const archive = changing(({ sources }, request) => sources.archive(request));
/** Unarchive. */
export const unarchive = changing(({ sources }, request) => sources.unarchive(request));

/** Delete, after a question. */
export const remove: Action = async (call) => {
  const isConfirmed = flagOption(call, "yes");
  if (!isConfirmed && !process.stdin.isTTY) {
    throw usageFault("it cannot be confirmed without a terminal: --yes does");
  }
  const service = await connect(call);
  const { definition } = await readWorkflow(service, call.args[0] ?? "");
  if (definition === undefined) throw new CliFailure("there is no such workflow", EXIT.notFound);
  const { id: definitionId, name, latestVersion } = definition;
  const what = `Delete workflow "${oneLine(name)}" with ${latestVersion} versions?`;
  if (!isConfirmed && !(await confirm(what))) {
    call.out.talk("nothing was done");
    return EXIT.done;
  }
  const { workspace: workspaceId } = service.settings;
  await service.sources.delete({ definitionId, workspaceId, reason: textOf(call, "reason") });
  call.out.line(definitionId);
  return EXIT.done;
};

function shareOf(text = "0"): number {
  const share = Number(text);
  if (text.trim() !== "" && share >= 0 && share <= 1) return share;
  throw usageFault(`--high-failure-rate ${text} is no share such as 0.25`);
}

function textOf(call: Call, name: string): string {
  return textOption(call, name) ?? "";
}

function tagsOf(call: Call): string[] | undefined {
  const text = textOption(call, "tags");
  return text
    ?.split(",")
    .map((tag) => tag.trim())
    .filter((tag) => tag !== "");
}
