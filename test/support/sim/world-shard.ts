/**
 * A share of the worlds that every run of the tests plays, as a file of its own so that shares run side by side.
 * A failure names its seed; `SIMULATION_SEED=<seed> npm test -- test/simulation` plays that world alone, and
 * `SIMULATION_FROM=<seed>` plays worlds that no run of the tests has.
 */
import { expect } from "vitest";
import { type Counts, playWorld } from "./play-worlds.ts";

/** Worlds of one share. Four shares make the 2,000 of a run of the tests. */
const WORLDS = 500;
/** What each share must come to, to be worth anything. */
const COUNTED_AT_LEAST: Readonly<Record<string, number>> = {
  "run COMPLETED": 500,
  "run FAILED": 80,
  "run CANCELLED": 80,
  crash: 150,
  freeze: 50,
  "crash between send and result": 40,
  "fenced write": 30,
  "lost lease": 80,
  "lost commit reply": 200,
  "late commit": 200,
  "one statement saved": 1_500,
  "one statement refused for a run": 100,
  "one statement refused for a step": 10,
  "one statement late": 25,
  "one statement refused though late": 20,
  "one statement found committed": 20,
  "one statement found not committed": 2,
  "lost refusal reply": 1,
  "redelivered message": 400,
  "repeated event": 200,
  "lost acknowledgement of an event": 100,
  "lost event": 30,
  "found by asking": 30,
  "cancel racing completion": 6,
  "compensation after a crash": 8,
  timer: 200,
  "timer of a known time": 150,
  retry: 100,
  "slot of a schedule": 250,
  "slot passed over": 5,
  "schedule moved on by another replica": 50,
  "answer of another replica": 300,
  "lost answer of another replica": 10,
  "trouble after a report was taken for another replica": 1,
  "trouble before a schedule moves on": 10,
  "call by two callers at once": 500,
  "lost answer of a call": 100,
  "answer given again": 300,
  "start by an event id answered again": 50,
  "call still running": 150,
  "key taken over": 3,
  "call read again": 3,
  "trouble before an answer": 10,
  "moved by PauseRun": 15,
  "moved by ResumeRun": 15,
  "moved by CancelRun": 60,
  "moved by CompensateRun": 15,
  "moved by TransitionStep": 20,
  "item of the inbox": 100,
  "task sent": 300,
  "task sent again": 4,
  "stream lost with tasks": 4,
  "worker died before its result": 12,
  "worker died after its result": 12,
  "heartbeat lost": 20,
  "result twice": 8,
  "result of a superseded attempt": 50,
  "late result noted": 25,
  "late end noted": 60,
  "end of a superseded object": 30,
  "task cancelled": 30,
  "cancel before its task": 3,
};

/** Plays one share, counted from 0. */
export async function playShare(share: number): Promise<void> {
  const { SIMULATION_SEED: alone, SIMULATION_FROM: from = "1" } = process.env;
  if (alone !== undefined) {
    await playWorld(Number(alone));
    return;
  }
  const counts: Counts = new Map();
  const first = Number(from) + share * WORLDS;
  for (let seed = first; seed < first + WORLDS; seed += 1) await playWorld(seed, counts);
  for (const [name, times] of Object.entries(COUNTED_AT_LEAST)) {
    expect(counts.get(name) ?? 0, name).toBeGreaterThanOrEqual(times);
  }
}
