/**
 * What an answer that a caller has heard must agree with, in the moment in which it comes: one key is one call with one
 * answer, one event id is one start, and what was answered is in the database.
 * Boundary: reads the model's tables.
 */
import type { DescMessage, DescMethodUnary, MessageShape } from "@bufbuild/protobuf";
import { encodeMessage } from "../../../src/wire/proto/messages.ts";
import { callerKey, type RunRow } from "./model/rows.ts";
import { WORKSPACE } from "./versions.ts";
import type { World } from "./world.ts";

/** An answer that was heard. */
interface Heard {
  readonly what: string;
  readonly method: DescMethodUnary<DescMessage, DescMessage>;
  readonly key: string | undefined;
  /** That of a start; "" where it has none. */
  readonly eventId: string;
  readonly answer: MessageShape<DescMessage> & {
    readonly run?: { readonly id: string } | undefined;
  };
}

const OVER = ["CANCELLED", "COMPENSATING", "FAILED"];
/** States of a run in which it may be when the answer comes. A run has one command, and a pause its end. */
const ANSWERED: Readonly<Record<string, (run: RunRow) => boolean>> = {
  PauseRun: ({ state }) => state === "PAUSED",
  ResumeRun: ({ state }) => state !== "PAUSED",
  CancelRun: ({ state }) => state === "CANCELLED",
  CompensateRun: ({ state }) => state === "COMPENSATING" || state === "FAILED",
};

/** See the file's head. */
export class AnswerRules {
  readonly #world: World;
  /** The run that a key stands for. */
  readonly #runs = new Map<string, string>();
  /** How often starts by an event id were answered. */
  readonly #answered = new Map<string, number>();

  constructor(world: World) {
    this.#world = world;
  }

  judge(heard: Heard): void {
    const { what, method, key, eventId, answer } = heard;
    const { tables } = this.#world.server;
    const runId = answer.run?.id ?? "";
    const run = tables.runs.committed.get(runId);
    if (run === undefined) {
      this.#world.broken(`${what} was answered with the run ${runId}, which is not stored`);
      return;
    }
    const isSo = ANSWERED[method.name] ?? (() => true);
    if (!isSo(run)) this.#world.broken(`${what} was answered, and the run is ${run.state}`);
    if (method.name === "TransitionStep") this.#judgeReport(what, run);
    if (key !== undefined) this.#judgeKey(heard, key, runId);
    if (eventId !== "") this.#judgeStart(what, eventId, runId);
  }

  /** However often and wherever a start by an event is sent, the answer is the run that its claim names. */
  #judgeStart(what: string, eventId: string, runId: string): void {
    const { starts } = this.#world.server.tables;
    const claims = [...starts.committed.values()].filter((start) => start.eventId === eventId);
    const started = claims.map((claim) => claim.runId);
    if (started.length !== 1 || started[0] !== runId) {
      this.#world.broken(`${what} was answered with ${runId}, and ${eventId} started ${started}`);
    }
    const times = (this.#answered.get(eventId) ?? 0) + 1;
    this.#answered.set(eventId, times);
    if (times > 1) this.#world.witness.count("start by an event id answered again");
  }

  #judgeReport(what: string, run: RunRow): void {
    const { steps } = this.#world.server.tables;
    const isDone = [...steps.committed.values()].some(
      ({ runId, stepIndex, state }) =>
        runId === run.id && stepIndex === 1 && ["COMPLETED", "COMPENSATED"].includes(state),
    );
    if (!isDone && !OVER.includes(run.state)) {
      this.#world.broken(`${what} was answered, and the step has not ended`);
    }
  }

  #judgeKey({ what, method, answer }: Heard, key: string, runId: string): void {
    const named = { workspaceId: WORKSPACE, method: method.name, key };
    const first = this.#runs.get(callerKey(named)) ?? runId;
    this.#runs.set(callerKey(named), first);
    if (first !== runId) this.#world.broken(`${what} was answered with ${first} and ${runId}`);
    const row = this.#world.server.tables.callerKeys.committed.get(callerKey(named));
    if (row?.appliedTo !== runId) {
      this.#world.broken(`${what} was answered, and its key stands for ${row?.appliedTo}`);
      return;
    }
    if (row.answer === null) return;
    const bytes = Buffer.from(encodeMessage(method.output, answer));
    if (!bytes.equals(row.answer)) this.#world.broken(`${what} has another answer than is kept`);
  }
}
