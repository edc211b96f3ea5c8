import { describe, expect, test } from "vitest";
import { readCode } from "../../../src/mcp/code.ts";

describe("lines of code", () => {
  test("of the two-line form are verbs with literals", () => {
    const code =
      "const workflows = await $.Workflow.find({ status: 'Activated' })\n" +
      "await $.Workflow.trigger('workflow_nV4xKpQm')";
    expect(readCode(code)).toEqual([
      { name: "workflows", action: "Workflow.find", args: [{ status: "Activated" }], line: 1 },
      { name: undefined, action: "Workflow.trigger", args: ["workflow_nV4xKpQm"], line: 2 },
    ]);
  });

  test("may have comments, blank lines, semicolons and literals over several lines", () => {
    const code = `
      // starts it
      await $.Workflow.trigger("wf_1", {
        "amount": 4.5e1, list: [1, -2, true, null,], // so much
      });

      await $.Run.pause('wfr_1', 'it\\'s \\u00e9\\n');
    `;
    expect(readCode(code).map(({ args, line }) => [line, args])).toEqual([
      [3, ["wf_1", { amount: 45, list: [1, -2, true, null] }]],
      [7, ["wfr_1", "it's é\n"]],
    ]);
  });

  test("keep a key of Object.prototype as data", () => {
    const [line] = readCode('await $.Workflow.find({ "__proto__": { "a": 1 } })');
    expect(Object.keys(line?.args[0] as object)).toEqual(["__proto__"]);
    expect(Object.getPrototypeOf(line?.args[0])).toBe(Object.prototype);
  });

  test.each([
    ["", /has no line/],
    ["   // nothing", /has no line/],
    ["process.exit()", /line 1, column 1: `await` is expected/],
    ["await fetch('http://x')", /`\$` is expected/],
    ["await $.Workflow.trigger(id)", /column 26: id is no literal/],
    ["await $.Workflow.trigger(workflows[0].$id)", /workflows is no literal/],
    ["await $.Workflow.trigger(`wf_1`)", /a literal is expected/],
    ["await $.Workflow.trigger('a' + 'b')", /`,` or `\)` is expected/],
    ["await $.Workflow.trigger('wf_1').then(x)", /the end of the line is expected/],
    ["await $.Workflow.trigger('wf_1'); await $.Run.cancel('r')", /the end of the line/],
    ["await $.Workflow['trigger']('wf_1')", /`\.` is expected/],
    ["await $.constructor.constructor('x')()", /the end of the line is expected/],
    ["let x = await $.Workflow.find({})", /`await` is expected/],
    ["const { a } = await $.Workflow.find({})", /a name is expected/],
    ["await $.Workflow.trigger(() => 1)", /a literal is expected/],
    ["await $.Workflow.trigger({ a: 1, a: 2 })", /the key a is there twice/],
    ["await $.Workflow.trigger({ ...x })", /a key is expected/],
    ["await $.Workflow.trigger(0x10)", /is no literal|is expected/],
    ["await $.Workflow.trigger('wf_1\n')", /the text does not end/],
    ["await $.Workflow.trigger('\\x41')", /\\x is no escape/],
    ["await $.Workflow.trigger(1, 2, 3, 4, 5)", /at most 4 arguments/],
    ["await $.Workflow.trigger('wf_1'", /`,` or `\)` is expected/],
    ["await\n$.Workflow.trigger('wf_1')", /a name is expected/],
    [`await $.Workflow.find(${"[".repeat(70)}${"]".repeat(70)})`, /more than 64 levels/],
    ["await $.Workflow.find({})\n".repeat(21), /line 21, column 1: at most 20 lines/],
    ["x".repeat(64 * 1024 + 1), /more than 65536 characters/],
  ])("%j is refused with its place", (code, problem) => {
    expect(() => readCode(code)).toThrow(problem);
  });
});
