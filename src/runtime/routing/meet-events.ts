/**
 * After a commit: waits that it opened look for events that came before them, ids that it learned for early reports.
 * Boundary: finds candidates and submits them; whether a step takes one (filter, taken before) is the engine's
 * decision.
 * Invariants:
 * M1 The wait, or the id, is committed before the look; routing keeps and commits an event before it looks for waits.
 *    So they meet in either order; that both may find each other is harmless.
 * M2 Every event that fits is looked at, page by page, until the wait takes one. A page is a bounded number of events,
 *    read by an index from where the last one ended; then the other waits have their turn.
 * M3 What cannot be looked at now (the database away, a lane full) is logged with its run and tried again after a pause
 *    that grows; it holds up no other wait.
 */

import { setTimeout as delay } from "node:timers/promises";
import { eventInput } from "../../engine/matching/arrival.ts";
import { isLiteral, parsePattern, withDots } from "../../engine/matching/pattern.ts";
import { fitsPatterns } from "../../engine/matching/trigger-match.ts";
import type { ArrivedEvent, Input } from "../../engine/values/input.ts";
import type { Log } from "../../process/log.ts";
import type { Database } from "../../store/database.ts";
import { findKeptEvents, KEPT_A_PAGE, type KeptEvent } from "../../store/events.ts";
import { isAway } from "../../store/pg-errors.ts";
import type { OpenWait } from "../../store/service-reads/open-waits.ts";
import { createLane, type Lane } from "../lane.ts";
import type { Settled, Submission } from "../submission.ts";
import { isTemporary } from "../temporary.ts";
import type { LearnedId } from "../write-batch.ts";
import { findKeptInputs } from "./kept-reports.ts";

/** What meeting needs. */
export interface MeetDeps {
  readonly database: Database;
  submit(submission: Submission): Promise<Settled>;
  readonly log: Log;
}

/** Looks for waits and ids beside the commits. */
export interface Meeting {
  meet(waits: readonly OpenWait[], ids: readonly LearnedId[]): void;
  /** Resolves when all that was handed in has been looked at. */
  idle(): Promise<void>;
  /** Finishes what can be finished; gives up what would have to be tried again. */
  stop(): Promise<void>;
}

type Meet = { tries: number } & (
  | { readonly kind: "wait"; readonly wait: OpenWait; afterMs: number; afterSeq: number }
  | { readonly kind: "id"; readonly learned: LearnedId }
);
type MeetWait = Extract<Meet, { kind: "wait" }>;
type MeetId = Extract<Meet, { kind: "id" }>;

/** What became of a look. */
type Looked = "done" | "next page" | { readonly failed: unknown };

const MEETS_AT_MOST = 20_000;
/** A look for a wait reads a page of events, one for an id a few reports at most. */
const AT_ONCE = { wait: 20, id: 500 };
const FIRST_PAUSE_MS = 50;
const LONGEST_PAUSE_MS = 30_000;
const RUNS_NAMED_AT_MOST = 10;

/** Makes a meeting with nothing to do. */
export function createMeeting(deps: MeetDeps): Meeting {
  const stopping = new AbortController();
  const resting = new Set<Promise<void>>();
  const lanes = { wait: openLane("wait"), id: openLane("id") };

  function openLane(kind: Meet["kind"]): Lane<Meet> {
    const lane = createLane<Meet>({
      waitingAtMost: MEETS_AT_MOST,
      batchAtMost: AT_ONCE[kind],
      async work(meets): Promise<Meet[]> {
        const looked = await meetAll(deps, meets);
        if (stopping.signal.aborted) return [];
        const failed = meets.filter((_, at) => typeof looked[at] === "object");
        if (failed.length > 0) logFailed(deps.log, failed, looked);
        for (const meet of failed) rest(meet);
        return meets.filter((meet, at) => looked[at] === "next page" && !lane.push(meet));
      },
    });
    return lane;
  }

  async function drained(): Promise<void> {
    await Promise.all([lanes.wait.drained(), lanes.id.drained()]);
  }

  function rest(meet: Meet): void {
    const pauseMs = Math.min(FIRST_PAUSE_MS * 2 ** meet.tries, LONGEST_PAUSE_MS);
    meet.tries += 1;
    const resuming = delay(pauseMs, undefined, { signal: stopping.signal }).then(
      () => take([meet]),
      () => undefined,
    );
    const over = resuming.finally(() => resting.delete(over));
    resting.add(over);
  }

  function take(meets: readonly Meet[]): void {
    const left = meets.filter((meet) => !lanes[meet.kind].push(meet));
    if (left.length === 0) return;
    deps.log.warn("waits are left for the next sweep", { count: left.length });
  }

  return {
    meet(waits, ids) {
      take([...waits.map(meetOfWait), ...ids.map(meetOfId)]);
    },
    async idle() {
      await drained();
      while (resting.size > 0) {
        await Promise.all(resting);
        await drained();
      }
    },
    async stop() {
      stopping.abort();
      await drained();
      await Promise.all(resting);
    },
  };
}

function meetOfWait(wait: OpenWait): MeetWait {
  return { kind: "wait", tries: 0, wait, afterMs: wait.sinceMs, afterSeq: 0 };
}

