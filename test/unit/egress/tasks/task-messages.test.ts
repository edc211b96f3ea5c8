/** Tasks as messages: how many share one, and under which ids they are published. */
import { describe, expect, it } from "vitest";
import { messageOfOpen, messagesOf } from "../../../../src/egress/tasks/task-messages.ts";
import { WaitingMessages } from "../../../../src/egress/tasks/waiting-messages.ts";
import type { WorkerTask } from "../../../../src/engine/values/task.ts";

function taskOf(id: string, given: Partial<WorkerTask> = {}): WorkerTask {
  return {
    ...{ id: `wfr_${id}/s/1`, runId: `wfr_${id}`, stepId: "s", stepIndex: 0, attempt: 1 },
    ...{ workspaceId: "ws", queue: "mail", definitionId: "wf", actionType: "" },
    ...{ title: "", instructions: "", parameters: {}, input: {}, queuedAtMs: 0 },
    ...given,
  };
}

const tasksOf = (count: number, given: Partial<WorkerTask> = {}) =>
  Array.from({ length: count }, (_, n) => taskOf(String(n), given));

/** How many tasks each message has. */
function sizesOf(tasks: readonly WorkerTask[], sharedBy: (task: WorkerTask) => number): number[] {
  return messagesOf(tasks, sharedBy, () => "m").map((message) => message.tasks.length);
}

describe("a message", () => {
  it("has no more tasks than its queue's workers do at once", () => {
    expect(sizesOf(tasksOf(7), () => 3)).toEqual([3, 3, 1]);
    expect(sizesOf(tasksOf(3), () => 0)).toEqual([1, 1, 1]);
  });

  it("has 64 tasks at most", () => {
    expect(sizesOf(tasksOf(130), () => 10_000)).toEqual([64, 64, 2]);
  });

  it("is of one queue of one workspace", () => {
    const others = [
      ...[taskOf("a"), taskOf("b", { queue: "eu.mails*" })],
      ...[taskOf("c", { workspaceId: "other" }), taskOf("d"), taskOf("e", { queue: "eu.mails*" })],
    ];
    const messages = messagesOf(
      others,
      () => 8,
      () => "m",
    );
    expect(
      messages.map(({ subject, tasks }) => [subject, tasks.map(({ runId }) => runId)]),
    ).toEqual([
      ["workflows.tasks.ws.mail", ["wfr_a", "wfr_d"]],
      ["workflows.tasks.ws.=ZXUubWFpbHMq", ["wfr_b", "wfr_e"]],
      ["workflows.tasks.other.mail", ["wfr_c"]],
    ]);
  });

  it("that is sent again without a task that has ended keeps its id", () => {
    const [message] = messagesOf(
      tasksOf(3),
      () => 8,
      () => "m",
    );
    if (message === undefined) throw new Error("no message");
    const sent = messageOfOpen(message, ({ runId }) => runId !== "wfr_0");
    expect(sent.id).toBe(message.id);
    const idsOf = ({ body }: { body: string }) =>
      (JSON.parse(body) as { tasks: { id: string }[] }).tasks.map(({ id }) => id);
    expect(idsOf(message)).toEqual(["wfr_0/s/1", "wfr_1/s/1", "wfr_2/s/1"]);
    expect(idsOf(sent)).toEqual(["wfr_1/s/1", "wfr_2/s/1"]);
    expect(sent.tasks.map(({ id }) => id)).toEqual(idsOf(sent));
    expect(messageOfOpen(message, () => true)).toBe(message);
  });

  it("has tasks of 256 KiB together, or one that is larger", () => {
    const input = { text: "x".repeat(100 * 1024) };
    expect(sizesOf(tasksOf(5, { input }), () => 8)).toEqual([2, 2, 1]);
    const large = taskOf("large", { input: { text: "x".repeat(300 * 1024) } });
    expect(sizesOf([taskOf("a"), large, taskOf("b")], () => 8)).toEqual([1, 1, 1]);
  });
});

describe("a returned task", () => {
  const idsOf = (...tasks: readonly WorkerTask[]) => {
    let marks = 0;
    const mark = () => {
      marks += 1;
      return `try-${marks}`;
    };
    return messagesOf(tasks, () => 8, mark).map(({ id, tasks: held }) => [id, held.length]);
  };

  it("has a message of its own, with an id by the message that returned it", () => {
    const returned = taskOf("b", { alone: true, returnedBy: "m1" });
    expect(idsOf(taskOf("a"), returned, taskOf("c"))).toEqual([
      ["wfr_b/s/1:m1", 1],
      ["wfr_a/s/1:try-1", 2],
    ]);
  });

  it("that was lost since has an id of its own, for the stream may know the first one", () => {
    expect(idsOf(taskOf("b", { alone: true }))).toEqual([["wfr_b/s/1:try-1", 1]]);
  });
});

describe("messages that the stream has not taken", () => {
  const [small] = messagesOf(
    [taskOf("a")],
    () => 1,
    () => "m",
  );
  if (small === undefined) throw new Error("no message");
  const named = (id: number, bytes = 2) => ({ ...small, id: String(id), body: "x".repeat(bytes) });

  it("are 20,000 at most", () => {
    const waiting = new WaitingMessages();
    const added = Array.from({ length: 20_002 }, (_, n) => waiting.add(named(n)));
    expect(added.filter(Boolean)).toHaveLength(20_000);
    expect(waiting.take(2).map(({ id }) => id)).toEqual(["0", "1"]);
    expect([1, 2, 3].map((n) => waiting.add(named(30_000 + n)))).toEqual([true, true, false]);
  });

  it("have 32 MiB at most, and one that comes twice counts once", () => {
    const waiting = new WaitingMessages();
    const eighth = 4 * 1024 * 1024;
    const added = Array.from({ length: 9 }, (_, n) => waiting.add(named(n, eighth)));
    expect(added.filter(Boolean)).toHaveLength(8);
    expect(waiting.add(named(0, eighth))).toBe(true);
    expect(waiting.take(8)).toHaveLength(8);
    const again = [named(1, eighth), named(1, eighth)].map((each) => waiting.add(each));
    expect(again).toEqual([true, true]);
    const rest = Array.from({ length: 8 }, (_, n) => waiting.add(named(10 + n, eighth)));
    expect(rest.filter(Boolean)).toHaveLength(7);
  });
});
