/**
 * Rows of the history in their packed form ↔ the engine's moves: they are the largest part of what a step writes.
 * Boundary: pure. Only this file knows the packed form, which is the JSON of run_moves.cause and run_moves.moves:
 *
 * cause  `[kind, id, by?, reason?, via?]`: kind 1 rpc, 2 event, 3 call, 4 timer, 5 engine. The id of the run's own call
 *        begins with `/`, for the run's id before it is left out. `by` stands where it is known. Where a text follows
 *        one that is not known, that one is "".
 * moves  a list of `[step, from, to, operation, facts?]`. `step` is the index of the step, or -1: the run itself.
 *        States are the wire's numbers (WorkflowState, StepRunState). `operation` is a place in RUN_OPERATIONS or
 *        STEP_OPERATIONS, counted from 1; 0 is not published. `facts` is an object of what is known:
 *        of a run `w` the reason; of a step `w` the reason where it changed its state or an attempt failed, else the
 *        note, and `y` the other of the two; of both `t` the run's total in USD, unless it is that of the move before (0 before the
 *        first); of a run `m` the marks; of a step `r` retries, `c` cost in USD, `e` error, and ids: `o` objective,
 *        `a` agent, `d` delegation, `p` approval request, `g` governance decision, `v` event, `n` notification.
 *        An id that is a number refers to an earlier text of the same row: 0 the cause's id, 1 its `by` ("" without
 *        one), 2 and on the ids that are spelt out in the moves, from first to last.
 *
 * Invariant: rows are kept for ever, so no number or letter ever changes its meaning; new ones are added at the end.
 */
import type { Cause } from "../engine/values/input.ts";
import { type Move, STEP_ID_NAMES, type StepIdName, type StepIds } from "../engine/values/move.ts";
import { RUN_STATES, STEP_STATES } from "../engine/values/run.ts";

/** A cause as it is stored. */
export type PackedCause = readonly [
  kind: number,
  id: string,
  by?: string,
  reason?: string,
  via?: string,
];
/** The facts of a move besides its states, by letter. */
type PackedFacts = Readonly<NewFacts>;
type NewFacts = Record<string, string | number>;
/** A move as it is stored. */
export type PackedMove = readonly [
  step: number,
  from: number,
  to: number,
  operation: number,
  facts?: PackedFacts,
];

/** A row of the history, as it is stored. */
export interface PackedRow {
  readonly cause: PackedCause;
  readonly moves: readonly PackedMove[];
}
/** A row of the history, unpacked. */
export interface HistoryRow {
  readonly cause: Cause;
  readonly moves: readonly Move[];
}

/** What the earlier moves of a row leave for the next one to refer to. */
interface KnownFacts {
  readonly texts: string[];
  totalUsd: number;
}

/** In place of a step's index: the run itself moved. */
export const RUN_ITSELF = -1;

const NOT_PUBLISHED = 0;
const CAUSES = ["rpc", "event", "call", "timer", "engine"] as const;
const RUN_OPERATIONS = [
  "started",
  "completed",
  "failed",
  "pause",
  "resume",
  "cancel",
  "compensate",
  "compensated",
] as const;
const STEP_OPERATIONS = [
  "started",
  "waiting",
  "completed",
  "retrying",
  "failed",
  "skipped",
  "cancelled",
  "compensated",
] as const;
const ID_LETTERS: Readonly<Record<StepIdName, string>> = {
  objective_id: "o",
  agent_id: "a",
  delegation_id: "d",
  approval_request_id: "p",
  governance_decision: "g",
  event_id: "v",
  notification_id: "n",
};

/** What the end of a run is in the packed form, for statements that look for it. */
export const RUN_END = {
  ofRun: RUN_ITSELF,
  compensating: numberOf(RUN_STATES, "COMPENSATING"),
  failed: numberOf(RUN_STATES, "FAILED"),
  compensated: numberOf(RUN_OPERATIONS, "compensated"),
};

/** Packs a row of the run's history. */
export function packRow(runId: string, { cause, moves }: HistoryRow): PackedRow {
  const known = knownFrom(cause);
  return { cause: packCause(runId, cause), moves: moves.map((move) => packMove(move, known)) };
}

/** The row as the engine made it. Throws on a number that stands for nothing. */
export function unpackRow(runId: string, row: PackedRow): HistoryRow {
  const cause = unpackCause(runId, row.cause);
  const known = knownFrom(cause);
  return { cause, moves: row.moves.map((move) => unpackMove(move, known)) };
}

function knownFrom({ id, by = "" }: Cause): KnownFacts {
  return { texts: [id, by], totalUsd: 0 };
}

function packCause(runId: string, { kind, id, by, reason, via }: Cause): PackedCause {
  const isOwnCall = kind === "call" && id.startsWith(`${runId}/`);
  const short = isOwnCall ? id.slice(runId.length) : id;
  const number = numberOf(CAUSES, kind);
  if (via !== undefined) return [number, short, by ?? "", reason ?? "", via];
  if (reason !== undefined) return [number, short, by ?? "", reason];
  return by === undefined ? [number, short] : [number, short, by];
}

function unpackCause(runId: string, [number, short, by, reason, via]: PackedCause): Cause {
  const kind = nameOf(CAUSES, number);
  const isOwnCall = kind === "call" && short.startsWith("/");
  return {
    kind,
    id: isOwnCall ? `${runId}${short}` : short,
    ...(by === undefined || (by === "" && reason !== undefined) ? {} : { by }),
    ...(reason === undefined || (reason === "" && via !== undefined) ? {} : { reason }),
    ...(via === undefined ? {} : { via }),
  };
}