function meetOfId(learned: LearnedId): MeetId {
  return { kind: "id", tries: 0, learned };
}

function logFailed(log: Log, failed: readonly Meet[], looked: readonly Looked[]): void {
  const runIds = failed.map((meet) => (meet.kind === "wait" ? meet.wait : meet.learned).runId);
  const first = looked.find((look) => typeof look === "object");
  log.warn("earlier events of waits could not be looked at; they are tried again", {
    runIds: [...new Set(runIds)].slice(0, RUNS_NAMED_AT_MOST),
    count: failed.length,
    tries: Math.max(...failed.map(({ tries }) => tries)) + 1,
    error: first?.failed,
  });
}

/** Looks once for each. Where the query fails, halves are asked for alone, so that one does not fail the others. */
async function meetAll(deps: MeetDeps, meets: readonly Meet[]): Promise<Looked[]> {
  const waits = meets.filter((meet) => meet.kind === "wait");
  const ids = meets.filter((meet) => meet.kind === "id");
  try {
    const [ofWaits, ofIds] = await Promise.all([meetWaits(deps, waits), meetIds(deps, ids)]);
    return meets.map(
      (meet) =>
        (meet.kind === "wait" ? ofWaits[waits.indexOf(meet)] : ofIds[ids.indexOf(meet)]) ?? "done",
    );
  } catch (error) {
    if (meets.length > 1 && !isAway(error)) {
      const half = Math.ceil(meets.length / 2);
      const first = await meetAll(deps, meets.slice(0, half));
      return [...first, ...(await meetAll(deps, meets.slice(half)))];
    }
    if (isTemporary(error)) return meets.map(() => ({ failed: error }));
    deps.log.error("waits could not be looked at", { count: meets.length, error });
    return meets.map(() => "done");
  }
}

async function meetWaits(deps: MeetDeps, meets: readonly MeetWait[]): Promise<Looked[]> {
  if (meets.length === 0) return [];
  const probes = meets.map(({ wait, afterMs, afterSeq }, place) => ({
    place,
    workspaceId: wait.workspaceId,
    type: literalOf(wait.typePattern),
    subject: literalOf(wait.subjectPattern),
    equals: wait.equals,
    afterMs,
    afterSeq,
  }));
  const pages = new Map<number, KeptEvent[]>();
  for (const event of await findKeptEvents(deps.database.read, probes)) {
    pages.set(event.place, [...(pages.get(event.place) ?? []), event]);
  }
  return Promise.all(meets.map((meet, place) => meetPage(deps, meet, pages.get(place) ?? [])));
}

/** Offers one page of events to a wait. */
async function meetPage(
  deps: MeetDeps,
  meet: MeetWait,
  page: readonly KeptEvent[],
): Promise<Looked> {
  const { runId, workspaceId, stepIndex, typePattern, subjectPattern } = meet.wait;
  const inputs = page
    .filter((event) => event.workspaceId === workspaceId)
    .filter((event) => fitsPatterns(typePattern, subjectPattern, event))
    .map((event) => eventInput(stepIndex, arrivedOf(event), ""));
  const outcome = await offer(deps, runId, workspaceId, inputs);
  const last = page.at(-1);
  if (typeof outcome === "object") return outcome;
  if (outcome === "taken" || last === undefined || page.length < KEPT_A_PAGE) return "done";
  meet.afterMs = last.arrivedAtMs;
  meet.afterSeq = last.seq;
  meet.tries = 0;
  return "next page";
}

async function meetIds(deps: MeetDeps, meets: readonly MeetId[]): Promise<Looked[]> {
  const objects = meets.map(({ learned: { id: objectId, ...step } }) => ({ ...step, objectId }));
  const kept = await findKeptInputs(deps.database, objects);
  return Promise.all(
    meets.map(async ({ learned: { runId, workspaceId } }, place) => {
      const outcome = await offer(deps, runId, workspaceId, kept[place] ?? []);
      return typeof outcome === "object" ? outcome : "done";
    }),
  );
}

/** Submits inputs in order. One that breaks is logged; the others still count. */
async function offer(
  deps: MeetDeps,
  runId: string,
  workspaceId: string,
  inputs: readonly Input[],
): Promise<"taken" | "left" | { readonly failed: unknown }> {
  const results = await Promise.allSettled(
    inputs.map((input) => deps.submit({ kind: "input", runId, workspaceId, input })),
  );
  const errors = results.flatMap((result) => (result.status === "rejected" ? [result.reason] : []));
  const passing = errors.find(isTemporary);
  if (passing !== undefined) return { failed: passing };
  for (const error of errors) deps.log.error("a kept event could not be applied", { runId, error });
  const taken = results.some(
    (result) => result.status === "fulfilled" && result.value.reply.kind === "applied",
  );
  return taken ? "taken" : "left";
}

/** A kept event as it arrived. */
function arrivedOf({ extensions, ...event }: KeptEvent): ArrivedEvent {
  return extensions === null ? event : { ...event, extensions };
}

/** The text of a pattern without wildcards, with dots; "" of any other. */
function literalOf(pattern: string): string {
  const parsed = parsePattern(pattern);
  return parsed.ok && isLiteral(parsed.pattern) ? withDots(pattern) : "";
}
