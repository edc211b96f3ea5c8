/**
 * The sandbox: stand-ins for the platform's other services, for development, demo and tests. They
 * are real Connect servers on one HTTP port, with real events on the bus.
 *
 * Boundary: shares nothing with the service but the wire contract; the service never imports it.
 * A further collaborator is one file with its routes and one line in `listRoutes`.
 */
import { serveAgents } from "./agents.ts";
import { keepApprovals, serveApprovals } from "./approvals.ts";
import { type Bus, type Publish, startBus } from "./bus.ts";
import { keepDelegations } from "./delegations.ts";
import { serveEntities } from "./entities.ts";
import { serveGovernance } from "./governance.ts";
import { makeHandler } from "./handler.ts";
import { startHttpServer } from "./http-server.ts";
import { serveIdentity } from "./identity.ts";
import { keepMeter, serveMeter } from "./meter.ts";
import { serveNotifications } from "./notifications.ts";
import { keepObjectives, serveObjectives } from "./objectives.ts";
import { servePrompts } from "./prompts.ts";
import { serveRegistry } from "./registry.ts";
import type { SandboxScript } from "./script.ts";
import { castAgents } from "./scripted-agent.ts";
import { serveSkills } from "./skills.ts";
import {
  type CollaboratorVariable,
  type Ledgers,
  makeLedgers,
  type Routes,
  type Stage,
} from "./stage.ts";
import { keepKeysStrictly } from "./strict-keys.ts";
import { makeTimers } from "./timers.ts";
import { makeTroubles, type Troubles } from "./trouble.ts";

/** A running sandbox. */
export interface Sandbox {
  /** The service's environment variables for the collaborators that are played here. */
  readonly urls: Readonly<Record<CollaboratorVariable, string>>;
  /** Everything that was made so far, oldest first. */
  readonly ledgers: Readonly<Ledgers>;
  /** Its connection to the bus, for `publishTapEvent` and the like. */
  readonly bus: Bus;
  /** What goes wrong on purpose: nothing, until it is begun. */
  readonly troubles: Troubles;
  /** Stops agents, server and connection. Safe to call again. */
  stop(): Promise<void>;
}

/** How to start a sandbox. */
export interface SandboxOptions {
  readonly natsUrl: string;
  readonly script?: SandboxScript;
  /** Gets a line for what agents and approvers do; nothing is printed by default. */
  readonly log?: (line: string) => void;
  /** A free one when left out. */
  readonly port?: number;
  /** Keeps idempotency keys as strictly as the platform does, each for `keptMs` (a day when left out). */
  readonly strictKeys?: { readonly keptMs?: number };
  /** Stands between the collaborators and the bus: drops events, repeats them, publishes them later. */
  readonly disturb?: (publish: Publish) => Publish;
}

/** Starts all collaborators on one loopback port. Rejects when bus or port cannot be had. */
export async function startSandbox(options: SandboxOptions): Promise<Sandbox> {
  const log = options.log ?? (() => {});
  const bus = await startBus(options.natsUrl, log, options.disturb);
  const timers = makeTimers(log);
  const ledgers = makeLedgers();
  const stage: Stage = { script: options.script ?? {}, bus, timers, ledgers, log };
  const troubles = makeTroubles();
  const { strictKeys } = options;
  const handler = makeHandler(listRoutes(stage), {
    troubles,
    strictKeys: strictKeys && keepKeysStrictly(strictKeys.keptMs),
  });
  const server = await startHttpServer(handler, options.port ?? 0).catch(async (error: unknown) => {
    await bus.stop();
    throw error;
  });
  const { url } = server;
  let stopped: Promise<void> | undefined;
  const stop = async (): Promise<void> => {
    timers.stop();
    await server.stop();
    await bus.stop();
  };
  return {
    urls: {
      OBJECTIVES_URL: url,
      AGENTS_URL: url,
      REGISTRY_URL: url,
      APPROVALS_URL: url,
      GOVERNANCE_URL: url,
      NOTIFICATIONS_URL: url,
      METER_URL: url,
      PROMPTS_URL: url,
      SKILLS_URL: url,
      ENTITIES_URL: url,
      IDENTITY_URL: url,
    },
    ledgers,
    bus,
    troubles,
    stop() {
      stopped ??= stop();
      return stopped;
    },
  };
}

function listRoutes(stage: Stage): readonly Routes[] {
  const approvals = keepApprovals(stage);
  const delegations = keepDelegations(stage);
  const objectives = keepObjectives(stage, delegations);
  const meter = keepMeter(stage);
  const agents = castAgents(stage, objectives, approvals, meter);
  return [
    serveObjectives(stage, objectives, agents),
    serveAgents(stage, objectives, delegations, agents),
    serveRegistry(stage, objectives),
    serveApprovals(stage, approvals),
    serveGovernance(stage),
    serveNotifications(stage),
    serveMeter(meter),
    servePrompts(stage),
    serveSkills(stage),
    serveEntities(stage),
    serveIdentity(stage),
  ];
}
