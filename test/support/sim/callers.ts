/**
 * Those who start runs, command them and report their steps: each repeats its call, at any replica, until it has an answer.
 * Boundary: calls the RPCs of replicas; what an answer must agree with is caller-rules.ts.
 */
import type {
  DescMessage,
  DescMethodUnary,
  MessageInitShape,
  MessageShape,
} from "@bufbuild/protobuf";
import {
  type StartRunRequestSchema,
  StepRunState,
  WorkflowService,
} from "../../../gen/workflows/v1/workflows_pb.ts";
import { Refusal } from "../../../src/process/refusal.ts";
import { isTemporary } from "../../../src/runtime/temporary.ts";
import { AnswerRules } from "./caller-rules.ts";
import { PUBLISHED, WORKSPACE } from "./versions.ts";
import type { World } from "./world.ts";
import type { PlannedCommand, PlannedRun } from "./world-plan.ts";

/** A request to cancel a run that was answered. */
interface Cancelled {
  readonly runId: string;
  readonly atMs: number;
}

/** A call, and how it is made. */
interface Asked<I extends DescMessage, O extends DescMessage> {
  readonly method: DescMethodUnary<I, O>;
  readonly request: MessageInitShape<I>;
  readonly key?: string | undefined;
  /** By two callers at once. */
  readonly isTwice?: boolean;
}

type RunAnswer = MessageShape<DescMessage> & { readonly run?: { readonly id: string } | undefined };
type Start = MessageInitShape<typeof StartRunRequestSchema>;

/** Not longer than the lease of a key: who takes a key over answers nobody whose first caller still waits. */
const PATIENCE_MS = 4_000;
const AGAIN_MS = 150;
const EVENT_LATE_MS = 2_000;
const LOOK_EVERY_MS = 20;
const LONGEST_PAUSE_MS = 2_500;
const { method } = WorkflowService;

/** See the file's head. */
export class Callers {
  /** Runs whose callers are not done with them. */
  open: number;
  readonly runIds = new Map<string, string>();
  /** How often each call was sent. */
  readonly sent = new Map<string, number>();
  readonly cancelled: Cancelled[] = [];
  readonly #world: World;
  readonly #rules: AnswerRules;

  constructor(world: World) {
    this.#world = world;
    this.#rules = new AnswerRules(world);
    this.open = world.plan.runs.length;
  }

