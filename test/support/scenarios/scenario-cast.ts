/**
 * The runs that stand on a stage, by name, and the calls that they made.
 * Boundary: names and lists; nothing is played here.
 *
 * The run that the script begins has the name `run`. A child is named by the step that started it, with the child's place
 * where there is a list and with the attempt where it is not the first: `enrich[2]`, `order#2`, `order.ship[0]`.
 */
import {
  type Call,
  type CancelRun,
  type CompensateRun,
  OWN_CALLS,
  type StartRun,
  type TellParent,
} from "../../../src/engine/values/call.ts";
import type { MadeCall } from "./scenario-happening.ts";

/** A call of the service to itself. */
export interface OwnCall {
  readonly callId: string;
  readonly call: StartRun | CancelRun | CompensateRun | TellParent;
}

/** Whether a call goes to the service itself. */
export function isOwnCall(call: Call): call is OwnCall["call"] {
  return OWN_CALLS.has(call.kind);
}

/** The child that a start began. */
interface Child {
  readonly runId: string;
  readonly stepId: string;
  /** Whether it is one of a list. */
  readonly isList: boolean;
}

/** The runs of one act of a script. */
export interface Cast {
  /** Whether calls of the service to itself are kept back. */
  isHeld: boolean;
  /** The run that the script begins. */
  enter(runId: string): void;
  enterChild(start: MadeCall, child: Child): void;
  /** In the order in which they began. */
  runIds(): readonly string[];
  /** The run of this name, and without a name the one that the script began. Throws where a child is not there. */
  find(name: string | undefined): string | undefined;
  /** Adds calls in the order in which they were made. */
  note(made: readonly MadeCall[]): void;
  callsOf(runId: string | undefined): readonly MadeCall[];
  /** The next call to the service itself that was not given yet. */
  nextOwn(): MadeCall | undefined;
  /** A text with the names of runs in place of their ids. */
  name(text: string): string;
  /** A line about a run: named, and begun with the run's name where it is a child. */
  tell(runId: string, line: string): string;
}

const FIRST = "run";

/** An empty stage. */
export function openCast(): Cast {
  const names = new Map<string, string>();
  const calls: MadeCall[] = [];
  const own: MadeCall[] = [];
  const name = (text: string) =>
    [...names].reduce((named, [runId, known]) => named.replaceAll(runId, `<${known}>`), text);
  return {
    isHeld: false,
    enter(runId) {
      names.set(runId, FIRST);
    },
    enterChild(start, child) {
      if (!names.has(child.runId)) names.set(child.runId, nameOf(start, child, names));
    },
    runIds: () => [...names.keys()],
    find(wanted) {
      const found = [...names].find(([, known]) => known === (wanted ?? FIRST))?.[0];
      if (found === undefined && wanted !== undefined) throw new Error(`there is no run ${wanted}`);
      return found;
    },
    note(made) {
      calls.push(...made);
      own.push(...made.filter(({ call }) => isOwnCall(call)));
    },
    callsOf: (runId) => calls.filter((each) => each.runId === runId),
    nextOwn: () => own.shift(),
    name,
    tell(runId, line) {
      const known = names.get(runId);
      return known === FIRST ? name(line) : `${known} | ${name(line)}`;
    },
  };
}

function nameOf(
  { runId, attempt, call }: MadeCall,
  { stepId, isList }: Child,
  names: ReadonlyMap<string, string>,
): string {
  const parent = names.get(runId);
  const place = isList && call.kind === "start_run" ? `[${call.parentStep.child}]` : "";
  const number = attempt === 1 ? "" : `#${attempt}`;
  return `${parent === FIRST ? "" : `${parent}.`}${stepId}${number}${place}`;
}
