/**
 * Fails a test in which the process held its own event loop: loaded before every file of the kinds that run the service.
 * Boundary: measures this process alone; a service in a process of its own has its own loop.
 * Invariant: only CPU time that the loop's own thread used within one delay counts, so neither a busy machine nor the
 * threads of the garbage collector are a fault.
 */
import { afterEach, beforeEach } from "vitest";
import { cpuMs } from "./cpu-time.ts";

/** CPU time that may pass within one delay of the event loop (guarantees: a loaded machine). */
const CPU_AT_MOST_MS = 200;
const TICK_MS = 10;

interface Delay {
  readonly heldMs: number;
  readonly cpuMs: number;
  readonly afterMs: number;
}

let worst: Delay | undefined;
let beganMs = 0;
let tickMs = 0;
let tickCpuMs = 0;
let timer: NodeJS.Timeout | undefined;

function tick(): void {
  const nowMs = performance.now();
  const nowCpuMs = cpuMs();
  const delay = { heldMs: nowMs - tickMs, cpuMs: nowCpuMs - tickCpuMs, afterMs: tickMs - beganMs };
  if (delay.cpuMs > (worst?.cpuMs ?? 0)) worst = delay;
  tickMs = nowMs;
  tickCpuMs = nowCpuMs;
}

/** Runs work of the test itself (making large inputs, reading large answers) that may hold the event loop. */
export function holdingLoop<T>(work: () => T): T {
  tick();
  try {
    return work();
  } finally {
    tickMs = performance.now();
    tickCpuMs = cpuMs();
  }
}

beforeEach(() => {
  worst = undefined;
  beganMs = performance.now();
  tickMs = beganMs;
  tickCpuMs = cpuMs();
  timer = setInterval(tick, TICK_MS);
  timer.unref();
});

afterEach(() => {
  clearInterval(timer);
  tick();
  if (worst === undefined || worst.cpuMs <= CPU_AT_MOST_MS) return;
  const [held, cpu, after] = [worst.heldMs, worst.cpuMs, worst.afterMs].map(Math.round);
  throw new Error(
    `the event loop was held for ${held} ms, ${cpu} ms of them on a CPU, ${after} ms into the test`,
  );
});
