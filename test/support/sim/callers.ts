/**
 * Those who start runs and cancel them: each repeats its request, at any replica, until it has an answer.
 * Boundary: submits as the RPC server does; a start carries an event's id, so that repeats start one run.
 */
import { Refusal } from "../../../src/process/refusal.ts";
import type { Submission } from "../../../src/runtime/submission.ts";
import { isTemporary } from "../../../src/runtime/temporary.ts";
import { PUBLISHED, WORKSPACE } from "./versions.ts";
import type { World } from "./world.ts";
import type { PlannedRun } from "./world-plan.ts";

/** A request to cancel a run that was answered. */
interface Cancelled {
  readonly runId: string;
  readonly atMs: number;
}

const PATIENCE_MS = 4_000;
const AGAIN_MS = 150;
const EVENT_LATE_MS = 2_000;

/** See the file's head. */
export class Callers {
  /** Runs whose callers are not done with them. */
  open: number;
  readonly runIds = new Map<string, string>();
  readonly cancelled: Cancelled[] = [];
  readonly #world: World;

  constructor(world: World) {
    this.#world = world;
    this.open = world.plan.runs.length;
  }

  begin(run: PlannedRun): void {
    void this.#play(run).then(() => {
      this.open -= 1;
    });
  }

  async #play(run: PlannedRun): Promise<void> {
    const { clock, random, bus } = this.#world;
    const runId = run.byEvent ? await this.#startByEvent(run) : await this.#start(run);
    this.runIds.set(run.key, runId);
    if (run.version === "wait") {
      await clock.sleep(random.below(EVENT_LATE_MS));
      const about = `box.${run.key}`;
      bus.publish("came.in", WORKSPACE, { came: 1 }, { id: `came-${run.key}`, about });
    }
    if (run.cancelAfterMs === undefined) return;
    await clock.sleep(run.cancelAfterMs);
    const cause = { kind: "rpc", id: "CancelRun" } as const;
    await this.#request(`cancel ${run.key}`, {
      ...{ kind: "input", runId, workspaceId: WORKSPACE },
      input: { kind: "cancel_requested", reason: "no longer wanted", cause },
    });
    this.cancelled.push({ runId, atMs: clock.nowMs });
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

  async #start({ key, version }: PlannedRun): Promise<string> {
    const published = PUBLISHED.get(version);
    if (published === undefined) throw new Error(`there is no version ${version}`);
    const { definitionId, versionId } = published;
    const none = { initiatorAgentId: "", initiatorUserId: "", parentRunId: "", entityId: "" };
    const runId = await this.#request(`start ${key}`, {
      kind: "start",
      cause: { kind: "rpc", id: "StartRun" },
      start: {
        ...{ definitionId, versionId, definitionVersion: 1, workspaceId: WORKSPACE, ...none },
        ...{ triggerType: "MANUAL", triggerEventId: `start-${key}`, triggerSource: "" },
        ...{ entityType: "", hops: 0, input: { key } },
      },
    });
    return runId ?? "";
  }

  /** Gives the run; undefined when the request was refused for good. */
  async #request(what: string, submission: Submission): Promise<string | undefined> {
    const { clock, random, members, witness } = this.#world;
    for (;;) {
      const member = random.pick(members);
      const late = clock.sleep(PATIENCE_MS).then(() => "late" as const);
      try {
        const settled = await Promise.race([member?.processor.submit(submission), late]);
        if (settled !== undefined && settled !== "late") {
          witness.note(what, settled.runId, settled.reply.kind);
          return settled.runId;
        }
      } catch (error) {
        if (!isTemporary(error)) {
          this.#world.broken(`${what}: ${error instanceof Refusal ? error.reason : error}`);
          return undefined;
        }
      }
      await clock.sleep(AGAIN_MS);
    }
  }
}
