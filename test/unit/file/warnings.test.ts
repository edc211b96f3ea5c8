/** What is told of a sound file: a step that waits for another one and uses nothing of it. */
import { expect, it } from "vitest";
import { readWorkflowFile } from "../../../src/file/read-file.ts";

/** Paths of the warnings of a file whose second step is written so. */
function warned(second: string, first = "agent: finder"): string[] {
  const text = `workflow: w\nsteps:\n  find: { ${first} }\n  tell-all: { ${second} }\n`;
  const file = readWorkflowFile(new TextEncoder().encode(text));
  expect(file.faults).toEqual([]);
  return file.warnings.map(({ path }) => path);
}

it.each([
  ["an agent", 'agent: teller, with: { deal: "{{ input.deal }}" }'],
  ["a worker", 'queue: mail, with: { to: "ann" }'],
  [
    "one that reads the run",
    'agent: teller, with: { run: "{{ run.id }}" }, instructions: "Tell {{ input.who }}"',
  ],
])("%s that takes all of its input elsewhere could begin at once", (_what, second) => {
  expect(warned(second)).toEqual(["steps.tell-all"]);
});

it.each([
  ["gets what the step before it gave", "agent: teller"],
  ["reads the step before it in its input", 'agent: teller, with: { of: "{{ find.output.n }}" }'],
  ["reads it by its id", `agent: teller, with: { of: '{{ steps["find"].state }}' }`],
  [
    "reads it in what it is told",
    'agent: teller, with: {}, instructions: "Tell {{ find.output.n }}"',
  ],
  ["reads a field, which may be of it", 'agent: teller, with: { of: "{{ n }}" }'],
  ["asks a person", "task: Look, with: { a: 1 }"],
  ["does something for good", "agent: bank, action: pay, undo: find, with: { a: 1 }"],
])("a step that %s has to wait", (_what, second) => {
  expect(warned(second)).toEqual([]);
});

it("a step before it that does something for good comes first", () => {
  const pay = "agent: bank, action: book, undo: { agent: bank, action: free }";
  expect(warned("agent: teller, with: { a: 1 }", pay)).toEqual([]);
});
