/**
 * A world: replicas of the real service over a model of Postgres, a bus, owners and callers, on a clock of its own.
 * Boundary: plays a plan to its end, when nothing is left to do; what must be true then is world-rules.ts.
 */
import type { Log } from "../../../src/process/log.ts";
import { type RandomNumbers, randomNumbers } from "../random/random-numbers.ts";
import { Callers } from "./callers.ts";
import { EffectRules } from "./effect-rules.ts";
import { EventBus } from "./event-bus.ts";
import { InboxRule } from "./inbox-rules.ts";
import { NO_TROUBLES, type Troubles } from "./link.ts";
import { type ModelServer, makeModelServer } from "./model/model-database.ts";
import type { RunRow } from "./model/rows.ts";
import { OwnStream } from "./own-stream.ts";
import { Owners } from "./owners.ts";
import { type Replica, startReplica } from "./replica.ts";
import { WorldSchedule } from "./schedules.ts";
import { TaskRules } from "./task-rules.ts";
import { TaskStream } from "./task-stream.ts";
import { publishAll } from "./versions.ts";
import { VirtualClock } from "./virtual-clock.ts";
import { Witness } from "./witness.ts";
import type { WorldPlan } from "./world-plan.ts";

const LIMIT_MS = 400_000;
const LOOK_EVERY_MS = 50;
const RESTART_MS = 2_000;
/** Errors that troubles explain. */
const EXPECTED_ERRORS = new Set(["what came of a commit is not known"]);

/** See the file's head. */
export class World {
  readonly plan: WorldPlan;
  readonly clock = new VirtualClock();
  readonly random: RandomNumbers;
  readonly witness: Witness;
  readonly server: ModelServer;
  readonly owners: Owners;
  readonly stream = new OwnStream();
  readonly bus: EventBus;
  readonly callers: Callers;
  readonly schedule: WorldSchedule | undefined;
  /** There in worlds that have workers. */
  readonly tasks: TaskStream | undefined;
  readonly taskRules: TaskRules;
  readonly inbox: InboxRule;
  readonly effects: EffectRules;
  readonly log: Log;
  /** Replicas that are there. */
  readonly members: Replica[] = [];
  /** Rules that were broken. */
  readonly faults: string[] = [];
  /** Objects whose end no event told. */
  readonly lostAbout = new Set<string>();
  /** Runs that were compensating when a replica crashed. */
  readonly crashedWhileUndoing = new Set<string>();
  troubles: Troubles;
  /** Whether anything has gone wrong, or may have. */
  hasTrouble: boolean;
  /** Whether a replica has given up to ask what came of a commit; it does not know of the calls of such a one. */
  isCommitUnknown = false;
  #reached = new Map<string, number>();
  #started = 0;
  #runs = 0;
  #nextLookMs = 0;
  #isStopping = false;
  #isStopped = false;

  constructor(plan: WorldPlan, counts?: Map<string, number>) {
    this.plan = plan;
    this.random = randomNumbers(plan.seed ^ 0x5eed);
    this.witness = new Witness(() => this.clock.nowMs, counts);
    this.server = makeModelServer(this.clock);
    this.bus = new EventBus(this);
    this.owners = new Owners(this);
    this.callers = new Callers(this);
    this.inbox = new InboxRule(this);
    this.effects = new EffectRules(this);
    this.taskRules = new TaskRules(this);
    const results = new EventBus(this, "handleResults");
    this.tasks = plan.workers && new TaskStream(this, plan.workers, results, this.taskRules);
    this.troubles = plan.troubles;
    this.hasTrouble = plan.troubles !== NO_TROUBLES;
    this.log = logOf((message, facts) => {
      if (EXPECTED_ERRORS.has(message)) this.isCommitUnknown = true;
      else this.broken(`the log says: ${message} ${textOf(facts)}`);
    });
    publishAll(this.server.tables, new Date(this.clock.epochMs));
    this.schedule = plan.schedule && new WorldSchedule(this, plan.schedule);
  }

