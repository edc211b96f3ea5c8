/**
 * What `do` can do: a table of actions, each with its call, its arguments, and whether an agent may.
 * Boundary: arguments to requests. Who may do what the handlers decide; what they refuse an agent is not offered to one either.
 */
import { Inbox } from "../../gen/workflows/ops/v1/inbox_pb.ts";
import { Runs } from "../../gen/workflows/ops/v1/runs_pb.ts";
import { Schedules } from "../../gen/workflows/ops/v1/schedules_pb.ts";
import { Templates } from "../../gen/workflows/ops/v1/templates_pb.ts";
import { Workflows } from "../../gen/workflows/ops/v1/workflows_pb.ts";
import {
  StepRunState,
  TriggerType,
  type WorkflowRun,
  WorkflowService,
  WorkflowState,
} from "../../gen/workflows/v1/workflows_pb.ts";
import type { Json } from "../engine/values/json.ts";
import {
  type Action,
  type ActionCall,
  type ActionCaller,
  definitionIdOf,
  objectOf,
  runAnswer,
  textOf,
} from "./action.ts";
import { fetchOne, getWorkflow, stepOf } from "./fetch.ts";
import { PEOPLE_ACTIONS } from "./people-actions.ts";
import { search } from "./search.ts";
import { TYPES } from "./search-types.ts";
import { findWord, wordOf } from "./shapes.ts";
import { ToolFault } from "./world.ts";

const V1 = WorkflowService.typeName;

const READS: Readonly<Record<string, Action>> = Object.fromEntries(
  TYPES.flatMap((type): [string, Action][] => [
    [
      `${type}.find`,
      {
        ...{ about: `search of ${type}`, rpc: rpcOf(type, "find"), places: 0, isForAgents: true },
        args: ["*"],
        run: ({ world, args }) => search(world, { type, filter: args }),
      },
    ],
    [
      `${type}.get`,
      {
        ...{ about: `fetch of ${type}`, rpc: rpcOf(type, "get"), places: 1, isForAgents: true },
        args: ["id"],
        run: ({ world, args }) => fetchOne(world, { type, id: args.id ?? "" }),
      },
    ],
  ]),
);

const STARTS: Readonly<Record<string, Action>> = {
  "Workflow.trigger": {
    about: "starts a run of a workflow, by its id or name, with an input",
    ...{ rpc: `${V1}/StartRun`, args: ["id", "input"], places: 2, isForAgents: true },
    run: startRun,
  },
  "Approval.request": {
    about:
      "asks people: starts a run of a workflow that has an approval, whose decision fetch of the run shows",
    ...{ rpc: `${V1}/StartRun`, args: ["id", "input"], places: 2, isForAgents: true },
    async run(call) {
      const { contains, definition } = await getWorkflow(call.world, textOf(call.args, "id"));
      if (contains?.approval === true) return startRun(call);
      const name = definition?.name ?? "";
      throw new ToolFault(
        `workflow ${name} has no approval; search with filter {"contains": "approval"} finds those that have`,
      );
    },
  },
  "Event.create": {
    about:
      "an event of a type with data, as the bus brings one: it starts runs and continues those that wait for it",
    rpc: `${V1}/HandleTrigger`,
    ...{ args: ["type", "subject", "data", "id"], places: 0, isForAgents: true },
    async run({ world, caller, args, options }) {
      const { startedRuns, updatedRuns } = await world.clients.workflows.handleTrigger(
        {
          workspaceId: world.workspaceId,
          triggerType: TriggerType.EVENT,
          eventType: textOf(args, "type"),
          eventSubject: textOf(args, "subject", ""),
          triggerEventId: textOf(args, "id", ""),
          inputPayload: objectOf(args, "data"),
          ...initiatorOf(caller),
        },
        options,
      );
      const shown = (runs: readonly WorkflowRun[]) => runs.map((run) => runAnswer(world, run));
      return { startedRuns: shown(startedRuns), updatedRuns: shown(updatedRuns) };
    },
  },
  "Step.report": {
    about:
      "reports on a step (<run>/<step>) that the caller works on: state RUNNING, WAITING, COMPLETED or FAILED",
    rpc: `${V1}/TransitionStep`,
    ...{ args: ["id", "state", "output", "error", "costUsd"], places: 1, isForAgents: true },
    async run({ world, caller, args, options }) {
      const { costUsd = 0 } = args;
      if (typeof costUsd !== "number") throw new ToolFault("costUsd must be a number");
      const { step, run } = await world.clients.workflows.transitionStep(
        {
          ...stepOf(textOf(args, "id")),
          state: findWord("state", args.state ?? "", REPORTED),
          outputPayload: objectOf(args, "output"),
          errorMessage: textOf(args, "error", ""),
          costUsd,
          ...(caller.isAgent ? { agentId: caller.subject } : {}),
        },
        options,
      );
      const state = wordOf(StepRunState, step?.state);
      return { id: textOf(args, "id"), state, runState: wordOf(WorkflowState, run?.state) };
    },
  },
};
const REPORTED = new Map([
  ["RUNNING", StepRunState.RUNNING],
  ["WAITING", StepRunState.WAITING],
  ["COMPLETED", StepRunState.COMPLETED],
  ["FAILED", StepRunState.FAILED],
]);

/** See the file's head. */
export const ACTIONS: ReadonlyMap<string, Action> = new Map(
  Object.entries({ ...STARTS, ...READS, ...PEOPLE_ACTIONS }),
);

function rpcOf(type: (typeof TYPES)[number], verb: "find" | "get"): string {
  const [service, find, get] = {
    Workflow: [Workflows.typeName, "List", "Get"],
    Run: [Runs.typeName, "Search", "Explain"],
    Step: [Runs.typeName, "Search", "GetAttempts"],
    InboxItem: [Inbox.typeName, "List", "Get"],
    Template: [Templates.typeName, "List", "Get"],
    Schedule: [Schedules.typeName, "List", "Get"],
  }[type] as [string, string, string];
  return `${service}/${verb === "find" ? find : get}`;
}

async function startRun({ world, caller, args, options }: ActionCall): Promise<Json> {
  const definitionId = await definitionIdOf(world, args);
  const { run } = await world.clients.workflows.startRun(
    {
      ...{ definitionId, workspaceId: world.workspaceId, triggerType: TriggerType.MANUAL },
      ...("input" in args ? { inputPayload: objectOf(args, "input") } : {}),
      ...initiatorOf(caller),
    },
    options,
  );
  if (run === undefined) throw new ToolFault("the service answers without a run");
  return runAnswer(world, run);
}

function initiatorOf({ isAgent, subject }: ActionCaller): { initiatorAgentId?: string } {
  return isAgent ? { initiatorAgentId: subject } : {};
}
