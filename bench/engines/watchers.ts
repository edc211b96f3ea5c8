/**
 * Watchers of runs, as other processes have them: streams of Runs.Watch over sockets.
 * Boundary: opens, counts and ends streams; what is measured beside them is a line's.
 */
import { type Client, createClient } from "@connectrpc/connect";
import { createGrpcTransport, Http2SessionManager } from "@connectrpc/connect-node";
import { Runs } from "../../gen/workflows/ops/v1/runs_pb.ts";
import { nowMs } from "../parts/clock.ts";
import { publishLong } from "./definitions.ts";
import type { Engine } from "./engine.ts";
import { inFlight } from "./in-flight.ts";
import type { Stage } from "./ours.ts";

const STREAMS_A_CONNECTION = 100;
const PARKED_AT_A_TIME = 64;
const OPENED_AT_A_TIME = 8;

/** Runs of so many steps, and the watchers of each. */
interface Followed {
  readonly runs: number;
  readonly steps: number;
  readonly watchers: number;
}

/** The commands. */
export function watchCommands(stage: Stage): NonNullable<Engine["own"]> {
  const open: AbortController[] = [];
  const links: Link[] = [];
  const longs = new Map<number, Promise<string>>();
  return {
    /** Parks so many runs and watches each; resolves when each stream has begun. */
    async watchParked({ runs }: { runs: number }) {
      const tag = nowMs();
      await inFlight(runs, PARKED_AT_A_TIME, async (at) => {
        const runId = await stage.begin("park", `watched-${tag}-${at}`);
        await stage.waiting(runId);
        const ending = new AbortController();
        open.push(ending);
        await begun(linkOf(links, stage, at).runs, runId, ending.signal);
      });
    },
    async endWatches() {
      for (const ending of open.splice(0)) ending.abort();
      for (const { session } of links.splice(0)) session.abort();
    },
    /** Opens and ends so many watches of a run that waits, one after another at each of a few places. */
    async openWatches({ times }: { times: number }) {
      const runId = await stage.begin("park", `opened-${nowMs()}`);
      await stage.waiting(runId);
      await inFlight(times, OPENED_AT_A_TIME, async (at) => {
        const ending = new AbortController();
        await begun(linkOf(links, stage, at).runs, runId, ending.signal);
        ending.abort();
      });
      return times;
    },
    /**
     * Runs of so many agent steps to their end, side by side, each watched from its start by so many; how many moves the watchers
     * got.
     */
    async runWatched({ runs, steps, watchers }: Followed) {
      const tag = nowMs();
      const definitionId = await longOf(stage, longs, steps);
      let moves = 0;
      const follow = async (at: number, runId: string) => {
        for await (const { move } of linkOf(links, stage, at).runs.watch({ runId })) {
          if (move !== undefined) moves += 1;
        }
      };
      await inFlight(runs, runs, async (at) => {
        const runId = await stage.beginOf(definitionId, `followed-${tag}-${at}`);
        const places = Array.from({ length: watchers }, (_, of) => at * watchers + of);
        await Promise.all([stage.ended(runId), ...places.map((place) => follow(place, runId))]);
      });
      return moves;
    },
  };
}

/** The definition of a line of so many steps, published once. */
function longOf(stage: Stage, longs: Map<number, Promise<string>>, steps: number): Promise<string> {
  const published = longs.get(steps) ?? publishLong(stage.client, steps);
  longs.set(steps, published);
  return published;
}

interface Link {
  readonly session: Http2SessionManager;
  readonly runs: Client<typeof Runs>;
}

/** One connection for each hundred streams. */
function linkOf(links: Link[], { service }: Stage, at: number): Link {
  const place = Math.floor(at / STREAMS_A_CONNECTION);
  const link = links[place] ?? connect(service.url);
  links[place] = link;
  return link;
}

function connect(url: string): Link {
  const session = new Http2SessionManager(url);
  const transport = createGrpcTransport({ baseUrl: url, sessionManager: session });
  return { session, runs: createClient(Runs, transport) };
}

/** Resolves at the first message; the others are taken as they come. */
async function begun(runs: Client<typeof Runs>, runId: string, signal: AbortSignal): Promise<void> {
  const messages = runs.watch({ runId }, { signal })[Symbol.asyncIterator]();
  await messages.next();
  void takeAll(messages, signal);
}

async function takeAll(messages: AsyncIterator<unknown>, signal: AbortSignal): Promise<void> {
  try {
    while ((await messages.next()).done !== true);
  } catch (error) {
    if (!signal.aborted) throw error;
  }
}
