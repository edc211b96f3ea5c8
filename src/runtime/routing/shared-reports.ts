/**
 * Reports about objects of calls that another replica made: that one has the run in memory, and takes the report together with the
 * reply, in one commit.
 *
 * Boundary: offers reports to the other replicas and takes theirs; how texts come to them is the bus's (ingress/bus/replica-messages.ts).
 * A report that no replica says it took goes the way of all reports (route-inputs.ts, early-reports.ts).
 * Invariants:
 * 1. A replica says that it took a report after its run has committed it. So the message of a report is acknowledged after a commit, as
 *    where its own replica takes it. An answer that is lost, or late, leads to a report that comes twice: its run takes it once.
 * 2. What is offered is applied as a guess (known-reports.ts): where a look-up would have found the step, or it leaves nothing.
 * 3. A replica that is alone sends no offer and waits for none. Offers and answers under way are bounded. An offer without an answer
 *    ends after the time-out of replica-messages.ts. After several offers that no replica took there is a pause.
 */
import { count } from "../../process/metrics.ts";
import type { ObjectProbe } from "../../store/event-readers.ts";
import type { Processor } from "../processor.ts";
import type { Submit } from "./early-reports.ts";
import { guessesOf, type KnownObject, reportedOnce } from "./known-reports.ts";
import type { LearnedStep } from "./learned-ids.ts";
import {
  type OfferAnswer,
  readAnswer,
  readOffer,
  writeAnswer,
  writeOffer,
} from "./report-offers.ts";
import { objectProbesOf, type ReportingEvent } from "./route-inputs.ts";
import { type EventOutcome, emptyOutcome, joinOutcomes, submitAll } from "./route-submit.ts";

/** The other replicas. */
export interface OtherReplicas {
  /** Whether there is one to ask. */
  readonly areThere: boolean;
  /** Asks all of them; gives the answers that came in time, in any order. Never rejects. */
  ask(text: string): Promise<string[]>;
}

/** What sharing needs. */
export interface SharedReportsDeps {
  readonly processor: Pick<
    Processor,
    "submit" | "findStep" | "isAwaited" | "awaitStep" | "listenedKeys"
  >;
  readonly others: OtherReplicas;
}

/** The reply to a call and the event about its object are made at the same time. */
const REPLY_WITHIN_MS = 10;
const OFFERS_AT_ONCE = 8;
const ANSWERS_AT_ONCE = 32;
/** Consecutive offers that no replica took, before a pause: the events are about objects that the service did not make. */
const UNWANTED_AT_MOST = 16;
const REST_MS = 500;

/** See the file's head. */
export class SharedReports {
  readonly #deps: SharedReportsDeps;
  #offers = 0;
  #answers = 0;
  #unwanted = 0;
  #restsUntilMs = 0;

  constructor(deps: SharedReportsDeps) {
    this.#deps = deps;
  }

