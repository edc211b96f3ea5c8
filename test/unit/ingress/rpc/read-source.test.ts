/** What a source text may make: its faults and its version have sizes that the event loop and an answer bear. */
import { expect, test } from "vitest";
import { readSource } from "../../../../src/ingress/rpc/read-source.ts";

test("names as long as the text make no longer faults", () => {
  const keys = Array.from({ length: 600 }, (_, at) => `k${at}: 1`).join(", ");
  const text = `workflow: w\nsteps:\n  ? ${"a".repeat(200_000)}\n  : { task: A, ${keys} }\n`;
  const { faults, faultCount } = readSource(text);
  expect(faultCount).toBeGreaterThan(500);
  expect(faults).toHaveLength(500);
  expect(JSON.stringify(faults).length).toBeLessThan(1_000_000);
  expect(faults[0]?.path).toMatch(/^steps\.a+…$/);
});

test("a text that makes a version larger than PublishVersion takes is refused", () => {
  const ids = Array.from({ length: 900 }, (_, at) => `s${at}`);
  const steps = ids.map((id) => `  ${id}: { task: T }\n`).join("");
  const paths = ["x", "y"].map((label) => `${label.repeat(1_000)}: [${ids.join(", ")}]`);
  const text = `workflow: w\nsteps:\n  first: { task: T, on: { ${paths.join(", ")} } }\n${steps}`;
  expect(text.length).toBeLessThan(50_000);
  const { workflow, faults } = readSource(text);
  expect(faults.map(({ message }) => message)).toEqual([
    expect.stringMatching(/^the version has \d{7} bytes, over the limit of 1048576$/),
  ]);
  expect(workflow).toBeUndefined();
});

test("a schema of the input has the size of a payload at most", () => {
  const schema = `{ type: object, description: ${"x".repeat(300_000)} }`;
  const { faults } = readSource(`workflow: w\ninput: ${schema}\nsteps:\n  a: { task: A }\n`);
  expect(faults).toMatchObject([
    { path: "input", line: 2, message: expect.stringContaining("over the limit of 262144") },
  ]);
});
