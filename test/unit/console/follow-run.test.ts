/** A run is followed over cuts and proxies without losing a move. Boundary: the service is what the test gives. */
import { create } from "@bufbuild/protobuf";
import { Code, ConnectError } from "@connectrpc/connect";
import { expect, it } from "vitest";
import type { Liveness } from "../../../console/src/api/streams.ts";
import { type Following, followRun } from "../../../console/src/pages/run/follow-run.ts";
import {
  GetHistoryResponseSchema,
  type Move,
  MoveSchema,
  WatchResponseSchema,
} from "../../../gen/workflows/ops/v1/runs_pb.ts";
import { WorkflowState } from "../../../gen/workflows/v1/workflows_pb.ts";

const TIMES = {
  ...{ firstWithin: 30, silentFor: 5_000, pollEvery: 5, streamAgainAfter: 10_000 },
  placeAgainAfter: 20,
  ...{ giveEvery: 40, burstGap: 5, burstAtMost: 200 },
};

/** The last of the moves ends the run. */
function movesOf(count: number): Move[] {
  return Array.from({ length: count }, (_, at) =>
    create(MoveSchema, {
      ...{ seq: BigInt(at + 1), cursor: `c${at + 1}` },
      changes: at + 1 === count ? [{ runTo: WorkflowState.COMPLETED }] : [],
    }),
  );
}

const answer = (move: Move) => create(WatchResponseSchema, { cursor: move.cursor, move });
const first = (cursor: string) => create(WatchResponseSchema, { cursor });

function placeOf(moves: readonly Move[], after: string): number {
  return moves.findIndex(({ cursor }) => cursor === after) + 1;
}

/** Follows until the end; what was given, and how the page called itself. */
async function followed(service: Pick<Following, "watch" | "page" | "takePlace" | "renewed">) {
  const given: Move[][] = [];
  const givenAtMs: number[] = [];
  const liveness: Liveness["kind"][] = [];
  await followRun({
    ...service,
    after: "",
    signal: new AbortController().signal,
    times: TIMES,
    onHeard() {},
    onMoves(moves) {
      givenAtMs.push(performance.now());
      given.push([...moves]);
    },
    onLiveness({ kind }) {
      if (liveness.at(-1) !== kind) liveness.push(kind);
    },
  });
  return { seqs: given.flat().map(({ seq }) => Number(seq)), given, givenAtMs, liveness };
}

const noPage = () => Promise.reject(new Error("no page was to be asked for"));
const all = (count: number) => Array.from({ length: count }, (_, at) => at + 1);

it("gives each move once and in order over streams that break", async () => {
  const moves = movesOf(9);
  let streams = 0;
  const { seqs, liveness } = await followed({
    page: noPage,
    async *watch(after) {
      streams += 1;
      yield first(after);
      for (const move of moves.slice(placeOf(moves, after), streams * 3)) yield answer(move);
      if (streams < 3) throw new ConnectError("the connection broke", Code.Unavailable);
    },
  });
  expect(seqs).toEqual(all(9));
  expect(liveness).toEqual(["connecting", "live", "away", "live", "away", "live", "ended"]);
});

it("gives what there was at first together", async () => {
  const moves = movesOf(500);
  const { given } = await followed({
    page: noPage,
    async *watch(after) {
      yield first(after);
      for (const move of moves) yield answer(move);
    },
  });
  expect(given.map((each) => each.length)).toEqual([500]);
});

it("gives moves no more often than it may", async () => {
  const moves = movesOf(40);
  const { seqs, givenAtMs } = await followed({
    page: noPage,
    async *watch(after) {
      yield first(after);
      for (const move of moves) {
        yield answer(move);
        await new Promise((resolve) => setTimeout(resolve, 10));
      }
    },
  });
  expect(seqs).toEqual(all(40));
  const gaps = givenAtMs.slice(1, -1).map((at, place) => at - (givenAtMs[place] ?? 0));
  expect(gaps.length).toBeGreaterThan(2);
  for (const gap of gaps) expect(gap).toBeGreaterThan(TIMES.giveEvery - 5);
});

