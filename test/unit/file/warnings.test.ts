/** What is told of a sound file: waits without need, deadlines that come too soon, what is done without asking. */
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

/** The warnings of a file. */
function sentences(text: string) {
  const file = readWorkflowFile(new TextEncoder().encode(text));
  expect(file.faults).toEqual([]);
  return file.warnings.map(({ line, message }) => [line, message]);
}

it.each([
  ["an attempt", "a: { agent: x, timeout: 3h, retry: { max: 9, backoff: 1d } }"],
  ["a wait", "a: { wait: 3h }"],
  ["a gate", "a: { approve: A, action: p, by: [u], escalate: { after: 1h, to: [v, w] } }"],
])("%s that may take longer than the run", (_what, step) => {
  const text = (timeout: string) => `workflow: w\ntimeout: ${timeout}\nsteps:\n  ${step}\n`;
  expect(sentences(text("2h"))).toEqual([[4, '"a" may take 3h, and the run is ended after 2h']]);
  expect(sentences(text("3h"))).toEqual([]);
});

it("what is done for good says whether somebody is asked before", () => {
  const pay = "pay: { agent: bank, action: pay }";
  const done = '"pay" does pay, and has no undo';
  expect(sentences(`workflow: w\nsteps:\n  ${pay}\n`)).toEqual([
    [3, `${done}, and nobody approves it before`],
  ]);
  const ask = "ask: { approve: A, action: ask, by: [u], timeout: 1d }\n  note: { agent: x }";
  expect(sentences(`workflow: w\nsteps:\n  ${ask}\n  ${pay}\n`)).toEqual([[5, done]]);
});

it("what follows a parallel of gates is asked about, and its other children are not", () => {
  const gate = "{ approve: A, action: ask, by: [u], timeout: 1d }";
  const pay = "pay: { agent: bank, action: pay }";
  const done = '"pay" does pay, and has no undo';
  const all = (children: string) => `workflow: w\nsteps:\n  all: { parallel: { ${children} } }\n`;
  for (const gates of [
    `a: ${gate}, b: ${gate}`,
    `in: { parallel: { a: ${gate} } }, b: { task: B }`,
  ])
    expect(sentences(`${all(gates)}  ${pay}\n`)).toEqual([[4, done]]);
  expect(sentences(all(`a: ${gate}, ${pay}`))).toEqual([
    [3, `${done}, and nobody approves it before`],
  ]);
});