  /** Plays the plan; gives false when the world does not come to rest. */
  async play(): Promise<boolean> {
    const { plan, clock } = this;
    clock.after(0, () => {
      for (let n = 0; n < plan.replicas; n += 1) this.#startOne();
      for (const run of plan.runs) clock.after(run.atMs, () => this.callers.begin(run));
    });
    clock.after(plan.calmAtMs, () => {
      this.troubles = NO_TROUBLES;
    });
    return clock.run(this.random, () => this.#isOver(), LIMIT_MS);
  }

  /** Publishes an event of an owner; it may be lost on its way to the bus. */
  publish(subject: string, workspaceId: string, data: Parameters<EventBus["publish"]>[2]): void {
    const { lost } = this.troubles;
    if (lost > 0 && this.random.below(1000) < lost) {
      this.witness.count("lost event");
      this.lostAbout.add(String(data.id));
      return;
    }
    this.bus.publish(subject, workspaceId, data);
  }
  broken(rule: string): void {
    this.faults.push(rule);
  }
  newRunId(): string {
    this.#runs += 1;
    return `wfr_${String(this.#runs).padStart(4, "0")}${this.random.below(2 ** 32).toString(16)}`;
  }

  reach(place: string, replica: string): void {
    if (this.#isStopping) return;
    const times = this.#countReached(place);
    const undoing = this.#undoing();
    const timesUndoing = undoing.length > 0 ? this.#countReached(`${place}, undoing`) : 0;
    for (const crash of this.plan.crashes) {
      const member = this.members.find(({ id }) => id === replica);
      const isNow = crash.n === (crash.isWhileUndoing ? timesUndoing : times);
      if (crash.place !== place || !isNow || member === undefined) continue;
      this.hasTrouble = true;
      this.witness.count(`trouble ${place}`);
      if (crash.frozenMs > 0) {
        this.witness.count("freeze");
        member.link.freezeUntil(this.clock.nowMs + crash.frozenMs);
      } else this.#crash(member);
    }
  }

  #countReached(place: string): number {
    const times = (this.#reached.get(place) ?? 0) + 1;
    this.#reached.set(place, times);
    return times;
  }

  #undoing(): RunRow[] {
    const runs = [...this.server.tables.runs.committed.values()];
    return runs.filter(({ state }) => state === "COMPENSATING");
  }

  #startOne(): void {
    this.#started += 1;
    this.members.push(startReplica(this, `replica-${this.#started}`));
  }

  #crash(member: Replica): void {
    this.witness.count("crash");
    this.witness.note(member.id, "crashes");
    const { tables } = this.server;
    const held = [...tables.effects.committed.values()].filter(
      ({ holder }) => holder === member.id,
    );
    if (held.some(({ id }) => this.owners.ledger.has(id))) {
      this.witness.count("crash between send and result");
    }
    for (const { id } of this.#undoing()) this.crashedWhileUndoing.add(id);
    member.crash();
    this.members.splice(this.members.indexOf(member), 1);
    this.clock.after(this.random.below(RESTART_MS), () => this.#startOne());
  }

  /** Looks now and then whether nothing is left to do, and stops the replicas then. */
  #isOver(): boolean {
    this.schedule?.look();
    if (this.#isStopping || this.clock.nowMs < this.#nextLookMs) return this.#isStopped;
    this.#nextLookMs = this.clock.nowMs + LOOK_EVERY_MS;
    this.inbox.judge();
    this.effects.judgeLeases();
    this.effects.judgeEarly();
    if (!this.isAtRest()) return false;
    this.#isStopping = true;
    this.troubles = NO_TROUBLES;
    void Promise.all(this.members.map((member) => member.stop())).then(() => {
      this.#isStopped = true;
    });
    return false;
  }

  /** Whether nothing is left to do. */
  isAtRest(): boolean {
    if (this.members.length < this.plan.replicas) return false;
    if (this.bus.open > 0 || this.callers.open > 0) return false;
    if (this.tasks !== undefined && this.tasks.open > 0) return false;
    if (this.schedule?.isOver === false) return false;
    // A caller may have given a call up that is still under way.
    if (this.members.some(({ door }) => door.open > 0)) return false;
    // A commit whose client lost its connection may still be under way.
    if (this.server.shared.locks.size > 0 || this.server.shared.late > 0) return false;
    const { effects, runs, batches } = this.server.tables;
    if (effects.committed.size > 0) return false;
    for (const run of runs.committed.values()) {
      if (run.completedAt === null || run.state === "COMPENSATING") return false;
    }
    for (const { publishedAt } of batches.committed.values())
      if (publishedAt === null) return false;
    return true;
  }
}

function logOf(onError: (message: string, facts: object) => void): Log {
  const nothing = () => undefined;
  return {
    ...{ debug: nothing, info: nothing, warn: nothing },
    error: (message, facts = {}) => onError(message, facts),
  };
}

function textOf(facts: object): string {
  const shown = (_: string, value: unknown) =>
    value instanceof Error ? `${value.stack} ${value.cause ?? ""}` : value;
  return JSON.stringify(facts, shown);
}
