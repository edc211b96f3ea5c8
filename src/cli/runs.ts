/** `workflows runs`: a list of runs, or one run with its steps. */
import { type WorkflowRun, WorkflowState } from "../../gen/workflows/v1/workflows_pb.ts";
import { nearest } from "../file/faults.ts";
import { type Call, flagOption, textOption } from "./call.ts";
import { printCounts } from "./count-runs.ts";
import { requireDefinition } from "./definitions.ts";
import { CliFailure, EXIT, usageFault } from "./failure.ts";
import { readCount } from "./numbers.ts";
import { asksSearch, type FoundRuns, searchRuns } from "./search-runs.ts";
import { connectService, type Service } from "./service.ts";
import { readSettings } from "./settings.ts";
import { nameOf, printSteps, runJson, timesOf } from "./show-run.ts";
import { watchRuns } from "./watch-runs.ts";

const NAMES_PAGE = 500;
const STATES = Object.keys(WorkflowState).filter((name) => name !== "UNSPECIFIED");

/** Newest first. */
export async function run(call: Call): Promise<number> {
  const { args, options, out } = call;
  const states = readStates(call);
  const limit = readCount(call, "limit") ?? 20;
  const service = connectService(await readSettings(options));
  if (args[0] !== undefined) {
    if (flagOption(call, "watch")) throw usageFault(`one run is followed by: watch ${args[0]}`);
    return showOne(service, args[0], call);
  }
  const workflow = textOption(call, "workflow");
  const definitionId =
    workflow === undefined ? "" : (await requireDefinition(service, workflow)).id;
  const isForPeople = !out.json && !out.quiet;
  const isWatched = flagOption(call, "watch");
  if (flagOption(call, "counts")) {
    if (isWatched) throw usageFault("--watch follows runs, and --counts shows none");
    return printCounts(service, call, { definitionId, states }, await namesOf(service));
  }
  const isSearch = asksSearch(call) || states.length > 1;
  const find = isSearch ? searchRuns : listRuns;
  const [{ runs, more }, names] = await Promise.all([
    find(service, call, { definitionId, states, limit }),
    isForPeople ? namesOf(service) : new Map<string, string>(),
  ]);
  if (isForPeople) {
    out.table(
      ["RUN", "WORKFLOW", "VERSION", "STATE", "STARTED", "TOOK", "COST"],
      runs.map((each) => rowOf(each, names)),
    );
    if (more !== "") out.talk(more);
    else if (runs.length === 0) {
      out.talk(isSearch ? "no such runs" : "no runs; start one: workflows start NAME");
    }
  } else if (!isWatched) {
    for (const each of runs)
      if (out.json) out.object(runJson(each));
      else out.line(each.id);
  }
  return isWatched ? watchRuns(service, runs, out) : EXIT.done;
}

async function listRuns(
  { workflows, settings }: Service,
  call: Call,
  { definitionId, states, limit }: { definitionId: string; states: WorkflowState[]; limit: number },
): Promise<FoundRuns> {
  const { runs, total } = await workflows.listRuns({
    ...{ workspaceId: settings.workspace, definitionId, limit },
    state: states[0] ?? WorkflowState.UNSPECIFIED,
    entityId: textOption(call, "entity") ?? "",
  });
  const all = `${total}${total >= 10_000 ? " or more" : ""}`;
  const more = total > runs.length ? `${runs.length} of ${all}; --limit shows more` : "";
  return { runs, more };
}

async function showOne(service: Service, id: string, { out }: Call): Promise<number> {
  const { run: found } = await service.workflows.getRun({ id });
  if (found === undefined) throw new CliFailure(`there is no run ${id}`, EXIT.notFound);
  if (out.json) out.object(runJson(found));
  else if (out.quiet) out.line(found.id);
  else {
    const [started, took, cost] = timesOf(found);
    const facts = [nameOf(WorkflowState, found.state), `started ${started}`, took, cost];
    out.line(`${found.id} ${facts.filter((fact) => fact !== "").join(", ")}`);
    printSteps(found, out);
  }
  return EXIT.done;
}

/** One or several, with commas. */
function readStates(call: Call): WorkflowState[] {
  const texts = (textOption(call, "state") ?? "").split(",").filter((text) => text !== "");
  return texts.map(readState);
}

function readState(text: string): WorkflowState {
  for (const [name, state] of Object.entries(WorkflowState)) {
    if (STATES.includes(name) && name === text.toUpperCase()) return state;
  }
  throw new CliFailure(
    `"${text}" is no state${nearest(text, STATES)}; the states are ${STATES.join(", ")}`,
    EXIT.usage,
  );
}

/** Names of the newest definitions; a run of another one shows its id. */
async function namesOf({ workflows, settings }: Service): Promise<ReadonlyMap<string, string>> {
  const { definitions } = await workflows.listDefinitions({
    workspaceId: settings.workspace,
    limit: NAMES_PAGE,
  });
  return new Map(definitions.map(({ id, name }) => [id, name]));
}

function rowOf(each: WorkflowRun, names: ReadonlyMap<string, string>): string[] {
  const { id, definitionId, definitionVersion, state } = each;
  const name = names.get(definitionId) ?? definitionId;
  return [id, name, String(definitionVersion), nameOf(WorkflowState, state), ...timesOf(each)];
}
