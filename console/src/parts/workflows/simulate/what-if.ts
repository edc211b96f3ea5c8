/**
 * What steps answer in a simulation otherwise than assumed, as an address has it: `pay:fail,manager:deny`.
 * Boundary: pure. Which mocks there are is the service's to say.
 */
import {
  MockDecision,
  MockOutcome,
  type StepMock,
} from "../../../../../gen/workflows/ops/v1/simulations_pb.ts";

/** In the order of a list of choices. */
const ANSWERS = {
  fail: { word: "it fails", mock: { errorMessage: "it failed in the simulation" } },
  deny: { word: "it is denied", mock: { outcome: MockOutcome.DENIED } },
  expire: { word: "nobody decides in time", mock: { outcome: MockOutcome.EXPIRED } },
  refuse: { word: "governance denies it", mock: { decision: MockDecision.DENY } },
  silent: { word: "nobody answers", mock: { silent: true } },
} as const satisfies Readonly<Record<string, { word: string; mock: Partial<StepMock> }>>;

export type Answer = keyof typeof ANSWERS;

/** By step. */
export type Answers = Readonly<Record<string, Answer>>;

/** What the party of a step may do; the key is that of SimulatedAttempt. */
const BY_PARTY: Readonly<Record<string, readonly Answer[]>> = {
  agent: ["fail", "silent"],
  worker: ["fail", "silent"],
  child: ["fail", "silent"],
  approver: ["deny", "expire", "silent"],
  governance: ["refuse", "silent"],
  event: ["silent"],
  person: ["silent"],
};

/** What can be asked of a step besides what is assumed; none of a step that waits for nobody. */
export function answersFor(party: string): readonly Answer[] {
  return Object.hasOwn(BY_PARTY, party) ? (BY_PARTY[party] ?? []) : [];
}

export function answerWord(answer: Answer): string {
  return ANSWERS[answer].word;
}

/** What an address says; what is no answer is left out. */
export function readAnswers(text: string): Answers {
  const pairs = text.split(",").flatMap((part) => {
    const at = part.lastIndexOf(":");
    const [step, answer] = [part.slice(0, at), part.slice(at + 1)];
    return at > 0 && isAnswer(answer) ? [[step, answer] as const] : [];
  });
  return Object.fromEntries(pairs);
}

/** The same for an address. `answer` undefined: the step answers as it is assumed. */
export function withAnswer(answers: Answers, step: string, answer: Answer | undefined): string {
  const { [step]: _, ...others } = answers;
  const next = answer === undefined ? others : { ...others, [step]: answer };
  return Object.entries(next)
    .map(([id, each]) => `${id}:${each}`)
    .join(",");
}

/** For a request. */
export function mocksOf(answers: Answers) {
  return Object.entries(answers).map(([stepId, answer]) => ({ stepId, ...ANSWERS[answer].mock }));
}

/** For a command line. */
export function mockArgs(answers: Answers): string[] {
  const stepsOf = (wanted: Answer) =>
    Object.entries(answers).flatMap(([step, answer]) => (answer === wanted ? [step] : []));
  const list = (option: string, answer: Answer) => {
    const steps = stepsOf(answer);
    return steps.length === 0 ? [] : [option, steps.join(",")];
  };
  return [
    ...[...list("--deny", "deny"), ...list("--fail", "fail"), ...list("--silent", "silent")],
    ...stepsOf("expire").flatMap((step) => ["--mock", `${step}={"outcome":"expired"}`]),
    ...stepsOf("refuse").flatMap((step) => ["--mock", `${step}={"decision":"deny"}`]),
  ];
}

/** The value of a choice; undefined: it is none. */
export function answerNamed(word: string): Answer | undefined {
  return isAnswer(word) ? word : undefined;
}

function isAnswer(word: string): word is Answer {
  return Object.hasOwn(ANSWERS, word);
}
