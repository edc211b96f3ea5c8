/** Names of the worker protocol: the service and the library of workers have their own code for them. */
import { expect, test } from "vitest";
import { consumerOf } from "../../../../src/egress/tasks/stuck-queues.ts";
import { subjectOf } from "../../../../src/wire/tasks/subjects.ts";
import { subjectsOf } from "../../../../src/worker/protocol.ts";

test.each([
  ["ws", "mail"],
  ["ws_1", "eu.mails*"],
  ["w".repeat(140), "q".repeat(59)],
  ["w".repeat(140), "q".repeat(60)],
  ["é".repeat(100), "ü".repeat(64)],
])("the service and a worker name the queue %s %s alike", (workspaceId, queue) => {
  const { tasks, cancels, consumer } = subjectsOf(workspaceId, queue);
  expect(consumerOf({ workspaceId, queue })).toBe(consumer);
  expect(subjectOf("tasks", { workspaceId, queue })).toBe(tasks);
  expect(subjectOf("cancels", { workspaceId, queue })).toBe(cancels);
});
