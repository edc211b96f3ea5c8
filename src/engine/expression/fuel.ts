// The work one evaluation may do on data. The library has no limit of its own; the static bounds of
// an expression limit how many operations it has, and fuel limits what large values cost in them.
//
// Boundary: counts units that the functions and values of expressions report; measures no time.
// Invariants:
// 1. Work is charged before it is done, so an evaluation never runs far past its tank.
// 2. Evaluation is synchronous, and the tank in use is put back afterwards: nothing outlives a call.

/** The units left to an evaluation, or to all evaluations of one template. Below zero it is spent. */
export interface Tank {
  left: number;
  /** Units of work that its evaluations took, those included that fuel does not limit (see workUnits). */
  work: number;
}

/** A unit is about ten nanoseconds of work; a full tank is about eight milliseconds. */
const FULL_TANK_UNITS = 800_000;

/** Characters that a native string operation gets through in one unit. */
const CHARS_PER_UNIT = 16;

/** Thrown by `charge` when the tank is spent; the library hands it on as an error value. */
export class FuelSpentError extends Error {
  constructor() {
    super("costs too much on values of this size");
    this.name = "FuelSpentError";
  }
}

let current: Tank = { left: 0, work: 0 };

/** A full tank. */
export function fillTank(): Tank {
  return { left: FULL_TANK_UNITS, work: 0 };
}

/**
 * Runs the work with the tank in use. A comprehension goes on over turns that fail: each makes an error value, whose
 * stack costs several times the rest of the turn and is never read.
 */
export function withTank<T>(tank: Tank, work: () => T): T {
  const outer = current;
  const { stackTraceLimit } = Error;
  current = tank;
  Error.stackTraceLimit = 0;
  try {
    return work();
  } finally {
    Error.stackTraceLimit = stackTraceLimit;
    current = outer;
  }
}

/** Takes units from the tank in use; throws FuelSpentError when it has fewer. */
export function charge(units: number): void {
  current.left -= units;
  if (current.left < 0) throw new FuelSpentError();
}

/** Visiting one node of an expression once. */
const NODE_UNITS = 40;
/** What a turn of a comprehension charges, whatever its body holds. */
export const TURN_UNITS = 100;

/**
 * The work of an evaluation that charged `charged` units. Its nodes cost too: the static bounds limit them, fuel does
 * not. Nearly all that a comprehension charges are its turns, and each turn visits the body.
 */
export function workUnits(charged: number, nodes: number, bodyNodes: number): number {
  const turns = charged / TURN_UNITS;
  return Math.max(charged, turns * bodyNodes * NODE_UNITS) + nodes * NODE_UNITS;
}

/** Takes what a native operation over so many characters or bytes costs. */
export function chargeText(chars: number): void {
  charge(chars / CHARS_PER_UNIT);
}
