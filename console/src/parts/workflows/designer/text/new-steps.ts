/** What can be put on the canvas, and what stands in the file at first. Boundary: names and values; the keys are those of src/file. */
import type { Json } from "../../../../../../src/engine/values/json.ts";

/** An entry of the palette. */
export interface NewStep {
  readonly word: string;
  readonly about: string;
  /** Of its id. */
  readonly id: string;
  readonly values: Readonly<Record<string, Json>>;
}

/** In the order of the palette. */
export const NEW_STEPS = {
  agent: {
    ...{ word: "Agent", about: "An agent does the work", id: "agent" },
    values: { agent: null, instructions: "What the agent is to do" },
  },
  approval: {
    ...{ word: "Approval", about: "People approve or deny", id: "approval" },
    values: { approve: "What is to be approved", by: [] },
  },
  task: {
    ...{ word: "Task", about: "A person does something and hands it in", id: "task" },
    values: { task: "What is to be done" },
  },
  branch: {
    ...{ word: "Condition", about: "A value chooses the way", id: "decision" },
    values: { branch: null },
  },
  parallel: {
    ...{ word: "Parallel", about: "Several steps at the same time", id: "parallel" },
    values: { parallel: [] },
  },
  notify: {
    ...{ word: "Notification", about: "A message to people", id: "notify" },
    values: { notify: "email", to: "", body: "What the message says" },
  },
  delay: {
    ...{ word: "Delay", about: "Waits for a time", id: "delay" },
    values: { wait: "15m" },
  },
  event: {
    ...{ word: "Event", about: "Waits until something happens", id: "event" },
    values: { wait: { event: "" } },
  },
  workflow: {
    ...{ word: "Workflow", about: "Runs another workflow", id: "run" },
    values: { run: null },
  },
  worker: {
    ...{ word: "Worker", about: "Code of a team does the work", id: "work" },
    values: { queue: null },
  },
  check: {
    ...{ word: "Policy", about: "Policies allow or deny an action", id: "check" },
    values: { check: null },
  },
} as const satisfies Readonly<Record<string, NewStep>>;

/** Names an entry of the palette. */
export type NewKind = keyof typeof NEW_STEPS;

/** Whether a text names one. */
export function isNewKind(text: string): text is NewKind {
  return Object.hasOwn(NEW_STEPS, text);
}

/** As expressions name a step: ids that differ in `-` and `_` alone are one name. */
export function plainId(id: string): string {
  return id.replaceAll("-", "_");
}

/** An id that no step has. `taken`: by plainId. */
export function freeId(wish: string, taken: ReadonlySet<string>): string {
  for (let number = 2, id = wish; ; number += 1) {
    if (!taken.has(plainId(id))) return id;
    id = `${wish}-${number}`;
  }
}
