/**
 * After a commit: waits that it opened look for events that came before them, ids that it learned for early reports.
 * Boundary: finds candidates and submits them; whether a step takes one (filter, taken before) is the engine's decision.
 * Invariants:
 * M1 The wait, or the id, is committed before the look; routing keeps and commits an event before it looks for waits.
 *    So they meet, whoever is first; that both may find each other is harmless.
 * M2 Every event that fits is looked at, page by page, until the wait takes one.
 * M3 What cannot be looked at now (the database away, a lane full) is tried again.
 */
import type { ArrivedEvent, Input } from "../engine/input.ts";
import { isLiteral, parsePattern } from "../engine/matching/pattern.ts";
import { fitsPatterns } from "../engine/matching/trigger-match.ts";
import type { Database } from "../store/database.ts";
import {
  type EarlyReport,
  findEarlyReports,
  findKeptEvents,
  type KeptEvent,
} from "../store/events.ts";
import { isAway, isLostRace } from "../store/pg-errors.ts";
import type { OpenWait } from "../store/reads/open-waits.ts";
import type { LearnedId } from "./commit-batch.ts";
import { createLane } from "./lane.ts";
import type { Log } from "./log.ts";
import { Refusal } from "./refusal.ts";
import type { Settled, Submission } from "./submission.ts";

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

type Meet =
  | { readonly kind: "wait"; readonly wait: OpenWait; afterSeq: number }
  | { readonly kind: "id"; readonly learned: LearnedId };
type MeetWait = Extract<Meet, { kind: "wait" }>;

const MEETS_AT_MOST = 20_000;
const BATCH_AT_MOST = 100;
const EVENTS_A_PAGE = 20;

/** Makes a meeting with nothing to do. */
export function createMeeting(deps: MeetDeps): Meeting {
  let stopped = false;
  const lane = createLane<Meet>({
    waitingAtMost: MEETS_AT_MOST,
    batchAtMost: BATCH_AT_MOST,
    async work(meets) {
      const again = await meetAll(deps, meets);
      return stopped ? [] : again;
    },
  });
  return {
    meet(waits, ids) {
      const meets: Meet[] = [
        ...waits.map((wait) => ({ kind: "wait", wait, afterSeq: 0 }) as const),
        ...ids.map((learned) => ({ kind: "id", learned }) as const),
      ];
      const left = meets.filter((meet) => !lane.push(meet));
      if (left.length === 0) return;
      deps.log.warn("waits are left for the next sweep", { count: left.length });
    },
    idle: () => lane.drained(),
    async stop() {
      stopped = true;
      await lane.drained();
    },
  };
}

/** Gives back what is to come again: pages that are not the last, and what could not be looked at. */
async function meetAll(deps: MeetDeps, meets: Meet[]): Promise<Meet[]> {
  try {
    const waits = meets.filter((meet) => meet.kind === "wait");
    const ids = meets.filter((meet) => meet.kind === "id");
    const again = await Promise.all([meetWaits(deps, waits), meetIds(deps, ids)]);
    return again.flat();
  } catch (error) {
    if (mayComeAgain(error)) return meets;
    deps.log.error("waits could not be looked at", { count: meets.length, error });
    return [];
  }
}

async function meetWaits(deps: MeetDeps, meets: readonly MeetWait[]): Promise<Meet[]> {
  if (meets.length === 0) return [];
  const probes = meets.map(({ wait, afterSeq }, place) => ({
    place,
    workspaceId: wait.workspaceId,
    type: literalOf(wait.typePattern),
    subject: literalOf(wait.subjectPattern),
    sinceMs: wait.sinceMs,
    afterSeq,
  }));
  const pages = new Map<number, KeptEvent[]>();
  for (const event of await findKeptEvents(deps.database.read, probes, EVENTS_A_PAGE)) {
    pages.set(event.place, [...(pages.get(event.place) ?? []), event]);
  }
  const open = await Promise.all(
    meets.map((meet, place) => meetPage(deps, meet, pages.get(place) ?? [])),
  );
  return meets.filter((_, place) => open[place]);
}

/** Offers one page of events to a wait; true when it is to come again. */
async function meetPage(
  deps: MeetDeps,
  meet: MeetWait,
  page: readonly KeptEvent[],
): Promise<boolean> {
  const { runId, workspaceId, stepIndex, typePattern, subjectPattern } = meet.wait;
  const inputs = page
    .filter((event) => fitsPatterns(typePattern, subjectPattern, event))
    .map((event) => eventInput(stepIndex, event));
  const outcome = await offer(deps, runId, workspaceId, inputs);
  const last = page.at(-1);
  if (outcome === "try again") return true;
  if (outcome === "taken" || last === undefined || page.length < EVENTS_A_PAGE) return false;
  meet.afterSeq = last.seq;
  return true;
}

async function meetIds(
  deps: MeetDeps,
  meets: readonly Extract<Meet, { kind: "id" }>[],
): Promise<Meet[]> {
  if (meets.length === 0) return [];
  const objects = meets.map(({ learned }) => ({
    workspaceId: learned.workspaceId,
    objectId: learned.id,
  }));
  const reports = await findEarlyReports(deps.database.read, objects);
  const open = await Promise.all(
    meets.map(async ({ learned }) => {
      const { runId, workspaceId, stepIndex, id } = learned;
      const own = reports.filter(
        (report) => report.workspaceId === workspaceId && report.objectId === id,
      );
      const inputs = own.flatMap((report) => reportInput(stepIndex, report));
      return (await offer(deps, runId, workspaceId, inputs)) === "try again";
    }),
  );
  return meets.filter((_, place) => open[place]);
}

/** Submits inputs in order. One that breaks is logged; the others still count. */
async function offer(
  deps: MeetDeps,
  runId: string,
  workspaceId: string,
  inputs: readonly Input[],
): Promise<"taken" | "left" | "try again"> {
  const results = await Promise.allSettled(
    inputs.map((input) => deps.submit({ kind: "input", runId, workspaceId, input })),
  );
  const errors = results.flatMap((result) => (result.status === "rejected" ? [result.reason] : []));
  if (errors.some(mayComeAgain)) return "try again";
  for (const error of errors) deps.log.error("a kept event could not be applied", { runId, error });
  const taken = results.some(
    (result) => result.status === "fulfilled" && result.value.reply.kind === "applied",
  );
  return taken ? "taken" : "left";
}

function eventInput(stepIndex: number, kept: KeptEvent): Input {
  const { id, source, type, subject, time, data } = kept;
  const event: ArrivedEvent = { id, source, type, subject, time, data };
  return { kind: "event_arrived", cause: { kind: "event", id }, stepIndex, event };
}

function reportInput(stepIndex: number, { eventId, report }: EarlyReport): Input[] {
  const cause = { kind: "event", id: eventId } as const;
  switch (report.kind) {
    case "owner":
      return [{ kind: "owner_reported", cause, stepIndex, report: report.report }];
    case "approval":
      return [{ kind: "approval_decided", cause, stepIndex, report: report.report }];
    case "governance":
      return [];
  }
}

/** The text of a pattern without wildcards, "" of any other. */
function literalOf(pattern: string): string {
  const parsed = parsePattern(pattern);
  return parsed.ok && isLiteral(parsed.pattern) ? pattern : "";
}

function mayComeAgain(error: unknown): boolean {
  if (error instanceof Refusal) {
    return ["overloaded", "unavailable", "lost_race"].includes(error.reason);
  }
  return isAway(error) || isLostRace(error);
}
