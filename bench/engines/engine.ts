/**
 * What every engine can do, so that the same loads can be put on each.
 * Boundary: an interface. An engine lives in the process of its host (host.ts), with further processes of its own.
 */
import type { Guard } from "../../tools/parts/guard.ts";
import type { Counted } from "../parts/process-cpu.ts";

/** The engines by name. */
export type EngineName =
  | "ours"
  | "floor"
  | "worker-floor"
  | "dbos"
  | "restate"
  | "restate-2"
  | "restate-svc";

/** A line of agent steps, a fan-out of them with a join, and both of steps that workers do. */
export type RunKind = "line" | "fan" | "worker-line" | "worker-fan";

/** An engine at work. */
export interface Engine {
  /** Its processes besides the host and Postgres. */
  processes(): readonly Counted[];
  /** What the host itself is: the caller of a service, or the process that the engine is a library of. */
  readonly hostIs: string;
  /** Starts a run and waits for its end. */
  run(kind: RunKind, id: string): Promise<void>;
  /** Starts a run that waits for `wake`; resolves when it is durably accepted. */
  park?(id: string): Promise<void>;
  /** Resolves when all runs that `park` started do wait. */
  parked?(): Promise<void>;
  /** Sends what the run waits for. The next step's call is reported by `seen`. */
  wake?(id: string): Promise<void>;
  /** What only this engine can do, by name; arguments and results are JSON. */
  readonly own?: Readonly<Record<string, (args: never) => unknown>>;
  close(): Promise<void>;
}

/** What an engine gets at its start. */
export interface EngineStart {
  /** An empty database. */
  readonly databaseUrl: string;
  readonly guard: Guard;
  /** How long after its answer an objective ends; 0 in all that is timed. */
  readonly endDelayMs: number;
  /** To be called when the step after a wait runs, with the time by the monotonic clock. */
  seen(id: string, atMs: number): void;
}
