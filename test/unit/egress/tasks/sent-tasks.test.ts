/** Where a replica knows its tasks to be. */
import { expect, it } from "vitest";
import { SentTasks } from "../../../../src/egress/tasks/sent-tasks.ts";
import type { TaskMessage } from "../../../../src/egress/tasks/task-messages.ts";

const message = {
  id: "wfr_a/s/1:a",
  tasks: [{ id: "wfr_a/s/1", runId: "wfr_a", stepIndex: 0, attempt: 1 }],
} as unknown as TaskMessage;

function sentAt(...places: readonly (readonly [created: string, seq: number])[]) {
  const sent = new SentTasks();
  for (const [created, seq] of places) {
    sent.begin(message);
    sent.note(message, { created, seq });
  }
  return sent.find("wfr_a/s/1");
}

it("a task is where it was sent last", () => {
  expect(sentAt(["one", 5], ["one", 9])).toMatchObject({ created: "one", seq: 9 });
  expect(sentAt(["one", 5], ["two", 1])).toMatchObject({ created: "two", seq: 1 });
});

it("a repeat that the stream had before does not take it back", () => {
  expect(sentAt(["one", 5], ["one", 9], ["one", 5])).toMatchObject({ created: "one", seq: 9 });
});

it("an earlier message of a task neither gives it a place nor ends the wait for the later one", () => {
  const sent = new SentTasks();
  const later = { ...message, id: "wfr_a/s/1:b" };
  sent.begin(message);
  sent.begin(later);
  sent.note(message, { created: "one", seq: 5 });
  sent.giveUp(message);
  expect(sent.find("wfr_a/s/1")).toBe("sending");
  expect([sent.isWanted(message), sent.isWanted(later)]).toEqual([false, true]);
  sent.note(later, { created: "one", seq: 9 });
  expect(sent.find("wfr_a/s/1")).toMatchObject({ seq: 9 });
});
