import { describe, expect, it } from "vitest";
import { createGathered } from "../../../src/process/gathered.ts";

/** Questions whose answers the test gives. */
function slowly() {
  const asked: { questions: readonly number[]; end(error?: Error): void }[] = [];
  const ask = createGathered<number, string>(
    (questions) =>
      new Promise((resolve, reject) => {
        const answers = questions.map((question) => `answer ${question}`);
        const end = (error?: Error) => (error === undefined ? resolve(answers) : reject(error));
        asked.push({ questions, end });
      }),
  );
  return { ask, asked, questions: () => asked.map(({ questions }) => questions) };
}

const turn = () => new Promise((resolve) => setImmediate(resolve));

describe("questions", () => {
  it("of one turn of the event loop are asked together, each with its own answer", async () => {
    const { ask, asked, questions } = slowly();
    const answers = [ask(1), ask(2), ask(1)];
    expect(asked).toEqual([]);
    await turn();
    expect(questions()).toEqual([[1, 2, 1]]);
    asked[0]?.end();
    expect(await Promise.all(answers)).toEqual(["answer 1", "answer 2", "answer 1"]);
  });

  it("that come later never get an answer that was under way", async () => {
    const { ask, asked, questions } = slowly();
    const first = ask(1);
    await turn();
    const second = ask(1);
    await turn();
    expect(questions()).toEqual([[1], [1]]);
    asked[1]?.end();
    expect(await second).toBe("answer 1");
    asked[0]?.end();
    await first;
  });

  it("wait while two are under way, and then go together", async () => {
    const { ask, asked, questions } = slowly();
    const answers: Promise<string>[] = [];
    for (const question of [1, 2, 3, 4]) {
      answers.push(ask(question));
      await turn();
    }
    expect(questions()).toEqual([[1], [2]]);
    asked[1]?.end();
    await answers[1];
    await turn();
    await turn();
    expect(questions()).toEqual([[1], [2], [3, 4]]);
    asked[0]?.end();
    asked[2]?.end();
    expect(await Promise.all(answers)).toHaveLength(4);
  });

  it("fail with those that they were asked with alone", async () => {
    const { ask, asked } = slowly();
    const lost = [ask(1), ask(2)];
    await turn();
    const kept = ask(3);
    await turn();
    const waiting = ask(4);
    asked[0]?.end(new Error("away"));
    asked[1]?.end();
    expect((await Promise.allSettled(lost)).map(({ status }) => status)).toEqual([
      "rejected",
      "rejected",
    ]);
    expect(await kept).toBe("answer 3");
    await turn();
    asked[2]?.end();
    expect(await waiting).toBe("answer 4");
  });

  it("are at most 500 at once", async () => {
    const { ask, asked } = slowly();
    const answers = Array.from({ length: 501 }, (_, question) => ask(question));
    await turn();
    asked[0]?.end();
    await answers[0];
    await turn();
    await turn();
    expect(asked.map(({ questions }) => questions.length)).toEqual([500, 1]);
    asked[1]?.end();
    await answers[500];
  });
});
