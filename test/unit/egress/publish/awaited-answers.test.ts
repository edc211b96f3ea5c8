/** Which sequences of the stream the answers to messages name. */
import type { Msg } from "nats";
import { expect, it } from "vitest";
import { AwaitedAnswers } from "../../../../src/egress/publish/awaited-answers.ts";
import { answerOf } from "../../../../src/egress/publish/stream-answer.ts";

/** Sends a message and takes its answer. */
async function exchange(answers: AwaitedAnswers, token: string, seq: number, duplicate: boolean) {
  const outcome = answers.wait(token);
  const string = () => JSON.stringify({ stream: "S", seq, ...(duplicate ? { duplicate } : {}) });
  answers.take(token, answerOf({ string } as Msg, "S"));
  expect(await outcome).toBe("stored");
}

it("the answer to a repeat names where the stream has the message", async () => {
  const answers = new AwaitedAnswers();
  await exchange(answers, "1", 7, true);
  expect(answers.acked).toEqual({ highest: 7, repeated: Number.POSITIVE_INFINITY });
  answers.stop();
});

it("a sequence that is given again shows that the stream went back, that of a repeat does not", async () => {
  const answers = new AwaitedAnswers();
  await exchange(answers, "1", 7, false);
  await exchange(answers, "2", 5, true);
  expect(answers.acked).toEqual({ highest: 7, repeated: Number.POSITIVE_INFINITY });
  await exchange(answers, "3", 6, false);
  expect(answers.acked).toEqual({ highest: 7, repeated: 6 });
  answers.stop();
});