it("asks for pages where the first message of the stream is held back", async () => {
  const moves = movesOf(6);
  let there = 2;
  const { seqs, liveness } = await followed({
    async *watch(_, signal) {
      await new Promise((_resolve, reject) => {
        signal.addEventListener("abort", () => reject(signal.reason));
      });
      yield first("");
    },
    async page(after) {
      const page = moves.slice(placeOf(moves, after), there);
      there += 2;
      return create(GetHistoryResponseSchema, { moves: page, totalSize: moves.length });
    },
  });
  expect(seqs).toEqual(all(6));
  expect(liveness).toEqual(["connecting", "polling", "ended"]);
});

it("ends where the service refuses to go on", async () => {
  const { seqs, liveness } = await followed({
    page: noPage,
    async *watch(after) {
      yield first(after);
      yield answer(movesOf(2)[0] ?? create(MoveSchema));
      throw new ConnectError("the token has ended", Code.Unauthenticated);
    },
  });
  expect(seqs).toEqual([1]);
  expect(liveness).toEqual(["connecting", "live", "refused"]);
});

it("asks for pages while other pages of the browser have the streams, and takes one that is free", async () => {
  const moves = movesOf(4);
  let taken = 0;
  let left = 0;
  const { seqs, liveness } = await followed({
    async takePlace() {
      taken += 1;
      if (taken < 2) return undefined;
      return () => {
        left += 1;
      };
    },
    async *watch(after) {
      yield first(after);
      for (const move of moves.slice(placeOf(moves, after))) yield answer(move);
    },
    async page(after) {
      const page = moves.slice(placeOf(moves, after), 2);
      return create(GetHistoryResponseSchema, { moves: page, totalSize: 2 });
    },
  });
  expect(seqs).toEqual(all(4));
  expect(liveness).toEqual(["connecting", "polling", "live", "ended"]);
  expect([taken, left]).toEqual([2, 1]);
});

it("goes on with another token where the one of the stream has ended", async () => {
  const moves = movesOf(4);
  let token = 1;
  let streams = 0;
  const { seqs, liveness } = await followed({
    page: noPage,
    async renewed() {
      token += 1;
      return true;
    },
    async *watch(after) {
      streams += 1;
      yield first(after);
      for (const move of moves.slice(placeOf(moves, after), token * 2)) yield answer(move);
      if (token === 1) throw new ConnectError("the token has ended", Code.Unauthenticated);
    },
  });
  expect(seqs).toEqual(all(4));
  expect(liveness).toEqual(["connecting", "live", "ended"]);
  expect([streams, token]).toEqual([2, 2]);
});

it("ends where pages are refused while other pages of the browser have the streams", async () => {
  let pages = 0;
  const { liveness } = await followed({
    takePlace: async () => undefined,
    async *watch() {
      yield first("");
    },
    async page() {
      pages += 1;
      if (pages > 20) return create(GetHistoryResponseSchema, { moves: movesOf(1) });
      throw new ConnectError("there is no such run", Code.NotFound);
    },
  });
  expect(pages).toBe(1);
  expect(liveness).toEqual(["connecting", "refused"]);
});

it("asks for pages again after a pause when the service is away", async () => {
  const askedAtMs: number[] = [];
  const { seqs, liveness } = await followed({
    takePlace: async () => undefined,
    async *watch() {
      yield first("");
    },
    async page() {
      askedAtMs.push(performance.now());
      if (askedAtMs.length === 1) throw new ConnectError("it is away", Code.Unavailable);
      return create(GetHistoryResponseSchema, { moves: movesOf(1) });
    },
  });
  expect(seqs).toEqual([1]);
  expect(liveness).toEqual(["connecting", "away", "polling", "ended"]);
  expect((askedAtMs[1] ?? 0) - (askedAtMs[0] ?? 0)).toBeGreaterThan(50);
});