  /** Whether reports may be offered now. */
  get isOpen(): boolean {
    if (!this.#deps.others.areThere || this.#offers >= OFFERS_AT_ONCE) return false;
    return performance.now() >= this.#restsUntilMs;
  }

  /**
   * Submits reports about objects that this replica does not know, here or at another one, whichever takes the reply that names the
   * object. What no replica took is left open in the outcomes.
   */
  async submit(
    events: readonly ReportingEvent[],
    objects: readonly ObjectProbe[],
    submit: Submit,
  ): Promise<EventOutcome[]> {
    const { processor } = this.#deps;
    const outcomes = events.map(emptyOutcome);
    const single = reportedOnce(objects);
    const asking = this.#offer(events, single).then((taken) => {
      for (const [place, runId] of taken) outcomes[place]?.updatedRunIds.push(runId);
    });
    const awaited = single.filter((object) => processor.isAwaited(object));
    const own = awaited.map(async (object) => {
      const naming = stepNamed(processor, object);
      await Promise.race([naming, asking]);
      const isTaken = outcomes[object.place]?.updatedRunIds.length !== 0;
      const step = isTaken ? undefined : await naming;
      if (step !== undefined) await submitOne(events, { object, step }, submit, outcomes);
    });
    await Promise.all([asking, ...own]);
    return outcomes;
  }

  /** Takes what it knows of an offer; gives the answer, "" where there is none. Never rejects. */
  async answer(text: string): Promise<string> {
    if (this.#answers >= ANSWERS_AT_ONCE) return "";
    this.#answers += 1;
    try {
      return await this.#answer(text);
    } catch {
      // Whatever was wrong with the offer, the one that made it goes on by itself.
      return "";
    } finally {
      this.#answers -= 1;
    }
  }

  async #answer(text: string): Promise<string> {
    const { listenedKeys } = this.#deps.processor;
    const { latest: keys, edition } = listenedKeys;
    const moment = listenedKeys.moment();
    const reports = edition === undefined ? undefined : readOffer(edition, text);
    if (reports === undefined || edition === undefined) return "";
    const outcomes = await this.#take(reports);
    const taken = outcomes.flatMap(({ updatedRunIds: [runId] }, place) =>
      runId === undefined ? [] : [[place, runId] as const],
    );
    const isCurrent = keys !== undefined && listenedKeys.areCurrentSince(keys, moment);
    return writeAnswer(edition, text, { taken, isCurrent });
  }

  /** Submits the reports whose steps this replica knows, or gets to know in a moment. */
  async #take(reports: readonly ReportingEvent[]): Promise<EventOutcome[]> {
    const { processor } = this.#deps;
    const known: KnownObject[] = [];
    const awaited: ObjectProbe[] = [];
    for (const object of objectProbesOf(reports)) {
      const step = processor.findStep(object);
      if (step !== undefined) known.push({ object, step });
      else if (processor.isAwaited(object)) awaited.push(object);
    }
    const submit: Submit = (aimed, eventCount) =>
      submitAll(processor, aimed, eventCount, () => false);
    const outcomes = reports.map(emptyOutcome);
    const named = awaited.map(async (object) => {
      const step = await stepNamed(processor, object);
      if (step !== undefined) await submitOne(reports, { object, step }, submit, outcomes);
    });
    const first = await submit(guessesOf(reports, known), reports.length);
    await Promise.all(named);
    return joinOutcomes(first, outcomes);
  }

  /** Gives the places of the reports that other replicas took, each with its run. */
  async #offer(
    events: readonly ReportingEvent[],
    objects: readonly ObjectProbe[],
  ): Promise<OfferAnswer["taken"]> {
    const { processor, others } = this.#deps;
    const { edition } = processor.listenedKeys;
    const wanted = objects.map(({ place }) => place);
    const offer = edition === undefined ? undefined : writeOffer(edition, events, wanted);
    if (offer === undefined) return [];
    const moment = processor.listenedKeys.moment();
    this.#offers += 1;
    const texts = await others.ask(offer.text);
    this.#offers -= 1;
    const answers = texts.flatMap((text) => readAnswer(offer, text) ?? []);
    const taken = answers.flatMap((answer) => answer.taken);
    count("workflows_reports_shared_total", {}, taken.length);
    this.#noteWanted(taken.length > 0);
    if (answers.some(({ isCurrent }) => isCurrent)) {
      processor.listenedKeys.note(offer.edition, moment);
    }
    return taken.flatMap(([at, runId]) => {
      const place = offer.places[at];
      return place === undefined ? [] : [[place, runId] as const];
    });
  }

  #noteWanted(isWanted: boolean): void {
    this.#unwanted = isWanted ? 0 : this.#unwanted + 1;
    if (this.#unwanted < UNWANTED_AT_MOST) return;
    this.#unwanted = 0;
    this.#restsUntilMs = performance.now() + REST_MS;
  }
}

/** Submits a report, and adds what became of it in its place. */
async function submitOne(
  events: readonly ReportingEvent[],
  known: KnownObject,
  submit: Submit,
  outcomes: EventOutcome[],
): Promise<void> {
  const aimed = guessesOf(events, [known]).map((each) => ({ ...each, place: 0 }));
  const { place } = known.object;
  const submitted = await submit(aimed, 1);
  const [joined] = joinOutcomes([outcomes[place] ?? emptyOutcome()], submitted);
  if (joined !== undefined) outcomes[place] = joined;
}

/** The step of an object, as soon as a reply names it; undefined: none does, or replies for two steps do, which are looked up. */
async function stepNamed(
  processor: SharedReportsDeps["processor"],
  object: ObjectProbe,
): Promise<LearnedStep | undefined> {
  await processor.awaitStep(object, REPLY_WITHIN_MS);
  return processor.findStep(object);
}
