/**
 * Actions of `do` for people: workflows are drafted, paused and ended, and runs ended. No agent does any of them.
 * Boundary: arguments to requests; who may do what the handlers decide.
 */
import { Schedules } from "../../gen/workflows/ops/v1/schedules_pb.ts";
import { Workflows } from "../../gen/workflows/ops/v1/workflows_pb.ts";
import { type WorkflowRun, WorkflowService } from "../../gen/workflows/v1/workflows_pb.ts";
import {
  type Action,
  type ActionCall,
  definitionIdOf,
  runAnswer,
  textOf,
  workflowAnswer,
} from "./action.ts";
import { linkTo, type McpWorld } from "./world.ts";

const V1 = WorkflowService.typeName;
/** Of the text of a draft. */
const FAULTS_AT_MOST = 20;
/** To publish is to deploy: each version has an environment that it starts runs in. */
const NOT_STARTED =
  "Nothing starts it yet: a person publishes its draft in the console, at url, or by `npx workflows drafts publish`.";
const NO_DRAFT =
  "It has no draft, since no source was given: a person writes and publishes one in the console, at url.";

const OF_WORKFLOWS: Readonly<Record<string, Action>> = {
  "Workflow.create": {
    about: "makes a workflow; source, a workflow file, becomes its draft, which a person publishes",
    rpc: `${Workflows.typeName}/Create`,
    ...{ args: ["name", "description", "source", "reason"], places: 0 },
    async run({ world, args, options }) {
      const sourceText = textOf(args, "source", "");
      const { workflow, faults } = await world.clients.sources.create(
        {
          ...{ workspaceId: world.workspaceId, name: textOf(args, "name") },
          ...{ description: textOf(args, "description", ""), reason: textOf(args, "reason", "") },
          sourceText,
        },
        options,
      );
      const made = await workflowAnswer(world, workflow?.definition?.id ?? "");
      const shown = faults.slice(0, FAULTS_AT_MOST).map(({ path, line, column, description }) => {
        return { path, line, column, description };
      });
      const next = sourceText === "" ? NO_DRAFT : NOT_STARTED;
      return { ...made, ...(shown.length === 0 ? {} : { faults: shown }), next };
    },
  },
  "Workflow.pause": {
    about: "lets a workflow start nothing; its runs go on",
    ...{ rpc: `${Workflows.typeName}/Pause`, args: ["id", "reason"], places: 2 },
    async run({ world, args, options }) {
      const definitionId = await definitionIdOf(world, args);
      await world.clients.sources.pause(
        { definitionId, reason: textOf(args, "reason", "") },
        options,
      );
      return workflowAnswer(world, definitionId);
    },
  },
  "Workflow.archive": {
    about: "ends a workflow: it starts nothing and is listed on demand",
    ...{ rpc: `${Workflows.typeName}/Archive`, args: ["id", "reason"], places: 2 },
    async run({ world, args, options }) {
      const definitionId = await definitionIdOf(world, args);
      const reason = textOf(args, "reason", "");
      await world.clients.sources.archive({ definitionId, reason }, options);
      return workflowAnswer(world, definitionId);
    },
  },
};

const OF_RUNS: Readonly<Record<string, Action>> = {
  "Run.pause": runAction("PauseRun", "lets a run begin nothing new", (clients, request, options) =>
    clients.workflows.pauseRun(request, options),
  ),
  "Run.resume": runAction("ResumeRun", "lets a paused run go on", (clients, { id }, options) =>
    clients.workflows.resumeRun({ id }, options),
  ),
  "Run.cancel": runAction("CancelRun", "ends a run", (clients, request, options) =>
    clients.workflows.cancelRun(request, options),
  ),
  "Schedule.run": {
    about: "starts a run as the schedule would, now",
    ...{ rpc: `${Schedules.typeName}/RunNow`, args: ["id", "reason"], places: 2 },
    async run({ world, args, options }) {
      const asked = { id: textOf(args, "id"), reason: textOf(args, "reason", "") };
      const { runId } = await world.clients.schedules.runNow(asked, options);
      return { runId, url: linkTo(world, "runs", runId) };
    },
  },
};

/** See the file's head. */
export const PEOPLE_ACTIONS: Readonly<Record<string, Action>> = { ...OF_WORKFLOWS, ...OF_RUNS };

type OneRun = (
  clients: McpWorld["clients"],
  request: { readonly id: string; readonly reason: string },
  options: ActionCall["options"],
) => Promise<{ readonly run?: WorkflowRun | undefined }>;

function runAction(rpc: string, about: string, call: OneRun): Action {
  return {
    ...{ about, rpc: `${V1}/${rpc}`, args: ["id", "reason"], places: 2 },
    async run({ world, args, options }) {
      const asked = { id: textOf(args, "id"), reason: textOf(args, "reason", "") };
      const { run } = await call(world.clients, asked, options);
      return run === undefined ? null : runAnswer(world, run);
    },
  };
}

/**
 * What nobody does over MCP, whatever the token: what is asked for here reads texts of others, which may ask for it. With where it is
 * done.
 */
export const DONE_BY_HAND: ReadonlyMap<string, string> = new Map([
  ["InboxItem.approve", "npx workflows approve"],
  ["InboxItem.deny", "npx workflows deny"],
  ["InboxItem.complete", "npx workflows complete"],
  ["Workflow.publish", "npx workflows drafts publish"],
  ["Workflow.activate", "npx workflows deploy"],
  ["Workflow.deploy", "npx workflows deploy"],
  ["Template.install", "npx workflows templates install"],
]);