function packMove(move: Move, known: KnownFacts): PackedMove {
  const { total = 0 } = move;
  const t = total === known.totalUsd ? undefined : total;
  known.totalUsd = total;
  // Made key by key, and only those that are known: this is done for each move of every commit.
  const facts: NewFacts = {};
  if (move.of === "run") {
    const { from, to, op, reason, marks } = move;
    note(facts, "w", reason);
    note(facts, "t", t);
    note(facts, "m", marks);
    const operation = op === undefined ? NOT_PUBLISHED : numberOf(RUN_OPERATIONS, op);
    return withFacts(
      RUN_ITSELF,
      numberOf(RUN_STATES, from),
      numberOf(RUN_STATES, to),
      operation,
      facts,
    );
  }
  const { step, from, to, op } = move;
  noteTexts(facts, move);
  note(facts, "t", t);
  note(facts, "r", move.retry);
  note(facts, "c", move.cost);
  note(facts, "e", move.error);
  if (move.ids !== undefined) noteIds(facts, move.ids, known.texts);
  const operation = op === undefined ? NOT_PUBLISHED : numberOf(STEP_OPERATIONS, op);
  return withFacts(step, numberOf(STEP_STATES, from), numberOf(STEP_STATES, to), operation, facts);
}

function note(facts: NewFacts, letter: string, fact: string | number | undefined): void {
  if (fact !== undefined) facts[letter] = fact;
}

type StepMove = Extract<Move, { of: "step" }>;

/** Rows of earlier releases have one text a move. */
function isForReason({ from, to, op }: Pick<StepMove, "from" | "to" | "op">): boolean {
  return from !== to || op === "retrying";
}

/** What the engine notes of a step that is held for an order, with its error. */
const HELD = "held";

function noteTexts(facts: NewFacts, move: StepMove): void {
  const { reason, note: noted, error } = move;
  const isHold = noted === HELD && error !== undefined;
  const isReason = isForReason(move) && !isHold;
  note(facts, "w", isReason ? reason : noted);
  note(facts, "y", isReason ? noted : reason);
}

function unpackTexts(
  move: Pick<StepMove, "from" | "to" | "op">,
  { w, y, e }: PackedFacts,
): Pick<StepMove, "note" | "reason"> {
  const isHold = w === HELD && e !== undefined;
  const [reason, note] = isForReason(move) && !isHold ? [w, y] : [y, w];
  return {
    ...(typeof note === "string" ? { note } : {}),
    ...(typeof reason === "string" ? { reason } : {}),
  };
}

function withFacts(
  step: number,
  from: number,
  to: number,
  operation: number,
  facts: NewFacts,
): PackedMove {
  for (const _ in facts) return [step, from, to, operation, facts];
  return [step, from, to, operation];
}

function noteIds(facts: NewFacts, ids: StepIds, texts: string[]): void {
  for (const name of STEP_ID_NAMES) {
    const id = ids[name];
    if (id === undefined) continue;
    const place = texts.indexOf(id);
    facts[ID_LETTERS[name]] = place < 0 ? id : place;
    if (place < 0) texts.push(id);
  }
}

function unpackMove([step, from, to, operation, facts = {}]: PackedMove, known: KnownFacts): Move {
  if (typeof facts.t === "number") known.totalUsd = facts.t;
  const total = known.totalUsd === 0 ? {} : { total: known.totalUsd };
  if (step === RUN_ITSELF) {
    return {
      of: "run",
      from: nameOf(RUN_STATES, from),
      to: nameOf(RUN_STATES, to),
      ...(operation === NOT_PUBLISHED ? {} : { op: nameOf(RUN_OPERATIONS, operation) }),
      ...(typeof facts.w === "string" ? { reason: facts.w } : {}),
      ...total,
      ...(typeof facts.m === "string" ? { marks: facts.m } : {}),
    };
  }
  const moved = {
    ...{ from: nameOf(STEP_STATES, from), to: nameOf(STEP_STATES, to) },
    ...(operation === NOT_PUBLISHED ? {} : { op: nameOf(STEP_OPERATIONS, operation) }),
  };
  return {
    ...{ of: "step", step },
    ...moved,
    ...unpackTexts(moved, facts),
    ...(typeof facts.r === "number" ? { retry: facts.r } : {}),
    ...(typeof facts.c === "number" ? { cost: facts.c } : {}),
    ...total,
    ...(typeof facts.e === "string" ? { error: facts.e } : {}),
    ...unpackIds(facts, known.texts),
  };
}

function unpackIds(facts: PackedFacts, texts: string[]): { ids?: StepIds } {
  const ids: Partial<Record<StepIdName, string>> = {};
  for (const name of STEP_ID_NAMES) {
    const fact = facts[ID_LETTERS[name]];
    if (fact === undefined) continue;
    const id = typeof fact === "number" ? texts[fact] : fact;
    if (id === undefined) throw new Error(`a packed move refers to the text ${fact} of its row`);
    ids[name] = id;
    if (typeof fact === "string") texts.push(fact);
  }
  return Object.keys(ids).length === 0 ? {} : { ids };
}

/** Numbers are places counted from 1, as on the wire. A name that has none does not compile. */
function numberOf<const Names extends readonly string[]>(
  names: Names,
  name: Names[number],
): number {
  return names.indexOf(name) + 1;
}

function nameOf<const Names extends readonly string[]>(
  names: Names,
  number: number,
): Names[number] {
  const name = names[number - 1];
  if (name === undefined) throw new Error(`a packed row holds ${number} for one of ${names}`);
  return name;
}
