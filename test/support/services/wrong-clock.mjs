/**
 * Preloaded into a process (`node --import`): its wall clock is off by CLOCK_OFF_BY_MS, and by CLOCK_JUMPS_TO_MS from
 * SIGUSR2 on.
 * Boundary: Date alone; the monotonic clock and timers are those of the machine.
 */
const RealDate = Date;
let offByMs = Number(process.env.CLOCK_OFF_BY_MS ?? 0);
process.on("SIGUSR2", () => {
  offByMs = Number(process.env.CLOCK_JUMPS_TO_MS ?? 0);
});

const now = () => RealDate.now() + offByMs;

globalThis.Date = new Proxy(RealDate, {
  apply: () => new RealDate(now()).toString(),
  construct: (target, args) => (args.length === 0 ? new RealDate(now()) : new target(...args)),
  get: (target, key) => (key === "now" ? now : Reflect.get(target, key)),
});
