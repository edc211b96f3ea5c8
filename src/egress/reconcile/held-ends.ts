/**
 * Ends that were found by asking, held for a while, so that an event that is only late still comes first: it alone
 * brings the cost, and of an objective the output.
 * Boundary: holds and submits; the engine leaves alone what ended meanwhile.
 * Invariants:
 * 1. Every end is held for the grace. One that lacks an output is held further until all that was on the bus after the
 *    grace is handled: while the bus is away, or far behind, its event may still come.
 * 2. A report of the object that came before its step knew the id was acknowledged when it was kept. So what is kept goes
 *    first: the replica that was to look for it may be gone.
 * 3. What is held is bounded and in memory only; what is dropped is found again by the next check.
 */
import type { Input } from "../../engine/values/input.ts";
import type { Log } from "../../process/log.ts";
import { count } from "../../process/metrics.ts";
import type { Processor, Submission } from "../../runtime/processor.ts";
import { findKeptInputs, type KnownObject } from "../../runtime/routing/kept-reports.ts";
import { isTemporary } from "../../runtime/temporary.ts";
import type { Database } from "../../store/database.ts";

/** Marks the current end of the bus; the function it gives checks whether all up to the mark is handled. */
export type MarkBus = () => Promise<() => Promise<boolean>>;

/** What holding needs; without `markBus` the service consumes no bus, and an end is submitted at once. */
export interface HeldEndsDeps {
  readonly database: Pick<Database, "read">;
  readonly processor: Pick<Processor, "submit">;
  readonly log: Log;
  readonly graceMs: number;
  readonly markBus?: MarkBus | undefined;
}

/** An end to submit. */
interface HeldEnd {
  /** Names the step and its attempt's object: the same end is held once. */
  readonly key: string;
  readonly submission: Extract<Submission, { kind: "input" }>;
  /** The object whose end it is. */
  readonly object: KnownObject;
  readonly lacksOutput: boolean;
}

/** Ends that are held. */
export interface HeldEnds {
  /** Takes an end, unless there are too many. */
  hold(end: HeldEnd): void;
  /** Submits those that were held long enough. */
  flush(): Promise<void>;
}

interface Waiting extends HeldEnd {
  readonly ripeAtMs: number;
}

/** Ends behind one mark of the bus. */
interface Group {
  readonly isPassed: () => Promise<boolean>;
  readonly ends: readonly Waiting[];
}

const HELD_AT_MOST = 10_000;
const SUBMITTED_AT_ONCE = 200;

/** Holds nothing yet. */
export function createHeldEnds(deps: HeldEndsDeps): HeldEnds {
  const { database, log, graceMs, markBus } = deps;
  const waiting = new Map<string, Waiting>();
  let group: Group | undefined;

  function takeRipe(): Waiting[] {
    const now = performance.now();
    const mayGo = (end: Waiting) =>
      end.ripeAtMs <= now && (!end.lacksOutput || markBus === undefined || group === undefined);
    const ripe = [...waiting.values()].filter(mayGo);
    for (const { key } of ripe) waiting.delete(key);
    return ripe;
  }

  /** Those of the ends that wait for the bus and need to no longer. */
  async function passBus(ends: readonly Waiting[]): Promise<readonly Waiting[]> {
    if (markBus === undefined) return ends;
    try {
      if (ends.length > 0) group = { isPassed: await markBus(), ends };
      if (group === undefined || !(await group.isPassed())) return [];
    } catch (error) {
      log.debug("ends without an output wait for the bus", { count: ends.length, error });
      if (group?.ends !== ends) for (const end of ends) waiting.set(end.key, end);
      return [];
    }
    const passed = group.ends;
    group = undefined;
    return passed;
  }

  async function submitAll(ends: readonly HeldEnd[]): Promise<void> {
    try {
      const kept = await findKeptInputs(
        database,
        ends.map(({ object }) => object),
      );
      await Promise.all(ends.map((end, place) => submit(deps, end, kept[place] ?? [])));
    } catch (error) {
      if (!isTemporary(error)) throw error;
      log.debug("ends are found again later", { count: ends.length, error });
    }
  }

  return {
    hold(end) {
      const isHeld = waiting.has(end.key) || group?.ends.some(({ key }) => key === end.key);
      if (isHeld || waiting.size >= HELD_AT_MOST) return;
      waiting.set(end.key, { ...end, ripeAtMs: performance.now() + graceMs });
    },
    async flush() {
      const ripe = takeRipe();
      const whole = ripe.filter(({ lacksOutput }) => !lacksOutput);
      const lacking = await passBus(ripe.filter(({ lacksOutput }) => lacksOutput));
      const ready = [...whole, ...lacking];
      while (ready.length > 0) {
        await submitAll(ready.splice(0, SUBMITTED_AT_ONCE));
      }
    },
  };
}

/** Submits what was kept about the object, then its end. */
async function submit(
  { processor, log }: HeldEndsDeps,
  { key, submission }: HeldEnd,
  kept: readonly Input[],
): Promise<void> {
  try {
    for (const input of kept) await processor.submit({ ...submission, input });
    const { reply } = await processor.submit(submission);
    if (reply.kind !== "applied") return;
    count("workflows_healed_total");
    log.info("applied a step end whose event never arrived", { end: key });
  } catch (error) {
    if (isTemporary(error)) log.debug("an end is found again later", { end: key, error });
    else log.error("an end that was found by asking could not be applied", { end: key, error });
  }
}
