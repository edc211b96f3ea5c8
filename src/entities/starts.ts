/**
 * Starts of runs in a workspace, as they happen; what began while the stream of events was cut is looked up.
 * Boundary: a stream and a search. What is done with a start is hooks.ts's.
 * Invariant: each run that begins after the first look is given once, as long as the same SeenStarts are used; but for one that waited for
 * the run limit of its workflow for longer than LATE_MS and begins while the stream is cut: runs are looked up by when they were accepted.
 */
import { timestampDate, timestampFromMs, timestampMs } from "@bufbuild/protobuf/wkt";
import type { Client } from "@connectrpc/connect";
import type { Runs } from "../../gen/workflows/ops/v1/runs_pb.ts";
import { follow } from "../client/follow.ts";

/** A run that began. */
export interface Start {
  readonly runId: string;
  readonly definitionId: string;
  readonly at: Date | undefined;
}

/** What was given, and from where on a look begins. */
export interface SeenStarts {
  /** The newest start when somebody looked first, in ms of the service's clock; undefined: nobody has. */
  sinceMs: number | undefined;
  /** The newest start that is known. */
  newestMs: number;
  /** The oldest first. */
  readonly runIds: Set<string>;
}

/** The service's part of it. */
type StartsOf = Pick<Client<typeof Runs>, "tailEvents" | "search">;

interface StartsOptions {
  readonly runs: StartsOf;
  readonly workspaceId: string;
  readonly signal: AbortSignal;
  readonly seen: SeenStarts;
  /** Called when what begins from now on will be given. */
  begun(): void;
  /** Told where more began than are looked up. */
  onError(error: unknown): void;
}

const TYPES = ["workflows.changes.run.started"];
const PAGE = 500;
/** Of one look, so that a program that was cut off for long does not hold them all. */
const LOOKED_UP_AT_MOST = 10_000;
/** A start may be committed a little after a later one. */
const LATE_MS = 10_000;
const KEPT_IDS = 20_000;

/** Starts until the signal aborts. Rejects where the stream is cut or the search fails: called again it goes on. */
export async function* followStarts(options: StartsOptions): AsyncGenerator<Start> {
  const { runs, workspaceId, signal, seen, begun } = options;
  if (seen.sinceMs === undefined) await lookFirst(options);
  let opened = 0;
  let looked = 0;
  const open = (stop: AbortSignal) => {
    opened += 1;
    return runs.tailEvents({ workspaceId, types: TYPES }, { signal: stop });
  };
  const stream = follow({ open, isCut: () => false, isEndless: true, awayMs: 0, signal });
  for await (const { event } of stream) {
    begun();
    if (looked < opened) yield* missed(options);
    looked = opened;
    if (event === undefined || seen.runIds.has(event.runId)) continue;
    const { time, runId, definitionId } = event;
    yield noted(seen, { runId, definitionId, at: time && timestampDate(time) });
  }
}

/**
 * What had begun before is not given. The newest runs may wait for a run limit: they have not begun, and do not say when a look begins.
 * Where LOOKED_UP_AT_MOST of them wait, the clock of this program says it.
 */
async function lookFirst({ runs, workspaceId, signal, seen }: StartsOptions): Promise<void> {
  let sinceMs: number | undefined;
  let pageToken = "";
  let looked = 0;
  do {
    const page = await runs.search({ workspaceId, pageSize: PAGE, pageToken }, { signal });
    looked += PAGE;
    for (const { id, startedAt } of page.runs) {
      if (startedAt === undefined) continue;
      sinceMs ??= timestampMs(startedAt);
      seen.runIds.add(id);
    }
    pageToken = page.nextPageToken;
  } while (sinceMs === undefined && pageToken !== "" && looked < LOOKED_UP_AT_MOST);
  seen.sinceMs = sinceMs ?? (pageToken === "" ? 0 : Date.now());
  seen.newestMs = seen.sinceMs;
}

/** The runs that began while no stream was open, the oldest first. */
async function* missed(options: StartsOptions): AsyncGenerator<Start> {
  const { runs, workspaceId, signal, seen, onError } = options;
  const fromMs = Math.max(seen.sinceMs ?? 0, seen.newestMs - LATE_MS);
  const startedFrom = timestampFromMs(fromMs);
  const found: Start[] = [];
  let pageToken = "";
  do {
    const request = { workspaceId, startedFrom, pageSize: PAGE, pageToken };
    const page = await runs.search(request, { signal });
    for (const { id: runId, definitionId, startedAt } of page.runs) {
      // One that waits for its run limit is given when it begins.
      if (startedAt === undefined || seen.runIds.has(runId)) continue;
      found.push({ runId, definitionId, at: timestampDate(startedAt) });
    }
    pageToken = page.nextPageToken;
  } while (pageToken !== "" && found.length < LOOKED_UP_AT_MOST);
  if (pageToken !== "") {
    const begun = `more than ${LOOKED_UP_AT_MOST} runs began while the stream of starts was cut`;
    onError(new Error(`${begun}: hooks after trigger are not called for the oldest of them`));
  }
  for (const start of found.toReversed()) yield noted(seen, start);
}

function noted(seen: SeenStarts, start: Start): Start {
  const { runIds } = seen;
  runIds.add(start.runId);
  seen.newestMs = Math.max(seen.newestMs, start.at?.getTime() ?? 0);
  for (const oldest of runIds) {
    if (runIds.size <= KEPT_IDS) break;
    runIds.delete(oldest);
  }
  return start;
}