  begin(run: PlannedRun): void {
    void this.#play(run).then(() => {
      this.open -= 1;
    });
  }

  async #play(run: PlannedRun): Promise<void> {
    const runId =
      run.startBy === "event" ? await this.#startByEvent(run) : await this.#startByCall(run);
    this.runIds.set(run.key, runId);
    const { command } = run;
    await Promise.all([
      this.#help(run, runId),
      command === undefined ? undefined : this.#command(run.key, runId, command),
    ]);
  }

  async #startByEvent({ key }: PlannedRun): Promise<string> {
    const { bus, clock, server } = this.#world;
    const id = `start-${key}`;
    bus.publish("start.line", WORKSPACE, { key }, { id });
    for (;;) {
      await clock.sleep(AGAIN_MS);
      for (const start of server.tables.starts.committed.values()) {
        if (start.eventId === id) return start.runId;
      }
    }
  }

  async #startByCall({ key, version, startBy, isTwice }: PlannedRun): Promise<string> {
    const { clock, random } = this.#world;
    const published = PUBLISHED.get(version);
    if (published === undefined) throw new Error(`there is no version ${version}`);
    const request: Start = {
      ...{ workspaceId: WORKSPACE, definitionId: published.definitionId, inputPayload: { key } },
      triggerEventId: startBy === "event id" ? `start-${key}` : "",
    };
    const named = startBy === "key" ? { key: `start-${key}` } : {};
    const asked = { method: method.startRun, request, ...named, isTwice };
    const runId = idOf(await this.#ask(`start ${key}`, asked));
    if (startBy !== "nothing" && random.chance(30)) {
      await clock.sleep(random.below(EVENT_LATE_MS));
      if (startBy === "key") await this.#startOther(key, request);
      await this.#ask(`start ${key} again`, { method: method.startRun, request, ...named });
    }
    return runId;
  }

  /** The key of a start that was answered starts nothing else. */
  async #startOther(key: string, request: Start): Promise<void> {
    const other = { ...request, inputPayload: { key, other: true } };
    const asked = { method: method.startRun, request: other, key: `start-${key}` };
    const answer = await this.#ask(`start another by ${key}`, asked, ["already_exists"]);
    if (!(answer instanceof Refusal)) this.#world.broken(`the key of ${key} started another run`);
  }

  /** Does what the run waits for from outside. */
  async #help({ key, version }: PlannedRun, runId: string): Promise<void> {
    const { clock, random, bus } = this.#world;
    if (version === "wait") {
      await clock.sleep(random.below(EVENT_LATE_MS));
      const about = `box.${key}`;
      bus.publish("came.in", WORKSPACE, { came: 1 }, { id: `came-${key}`, about });
    }
    if (version === "hand") await this.#report(key, runId);
  }

  /** Reports the step that a person ends, as soon as it waits. */
  async #report(key: string, runId: string): Promise<void> {
    const { clock, random, server } = this.#world;
    const request = {
      ...{ runId, stepId: "h", state: StepRunState.COMPLETED },
      ...{ outputPayload: { by: key.slice(0, 1) }, costUsd: 0.25 },
    };
    const hasKey = random.chance(50);
    const isTwice = random.chance(50);
    for (;;) {
      const named = hasKey ? { key: `report-${key}` } : {};
      const asked = { method: method.transitionStep, request, ...named, isTwice };
      const answer = await this.#ask(`report ${key}`, asked, ["illegal_move"]);
      if (!(answer instanceof Refusal)) return;
      const run = server.tables.runs.committed.get(runId);
      if (run?.completedAt !== null || run.state === "COMPENSATING") return;
      await clock.sleep(AGAIN_MS);
    }
  }

  async #command(key: string, runId: string, command: PlannedCommand): Promise<void> {
    const { clock, random } = this.#world;
    const { rpc, afterMs, isRacing, hasKey, isTwice } = command;
    if (isRacing) await this.#untilOneEnds(runId, afterMs);
    else await clock.sleep(afterMs);
    const named = hasKey ? { key: `${rpc}-${key}` } : {};
    const request = { id: runId };
    const asked: Asked<DescMessage, DescMessage> = {
      method: method[rpc],
      request,
      ...named,
      isTwice,
    };
    const answer = await this.#ask(`${rpc} ${key}`, asked, ["illegal_move"]);
    if (rpc === "cancelRun") this.cancelled.push({ runId, atMs: clock.nowMs });
    if (rpc !== "pauseRun" || answer instanceof Refusal) return;
    await clock.sleep(random.below(LONGEST_PAUSE_MS));
    const resumed = { method: method.resumeRun, request, key: `resume-${key}`, isTwice };
    await this.#ask(`resume ${key}`, resumed);
  }

  async #untilOneEnds(runId: string, longestMs: number): Promise<void> {
    const { clock, owners } = this.#world;
    const untilMs = clock.nowMs + longestMs;
    const hasEnded = () => [...owners.ended.keys()].some((id) => id.startsWith(`obj:${runId}/`));
    while (clock.nowMs < untilMs && !hasEnded()) await clock.sleep(LOOK_EVERY_MS);
  }

  async #ask<I extends DescMessage, O extends DescMessage>(
    what: string,
    asked: Asked<I, O>,
    refusals: readonly string[] = [],
  ): Promise<RunAnswer | Refusal> {
    const { isTwice = false } = asked;
    const first = this.#askOne(what, asked, refusals);
    if (!isTwice) return first;
    this.#world.witness.count("call by two callers at once");
    const [one, other] = await Promise.all([first, this.#askOne(what, asked, refusals)]);
    return one instanceof Refusal ? other : one;
  }

  /** Gives the answer, or the refusal that stands however often the call is repeated. */
  async #askOne<I extends DescMessage, O extends DescMessage>(
    what: string,
    { method: asked, request, key }: Asked<I, O>,
    refusals: readonly string[],
  ): Promise<RunAnswer | Refusal> {
    const { clock, random, members, witness } = this.#world;
    for (;;) {
      const member = random.pick(members);
      const late = clock.sleep(PATIENCE_MS).then(() => undefined);
      this.sent.set(what, (this.sent.get(what) ?? 0) + 1);
      try {
        const answer = await Promise.race([member?.door.call(asked, request, key), late]);
        if (answer !== undefined) {
          const run: RunAnswer = answer;
          witness.note(what, idOf(run));
          this.#rules.judge({ what, method: asked, key, eventId: eventOf(request), answer: run });
          return run;
        }
      } catch (error) {
        if (!isTemporary(error)) {
          witness.note(what, String(error));
          const isExpected = error instanceof Refusal && refusals.includes(error.reason);
          if (!isExpected) this.#world.broken(`${what}: ${error}`);
          return error instanceof Refusal ? error : new Refusal("unavailable", String(error));
        }
      }
      await clock.sleep(AGAIN_MS);
    }
  }
}

function idOf(answer: RunAnswer | Refusal): string {
  return answer instanceof Refusal ? "" : (answer.run?.id ?? "");
}

function eventOf(request: object): string {
  return "triggerEventId" in request ? String(request.triggerEventId) : "";
}
