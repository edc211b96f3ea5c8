/**
 * Actions of `do` for people: workflows and runs are deployed, paused and ended, and items decided. No agent does any of them.
 * Boundary: arguments to requests; who may do what the handlers decide.
 */
import { Inbox, Verdict } from "../../gen/workflows/ops/v1/inbox_pb.ts";
import { Schedules } from "../../gen/workflows/ops/v1/schedules_pb.ts";
import { Templates } from "../../gen/workflows/ops/v1/templates_pb.ts";
import { WorkflowStatus } from "../../gen/workflows/ops/v1/workflow_facts_pb.ts";
import { Workflows } from "../../gen/workflows/ops/v1/workflows_pb.ts";
import { type WorkflowRun, WorkflowService } from "../../gen/workflows/v1/workflows_pb.ts";
import {
  type Action,
  type ActionCall,
  definitionIdOf,
  objectOf,
  runAnswer,
  textOf,
  workflowAnswer,
} from "./action.ts";
import { getWorkflow } from "./fetch.ts";
import { itemFound } from "./found.ts";
import { linkTo, type McpWorld } from "./world.ts";

const V1 = WorkflowService.typeName;

const OF_WORKFLOWS: Readonly<Record<string, Action>> = {
  "Workflow.create": {
    about: "makes a workflow; source, a workflow file, becomes its draft",
    rpc: `${Workflows.typeName}/Create`,
    ...{ args: ["name", "description", "source", "reason"], places: 0 },
    async run({ world, args, options }) {
      const { workflow } = await world.clients.sources.create(
        {
          ...{ workspaceId: world.workspaceId, name: textOf(args, "name") },
          ...{ description: textOf(args, "description", ""), reason: textOf(args, "reason", "") },
          sourceText: textOf(args, "source", ""),
        },
        options,
      );
      return workflowAnswer(world, workflow?.definition?.id ?? "");
    },
  },
  "Workflow.activate": {
    about: "resumes a paused workflow; deploys the newest version where none is in production",
    ...{ rpc: `${Workflows.typeName}/Deploy`, args: ["id", "reason"], places: 2 },
    async run({ world, args, options }) {
      const workflow = await getWorkflow(world, textOf(args, "id"));
      const definitionId = workflow.definition?.id ?? "";
      const reason = textOf(args, "reason", "");
      const { sources } = world.clients;
      if (workflow.status === WorkflowStatus.PAUSED) {
        await sources.resume({ definitionId, reason }, options);
      } else {
        const version = workflow.latest?.version ?? 0;
        await sources.deploy({ definitionId, environment: "production", version, reason }, options);
      }
      return workflowAnswer(world, definitionId);
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
  "Template.install": {
    about: "makes a workflow of a template, with parameters, and publishes it",
    rpc: `${Templates.typeName}/Install`,
    ...{ args: ["id", "parameters", "name"], places: 3 },
    async run({ world, args, options }) {
      const { definition } = await world.clients.templates.install(
        {
          ...{ workspaceId: world.workspaceId, templateId: textOf(args, "id") },
          ...{ parameters: objectOf(args, "parameters"), name: textOf(args, "name", "") },
        },
        options,
      );
      return workflowAnswer(world, definition?.id ?? "");
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
  "InboxItem.approve": decision(Verdict.APPROVE, "approves an item"),
  "InboxItem.deny": decision(Verdict.DENY, "denies an item"),
  "InboxItem.complete": {
    about: "completes a task with its output",
    rpc: `${Inbox.typeName}/CompleteTask`,
    ...{ args: ["id", "output", "reason"], places: 2 },
    async run({ world, args, options }) {
      const { item } = await world.clients.inbox.completeTask(
        {
          ...{ id: textOf(args, "id"), output: objectOf(args, "output") },
          reason: textOf(args, "reason", ""),
        },
        options,
      );
      return {
        id: textOf(args, "id"),
        state: item === undefined ? "" : (itemFound(world, item).state ?? ""),
      };
    },
  },
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

function decision(verdict: Verdict, about: string): Action {
  return {
    about: `${about}, with a comment and the digest that fetch shows`,
    rpc: `${Inbox.typeName}/Decide`,
    ...{ args: ["id", "comment", "digest"], places: 3 },
    async run({ world, args, options }) {
      const { item } = await world.clients.inbox.decide(
        {
          ...{ id: textOf(args, "id"), verdict },
          ...{ comment: textOf(args, "comment", ""), digest: textOf(args, "digest", "") },
        },
        options,
      );
      const found = item === undefined ? undefined : itemFound(world, item);
      return {
        id: textOf(args, "id"),
        state: found?.state ?? "",
        needed: item?.needed ?? 0,
        given: item?.given ?? 0,
      };
    },
  };
}
