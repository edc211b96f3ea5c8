/**
 * The schedule of a world: it is published, sometimes again with the same line, and its slots are judged.
 * Boundary: replicas fire it. The slots of a line are known by hand (versions.ts): what is judged is not asked for them.
 */
import { isLostRace } from "../../../src/store/pg-errors.ts";
import { saveSchedule } from "../../../src/store/schedules.ts";
import type { Network } from "./model/model-database.ts";
import type { RunRow } from "./model/rows.ts";
import { SCHEDULED, type ScheduledLine, WORKSPACE } from "./versions.ts";
import type { VirtualClock } from "./virtual-clock.ts";
import type { World } from "./world.ts";
import type { PlannedSchedule } from "./world-plan.ts";

/** A slot that is fired in a world in which nothing goes wrong is fired so soon. */
const SOON_MS = 1_000;
const AGAIN_MS = 500;

/** See the file's head. */
export class WorldSchedule {
  readonly #world: World;
  readonly #line: ScheduledLine;
  readonly #definitionId: string;
  readonly #versionId: string;
  readonly #beginMs: number;
  /** Slots that a replica passed over in favour of a later one. */
  readonly #passedOver = new Set<number>();
  #nextAtMs: number;

  constructor(world: World, { version, againAtMs }: PlannedSchedule) {
    const line = SCHEDULED[version];
    if (line === undefined) throw new Error(`no schedule is called ${version}`);
    this.#world = world;
    this.#line = line;
    this.#definitionId = `wf-${version}`;
    this.#versionId = `wfv-${version}`;
    this.#beginMs = world.clock.epochMs;
    this.#nextAtMs = this.#msOf(line.slots[0] ?? 0);
    const row = { ...this.#row(1), xmin: "1" };
    world.server.tables.schedules.committed.set(this.#definitionId, row);
    if (againAtMs !== undefined) world.clock.after(againAtMs, () => void this.#publishAgain());
  }

  /** Whether all slots have passed. */
  get isOver(): boolean {
    return this.#nextAtMs > this.#msOf(this.#line.slots.at(-1) ?? 0);
  }

  /** Looks, after each event of the world, whether a replica has moved the schedule on, and whether it was allowed to. */
  look(): void {
    const row = this.#world.server.tables.schedules.committed.get(this.#definitionId);
    const nextAtMs = row?.nextAt?.getTime() ?? Number.POSITIVE_INFINITY;
    if (nextAtMs === this.#nextAtMs) return;
    const passed = this.#line.slots.filter((slot) => {
      return this.#msOf(slot) >= this.#nextAtMs && this.#msOf(slot) < nextAtMs;
    });
    this.#nextAtMs = nextAtMs;
    const latest = passed.at(-1);
    if (latest === undefined || this.#runsOf(latest).length === 0) {
      this.#world.broken(`the schedule moved on past ${latest} s before its run was committed`);
    }
    for (const slot of passed.slice(0, -1)) {
      if (this.#runsOf(slot).length > 0) continue;
      this.#passedOver.add(slot);
      this.#world.witness.count("slot passed over");
    }
  }

  /** Adds what is broken to the world's faults; gives the runs of the schedule. */
  judge(): RunRow[] {
    const [world, { slots }] = [this.#world, this.#line];
    const { runs } = world.server.tables;
    const made = [...runs.committed.values()].filter(
      ({ definitionId, triggerType }) =>
        definitionId === this.#definitionId && triggerType === "SCHEDULE",
    );
    const known = new Set(slots.flatMap((slot) => this.#runsOf(slot)));
    for (const run of made) {
      if (!known.has(run)) world.broken(`${run.id} is of no slot: ${run.triggerEventId}`);
    }
    for (const slot of slots) this.#judgeSlot(slot);
    return made;
  }

  #judgeSlot(slot: number): void {
    const [world, passedOver] = [this.#world, this.#passedOver];
    const [run, twice] = this.#runsOf(slot);
    if (twice !== undefined) world.broken(`the slot of ${slot} s was started twice`);
    if (run === undefined) {
      if (!passedOver.has(slot) || !world.hasTrouble) world.broken(`the slot of ${slot} s is lost`);
      return;
    }
    world.witness.count("slot of a schedule");
    const lateMs = run.createdAt.getTime() - this.#msOf(slot);
    if (lateMs < 0 || (!world.hasTrouble && lateMs > SOON_MS)) {
      world.broken(`the slot of ${slot} s was started ${lateMs} ms after it`);
    }
  }

  /** By the input and by the event's id: both name the slot. */
  #runsOf(slot: number): RunRow[] {
    const name = new Date(this.#msOf(slot)).toISOString().replace(".000Z", "Z");
    return [...this.#world.server.tables.runs.committed.values()].filter((run) => {
      const isNamed = run.triggerEventId === `schedule:${this.#definitionId}:${name}`;
      return isNamed || run.inputPayload.scheduled_at === name;
    });
  }

  /** As runtime/definitions.ts does, with a next slot that does not count where the line stays the same. */
  async #publishAgain(): Promise<void> {
    const { clock, server } = this.#world;
    const { database } = server.connect(quietNetwork(clock));
    const anchorAt = new Date(clock.epochMs);
    const row = { ...this.#row(2), anchorAt, nextAt: this.#slotAfter(clock.epochMs) };
    for (;;) {
      try {
        await database.transaction((tx) => saveSchedule(tx, row));
        return;
      } catch (error) {
        // A replica that stands still holds the row.
        if (!isLostRace(error)) throw error;
        await clock.sleep(AGAIN_MS);
      }
    }
  }

  #row(version: number) {
    return {
      ...{ definitionId: this.#definitionId, workspaceId: WORKSPACE, versionId: this.#versionId },
      ...{ version, cronLine: this.#line.cronLine },
      ...{ anchorAt: new Date(this.#beginMs), nextAt: this.#slotAfter(this.#beginMs) },
    };
  }
  #slotAfter(epochMs: number): Date {
    const later = this.#line.slots.find((slot) => this.#msOf(slot) > epochMs);
    return later === undefined ? new Date(Date.UTC(2027, 0, 1)) : new Date(this.#msOf(later));
  }
  #msOf(slot: number): number {
    return this.#beginMs + slot * 1_000;
  }
}

/** The way of those who publish: nothing is lost on it. */
function quietNetwork(clock: VirtualClock): Network {
  const pass = () => clock.sleep(1);
  return { there: pass, back: pass, commit: async () => 0, ended: () => undefined };
}
