/**
 * Questions that many ask at once, put together: those of one turn of the event loop are asked in one go, and those that
 * come while that is under way in the next one.
 * Boundary: knows nothing of what is asked.
 * Invariants:
 * 1. A question is asked after it came: an answer is never older than its question.
 * 2. What fails, fails for those that were asked together.
 */

/** So many go out beside each other: one that hangs does not hold up all that come behind it. */
const AT_ONCE = 2;
const QUESTIONS_AT_MOST = 500;

interface Waiting<Question, Answer> {
  readonly question: Question;
  resolve(answer: Answer): void;
  reject(error: unknown): void;
}

/** Asks for one, together with others; `askAll` gives one answer a question, in order. */
export function createGathered<Question, Answer>(
  askAll: (questions: readonly Question[]) => Promise<readonly Answer[]>,
): (question: Question) => Promise<Answer> {
  let waiting: Waiting<Question, Answer>[] = [];
  let underWay = 0;
  let armed = false;

  async function ask(): Promise<void> {
    const asked = waiting.slice(0, QUESTIONS_AT_MOST);
    waiting = waiting.slice(QUESTIONS_AT_MOST);
    underWay += 1;
    try {
      const answers = await askAll(asked.map(({ question }) => question));
      if (answers.length !== asked.length) throw new Error("a question has no answer");
      for (const [place, answer] of answers.entries()) asked[place]?.resolve(answer);
    } catch (error) {
      for (const { reject } of asked) reject(error);
    }
    underWay -= 1;
    goOn();
  }

  function goOn(): void {
    if (armed || waiting.length === 0 || underWay >= AT_ONCE) return;
    armed = true;
    setImmediate(() => {
      armed = false;
      void ask();
    });
  }

  return (question) =>
    new Promise<Answer>((resolve, reject) => {
      waiting.push({ question, resolve, reject });
      goOn();
    });
}
