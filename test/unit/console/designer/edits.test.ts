/** Changes on the canvas as changes of the file: what is asked for is what the text says then, and all other lines stay. */
import { expect, it } from "vitest";
import {
  applyEdit,
  copySteps,
  type Edit,
} from "../../../../console/src/parts/workflows/designer/text/edits.ts";
import { drawText } from "../../../../console/src/parts/workflows/designer/text/picture.ts";
import type { Json } from "../../../../src/engine/values/json.ts";
import { edited, wiresOf } from "../../../support/console/edited-drafts.ts";

const EXPENSE = `# What we pay back
workflow: expense
input: { employee: string, amount_usd: number }
timeout: 7d

steps:
  # who looks first
  receipt:
    task: Compare the receipt   # by hand
    assignee: group:finance
    output: { ok: boolean }

  size:
    branch: input.amount_usd > 500
    then: { true: manager, false: pay }

  manager:
    approve: "{{ input.amount_usd }} USD"
    action: expense.pay
    by: [user_manager]
    on: { denied: refuse }
    next: pay

  pay:
    capability: payments
    with: { ok: "{{ steps.receipt.output.ok }}" }

  confirm:
    notify: slack
    body: Paid
    next: end

  refuse:
    notify: email
    body: Not approved
`;

/** Lines that are not in the other text. */
function changedLines(before: string, after: string): string[] {
  const old = before.split("\n");
  return after.split("\n").filter((line) => !old.includes(line));
}

const WIRES = [
  "manager --> pay",
  "manager -denied-> refuse",
  "pay --> confirm",
  "receipt --> size",
  "size -false-> pay",
  "size -true-> manager",
];

it("reads the paths of a file", () => {
  expect(wiresOf(EXPENSE)).toEqual(WIRES);
  expect(drawText(EXPENSE).faultCount).toBe(0);
});

it("joins two steps, and leaves every other line as it was typed", () => {
  const wire = { from: "manager", to: "refuse", label: "expired" };
  const text = edited(EXPENSE, { do: "connect", wire });
  expect(wiresOf(text)).toEqual([...WIRES, "manager -expired-> refuse"].sort());
  expect(changedLines(EXPENSE, text)).toEqual(["    on: { denied: refuse, expired: refuse }"]);
  expect(wiresOf(edited(text, { do: "disconnect", wire }))).toEqual(WIRES);
});

it.each([
  ["the order", { from: "receipt", to: "size", label: "" }],
  ["next", { from: "manager", to: "pay", label: "" }],
  ["on", { from: "manager", to: "refuse", label: "denied" }],
  ["then", { from: "size", to: "pay", label: "false" }],
])("takes a path away that %s says, and no other one", (_, wire) => {
  const text = edited(EXPENSE, { do: "disconnect", wire });
  const gone = `${wire.from} -${wire.label}-> ${wire.to}`;
  expect(wiresOf(text)).toEqual(WIRES.filter((each) => each !== gone));
  expect(wiresOf(edited(text, { do: "connect", wire }))).toEqual(WIRES);
});

it("writes the order out where another path would change it", () => {
  const wire = { from: "pay", to: "refuse", label: "" };
  const text = edited(EXPENSE, { do: "connect", wire });
  expect(wiresOf(text)).toEqual([...WIRES, "pay --> refuse"].sort());
});

it("puts a step between two others", () => {
  const on = { from: "size", to: "manager", label: "true" };
  const text = edited(EXPENSE, { do: "add", kind: "task", on });
  const without = WIRES.filter((wire) => wire !== "size -true-> manager");
  expect(wiresOf(text)).toEqual([...without, "size -true-> task", "task --> manager"].sort());
  expect(text).toContain("# who looks first");
});

it("puts a step behind another one: into its only path, or as its next value", () => {
  const behindPay = edited(EXPENSE, { do: "add", kind: "delay", from: "pay" });
  expect(wiresOf(behindPay)).toContain("pay --> delay");
  expect(wiresOf(behindPay)).toContain("delay --> confirm");
  const loose = edited(EXPENSE, { do: "add", kind: "notify" });
  expect(wiresOf(loose)).toEqual(WIRES);
  const end = edited(EXPENSE, { do: "add", kind: "task", from: "confirm" });
  expect(wiresOf(end)).toEqual([...WIRES, "confirm --> task"].sort());
});

it("takes a step out, and joins what was around it", () => {
  const text = edited(EXPENSE, { do: "remove", ids: ["manager"] });
  expect(wiresOf(text)).toEqual([
    ...["pay --> confirm", "receipt --> size", "size -false-> pay", "size -true-> pay"],
  ]);
  const both = edited(EXPENSE, { do: "remove", ids: ["refuse", "confirm"] });
  expect(wiresOf(both)).toEqual(WIRES.filter((wire) => !/refuse|confirm/.test(wire)));
});

it("gives a step another id in paths and in expressions", () => {
  const text = edited(EXPENSE, { do: "rename", id: "receipt", to: "check-receipt" });
  expect(wiresOf(text)).toContain("check-receipt --> size");
  expect(text).toContain("{{ steps.check_receipt.output.ok }}");
  expect(drawText(text).faultCount).toBe(0);
  const pay = edited(EXPENSE, { do: "rename", id: "pay", to: "payment" });
  expect(wiresOf(pay)).toEqual(WIRES.map((wire) => wire.replaceAll(/\bpay\b/g, "payment")).sort());
  expect(applyEdit(EXPENSE, { do: "rename", id: "pay", to: "size" })).toMatchObject({ ok: false });
});

const NAMED = `workflow: w
steps:
  see:
    task: See whether see.output is right, for {{ see.input.n }}
    output: { ok: boolean, list: array }
  many:
    run: other
    for_each: steps.see.output.list
    with: { deep: { text: "{{ steps['see'].output.ok }}" }, note: steps.see.output.ok }
  size:
    branch:
      - when: see.output.ok && steps["see"].state == "COMPLETED"
        go: see-also
      - { go: end-of-it }
  see-also: { task: B, next: { when: steps.see.output.ok, go: end-of-it } }
  end-of-it: { task: C, when: has(steps.see.output.ok) }
edges:
  - { from: see, to: many, when: "steps.see.output.ok && steps.see_also.state == 'x'" }
`;

it("gives a step another id in each expression, and in no text and no other id", () => {
  const to = "check-it";
  expect(edited(NAMED, { do: "rename", id: "see", to })).toBe(
    NAMED.replace("  see:\n", "  check-it:\n")
      .replace("{{ see.input.n }}", "{{ check_it.input.n }}")
      .replace("for_each: steps.see.", "for_each: steps.check_it.")
      .replace("steps['see']", "steps['check-it']")
      .replace('see.output.ok && steps["see"]', 'check_it.output.ok && steps["check-it"]')
      .replace("{ when: steps.see.output.ok, go", "{ when: steps.check_it.output.ok, go")
      .replace("has(steps.see.", "has(steps.check_it.")
      .replace("{ from: see, to", "{ from: check-it, to")
      .replace('"steps.see.output.ok', '"steps.check_it.output.ok'),
  );
});

it("gives a path a condition where the file can say it", () => {
  const onlyPath = { from: "pay", to: "confirm", label: "" };
  const condition = "input.amount_usd > 10";
  const text = edited(EXPENSE, { do: "condition", wire: onlyPath, condition });
  expect(wiresOf(text)).toContain("pay --> confirm if input.amount_usd > 10");
  const ofSeveral = { from: "manager", to: "pay", label: "" };
  const other = edited(EXPENSE, { do: "condition", wire: ofSeveral, condition });
  expect(wiresOf(other)).toContain("manager --> pay if input.amount_usd > 10");
  const gone = edited(other, { do: "condition", wire: ofSeveral, condition: "" });
  expect(wiresOf(gone)).toEqual(WIRES);
});

it("sets, changes and takes away a value, and keeps the comment beside it", () => {
  const set = (path: string[], value: string | undefined): Edit => ({
    ...{ do: "set", id: "receipt", path, value },
  });
  const text = edited(EXPENSE, set(["task"], "Look at it"), set(["timeout"], "2h"));
  expect(text).toMatch(/task: Look at it +# by hand/);
  expect(drawText(edited(text, set(["timeout"], undefined))).steps?.[0]?.values).toEqual({
    task: "Look at it",
    assignee: "group:finance",
    output: { ok: "boolean" },
  });
  expect(edited(EXPENSE, set(["task"], undefined))).toContain("    task: null");
});

const CHOICES = `workflow: w
input: { amount: number }
steps:
  size:
    branch:
      - { when: input.amount > 500, go: boss } # much
      - { go: pay }
  boss: { task: B, next: archive }
  pay: { task: P, next: end }
  archive: { task: A, next: end }
`;

it("keeps the condition of a path that gets a step, or leads past one that is taken out", () => {
  const on = { from: "size", to: "boss", label: "" };
  const split = edited(CHOICES, { do: "add", kind: "task", on });
  expect(wiresOf(split)).toEqual([
    ...["boss --> archive", "size --> pay", "size --> task if input.amount > 500"],
    "task --> boss",
  ]);
  expect(split).toContain("      - { when: input.amount > 500, go: task } # much");
  expect(wiresOf(edited(CHOICES, { do: "remove", ids: ["boss"] }))).toEqual([
    ...["size --> archive if input.amount > 500", "size --> pay"],
  ]);
  const ofStep = `workflow: w
steps:
  a: { task: A }
  b: { task: B, when: input.n > 1 }
  c: { task: C }
`;
  expect(wiresOf(edited(ofStep, { do: "remove", ids: ["b"] }))).toEqual(["a --> c if input.n > 1"]);
});

it("keeps the condition of a path that goes by another end, and changes it where it stands", () => {
  const text = `workflow: w
steps:
  a: { approve: A, action: a.b, by: [user_a], next: { when: input.n > 1, go: b } }
  b: { task: B }
`;
  const wire = { from: "a", to: "b", label: "" };
  const relabelled = edited(text, { do: "reconnect", wire, next: { ...wire, label: "denied" } });
  expect(wiresOf(relabelled)).toEqual(["a -denied-> b if input.n > 1"]);
  const changed = edited(text, { do: "condition", wire, condition: "input.n > 2" });
  expect(wiresOf(changed)).toEqual(["a --> b if input.n > 2"]);
  expect(drawText(changed).faultCount).toBe(drawText(text).faultCount);
  const gone = edited(text, { do: "condition", wire, condition: "" });
  expect(wiresOf(gone)).toEqual(["a --> b"]);
});

it("keeps and changes conditions of listed paths", () => {
  const text = `workflow: w
steps:
  a: { task: A }
  b: { task: B }
  c: { task: C }
edges:
  - { from: a, to: b, when: input.n > 1 }
  - { from: b, to: c }
`;
  const wire = { from: "a", to: "b", label: "" };
  expect(wiresOf(edited(text, { do: "remove", ids: ["b"] }))).toEqual(["a --> c if input.n > 1"]);
  expect(wiresOf(edited(text, { do: "add", kind: "task", on: wire }))).toEqual([
    ...["a --> task if input.n > 1", "b --> c", "task --> b"],
  ]);
  const changed = edited(text, { do: "condition", wire, condition: "input.n > 2" });
  expect(wiresOf(changed)).toContain("a --> b if input.n > 2");
  expect(wiresOf(edited(changed, { do: "condition", wire, condition: "" }))).toContain("a --> b");
});

it("sets an object and a list part by part: comments, quotes and order of the others stay", () => {
  const text = `workflow: w
input:
  employee: string # who is paid
  "amount_usd": number
steps:
  pay:
    approve: Pay
    by:
      - user_ann # first
      - user_ben
    with: { code: "5", note: 'x' }
`;
  const input = { employee: "string", amount_usd: "integer", more: "string" };
  const set = (path: string[], value: Json): Edit => ({ do: "set", id: "pay", path, value });
  const after = edited(
    text,
    { do: "set_head", key: "input", value: input },
    set(["by"], ["user_ann", "user_eve"]),
    set(["with"], { code: "5", note: "y" }),
  );
  expect(changedLines(text, after)).toEqual([
    ...['  "amount_usd": integer', "  more: string", "      - user_eve"],
    '    with: { code: "5", note: y }',
  ]);
  expect(after).toContain("  employee: string # who is paid");
  expect(after).toContain("      - user_ann # first");
});

it("leaves a step its kind when the one value of it is taken away", () => {
  const set = (value: string | undefined): Edit => ({
    ...{ do: "set", id: "event", path: ["wait", "event"], value },
  });
  const text = edited("workflow: w\nsteps: {}\n", { do: "add", kind: "event" }, set("a.b"));
  expect(drawText(edited(text, set(undefined))).steps).toMatchObject([
    { kind: "wait", values: { wait: { event: "" } } },
  ]);
});

/** The steps that are chosen after a change. */
function chosenAfter(text: string, edit: Edit): readonly string[] {
  const result = applyEdit(text, edit);
  return result.ok ? result.chosen : [result.problem];
}

it("duplicates several steps with the paths among them, their conditions and what they read of each other", () => {
  const edit: Edit = { do: "copy", ids: ["receipt", "size", "pay"] };
  const text = edited(EXPENSE, edit);
  expect(chosenAfter(EXPENSE, edit)).toEqual(["receipt-2", "size-2", "pay-2"]);
  expect(wiresOf(text)).toEqual([...WIRES, "receipt-2 --> size-2", "size-2 -false-> pay-2"].sort());
  expect(text).toContain('"{{ steps.receipt_2.output.ok }}"');
  expect(text.startsWith(EXPENSE.slice(0, EXPENSE.indexOf("    then:")))).toBe(true);
  const ofChoices = edited(CHOICES, { do: "copy", ids: ["size", "boss"] });
  expect(wiresOf(ofChoices)).toContain("size-2 --> boss-2 if input.amount > 500");
  const again = edited(text, { do: "copy", ids: ["size-2"] });
  expect(wiresOf(again)).toEqual(wiresOf(text));
  expect(again).toContain("  size-3:");
});

it("copies steps as a file of their own, which goes into any other draft", () => {
  const copied = copySteps(EXPENSE, ["manager", "pay", "refuse"]);
  expect(copied).toMatchObject({ ok: true });
  const fragment = copied.ok ? copied.text : "";
  expect(wiresOf(fragment)).toEqual(["manager --> pay", "manager -denied-> refuse"]);
  expect(fragment).not.toContain("workflow:");
  const into = `workflow: other
steps:
  pay: { task: First }
  then: { task: Second }
`;
  const text = edited(into, { do: "paste", fragment });
  expect(wiresOf(text)).toEqual([
    ...["manager --> pay-2", "manager -denied-> refuse", "pay --> then"],
  ]);
  expect(text.startsWith("workflow: other\nsteps:\n  pay: { task: First }\n")).toBe(true);
  const json = edited('{"workflow":"other","steps":{}}', { do: "paste", fragment });
  expect(Object.keys(JSON.parse(json).steps)).toEqual(["manager", "pay", "refuse"]);
  expect(applyEdit(into, { do: "paste", fragment: "a text" })).toMatchObject({ ok: false });
  expect(applyEdit(into, { do: "paste", fragment: "steps: {}" })).toMatchObject({ ok: false });
});

it("copies a child without its parallel, a parallel with its children, and a step with its undo", () => {
  const text = `workflow: w
steps:
  both:
    parallel:
      a: { task: A }
      b: { task: B }
    next: last
  last: { task: L, undo: { task: Take it back } }
`;
  expect(chosenAfter(text, { do: "copy", ids: ["both"] })).toEqual(["both-2", "a-2", "b-2"]);
  expect(wiresOf(edited(text, { do: "copy", ids: ["both", "last"] }))).toEqual([
    ...["both --> a", "both --> b", "both -joined-> last"],
    ...["both-2 --> a-2", "both-2 --> b-2", "both-2 -joined-> last-2"],
  ]);
  const child = edited(text, { do: "copy", ids: ["b"] });
  expect(drawText(child).steps?.find(({ id }) => id === "b-2")).toMatchObject({ role: "top" });
  const undone = edited(text, { do: "copy", ids: ["last"] });
  expect(drawText(undone).steps?.find(({ id }) => id === "last-2")?.undoId).toBe("undo-last-2");
});

it("says in words what cannot be pasted, however large or deep it is", () => {
  const whole = (fragment: string) => applyEdit(EXPENSE, { do: "paste", fragment });
  for (const fragment of [
    ...["", "# nothing\n".repeat(200_000), "[".repeat(200_000), '{"a":'.repeat(50_000)],
    ...["steps: [1, 2]", "steps: *gone", "steps:\n  a: { task: *gone }\n"],
  ]) {
    expect(whole(fragment)).toMatchObject({ ok: false, problem: expect.stringMatching(/\w/) });
  }
  const anchored = "x: &who user_ann\nsteps:\n  a: { task: A, assignee: *who }\n";
  expect(whole(anchored)).toMatchObject({ ok: false });
});

it("copies listed paths as such, and says where they fit nowhere", () => {
  const text = `workflow: w
steps:
  a: { task: A }
  b: { task: B }
edges:
  - { from: a, to: b, when: input.n > 1 }
`;
  expect(wiresOf(edited(text, { do: "copy", ids: ["a", "b"] }))).toEqual([
    ...["a --> b if input.n > 1", "a-2 --> b-2 if input.n > 1"],
  ]);
  const copied = copySteps(text, ["a", "b"]);
  const fragment = copied.ok ? copied.text : "";
  expect(applyEdit(EXPENSE, { do: "paste", fragment })).toMatchObject({
    problem: expect.stringContaining("lists its paths in `edges:`"),
  });
});

it("leads a path to another step, or from another one, with its condition", () => {
  const wire = { from: "size", to: "boss", label: "" };
  const text = edited(CHOICES, { do: "reconnect", wire, next: { ...wire, to: "archive" } });
  expect(wiresOf(text)).toContain("size --> archive if input.amount > 500");
  expect(text).toContain("go: archive } # much");
  expect(wiresOf(text)).toHaveLength(3);
  const next = { from: "pay", to: "boss", label: "" };
  expect(wiresOf(edited(CHOICES, { do: "reconnect", wire, next }))).toEqual([
    ...["boss --> archive", "pay --> boss if input.amount > 500", "size --> pay"],
  ]);
  const denied = { from: "manager", to: "refuse", label: "denied" };
  const toPay = edited(EXPENSE, {
    ...{ do: "reconnect", wire: denied, next: { ...denied, to: "confirm" } },
  });
  expect(toPay).toContain("on: { denied: confirm }");
  expect(
    applyEdit(EXPENSE, { do: "reconnect", wire: denied, next: { ...denied, to: "manager" } }),
  ).toMatchObject({ ok: false });
});

it("draws a workflow from nothing", () => {
  const text = edited(
    "workflow: new\nsteps: {}\n",
    { do: "add", kind: "branch" },
    { do: "add", kind: "approval", from: "decision" },
    { do: "add", kind: "notify", from: "decision" },
    { do: "connect", wire: { from: "approval", to: "notify", label: "denied" } },
    { do: "set", id: "approval", path: ["action"], value: "expense.pay" },
    { do: "set", id: "decision", path: ["branch"], value: "input.amount > 5" },
    { do: "set", id: "notify", path: ["to"], value: "ann@example.com" },
    { do: "set", id: "approval", path: ["by"], value: ["user_manager"] },
    { do: "set_head", key: "input", value: { amount: "number" } },
  );
  expect(wiresOf(text)).toEqual([
    "approval -denied-> notify",
    "decision -false-> notify",
    "decision -true-> approval",
  ]);
  expect(drawText(text).notes.filter(({ isWarning }) => !isWarning)).toEqual([]);
  expect(text.indexOf("input:")).toBeLessThan(text.indexOf("steps:"));
});

it("moves children into and out of a parallel", () => {
  const text = `workflow: w
steps:
  both:
    parallel:
      a: { task: A }
      b: { task: B }
    next: last
  last: { task: L, next: end }
  c: { task: C, needs: [] }
`;
  const wire = { from: "both", to: "c", label: "" };
  const more = edited(text, { do: "connect", wire });
  expect(wiresOf(more)).toContain("both --> c");
  const less = edited(more, { do: "disconnect", wire: { from: "both", to: "a", label: "" } });
  expect(wiresOf(less)).toEqual(["both --> b", "both --> c", "both -joined-> last"]);
  const listed = edited(
    "workflow: w\nsteps:\n  first: { task: F }\n",
    { do: "add", kind: "parallel", from: "first" },
    { do: "add", kind: "task", from: "parallel" },
    { do: "add", kind: "delay", from: "parallel" },
  );
  expect(wiresOf(listed)).toEqual([
    "first --> parallel",
    "parallel --> delay",
    "parallel --> task",
  ]);
});

it("joins, parts and takes out where the file lists its paths", () => {
  const text = `workflow: w
steps:
  a: { task: A }
  b: { task: B }
  c: { task: C }
edges:
  - { from: a, to: b }
  - { from: b, to: c }
`;
  const wire = { from: "a", to: "c", label: "" };
  const more = edited(text, { do: "connect", wire });
  expect(wiresOf(more)).toEqual(["a --> b", "a --> c", "b --> c"]);
  expect(wiresOf(edited(more, { do: "disconnect", wire }))).toEqual(["a --> b", "b --> c"]);
  const less = edited(text, { do: "remove", ids: ["b"] });
  expect(wiresOf(less)).toEqual(["a --> c"]);
  expect(drawText(less).faultCount).toBe(0);
});

it("says to whom a fault belongs", () => {
  const { notes } = drawText(EXPENSE.replace("capability: payments", "capabilty: payments"));
  expect(notes).toMatchObject([{ stepId: "pay", isWarning: false }]);
});

it("answers in words what cannot be done", () => {
  expect(applyEdit("steps: [", { do: "add", kind: "task" })).toEqual({
    ok: false,
    problem: "The text cannot be read: mend it first",
  });
  expect(applyEdit(EXPENSE, { do: "remove", ids: ["gone"] })).toMatchObject({ ok: true });
  expect(
    applyEdit(EXPENSE, { do: "connect", wire: { from: "pay", to: "pay", label: "" } }),
  ).toMatchObject({ ok: false });
});

it("leaves JSON as it was typed, on one line or in lines of any indentation", () => {
  const file = { workflow: "w", steps: { a: { task: "A", with: { n: 1.5 } } } };
  const tight = edited(JSON.stringify(file), { do: "add", kind: "task", from: "a" });
  expect(tight).toBe(
    '{"workflow":"w","steps":{"a":{"task":"A","with":{"n":1.5}},"task":{"task":"What is to be done"}}}',
  );
  const lines = `${JSON.stringify(file, undefined, 4).replace("1.5", "1.50")}\n`;
  const more = edited(lines, { do: "add", kind: "task", from: "a" });
  expect(more).toBe(
    lines.replace(
      /\n {8}\}\n {4}\}\n\}/,
      '\n        },\n        "task": {\n            "task": "What is to be done"\n        }\n    }\n}',
    ),
  );
  expect(JSON.parse(edited(more, { do: "remove", ids: ["a"] })).steps).toEqual({
    task: { task: "What is to be done" },
  });
});

it("writes the values of a condition as people do, and as JSON in JSON", () => {
  const steps = { a: { branch: "input.amount > 5" }, b: { task: "B" }, c: { task: "C" } };
  const wires = [
    { from: "a", to: "b", label: "true" },
    { from: "a", to: "c", label: "true" },
    { from: "a", to: "c", label: "false" },
  ];
  const edits = wires.map((wire): Edit => ({ do: "connect", wire }));
  const json = JSON.stringify({ workflow: "w", input: { amount: "number" }, steps });
  expect(JSON.parse(edited(json, ...edits)).steps.a.then).toEqual({ true: ["b", "c"], false: "c" });
  const lines = `workflow: w
steps:
  a: { branch: input.amount > 5 }
  b: { task: B }
  c: { task: C }
`;
  const text = edited(lines, ...edits);
  expect(text).toContain("then: { true: [ b, c ], false: c }");
  const less = edited(text, { do: "disconnect", wire: { from: "a", to: "b", label: "true" } });
  expect(wiresOf(less)).toEqual(["a -false-> c", "a -true-> c", "b --> c"]);
});

const FLOW = `# of finance
{
  workflow: w, # its name
  input: {amount: number},
  steps: {
    # the first one
    a: { task: 'Look at it', assignee: group:finance }, # by hand
    b: { branch: "input.amount > 5", then: { true: c } },
    c: { task: C } # the last one
  },
} # end
`;

it("leaves YAML in braces as it was typed, with its comments", () => {
  const text = edited(
    FLOW,
    { do: "add", kind: "delay", from: "c" },
    { do: "set", id: "a", path: ["assignee"], value: "user_ann" },
    { do: "rename", id: "c", to: "see" },
    { do: "connect", wire: { from: "b", to: "delay", label: "false" } },
    { do: "set_head", key: "timeout", value: "7d" },
  );
  expect(text).toBe(`# of finance
{
  workflow: w, # its name
  input: {amount: number},
  timeout: 7d,
  steps: {
    # the first one
    a: { task: 'Look at it', assignee: user_ann }, # by hand
    b: { branch: "input.amount > 5", then: { true: see, false: delay } },
    see: { task: C, next: delay }, # the last one
    delay: { wait: 15m }
  },
} # end
`);
  expect(drawText(text).faultCount).toBe(0);
  expect(edited(FLOW, { do: "remove", ids: ["b"] })).toContain("    # the first one\n    a: {");
  expect(edited("{ workflow: w, steps: {} }\n", { do: "add", kind: "task" })).toBe(
    "{ workflow: w, steps: { task: { task: What is to be done } } }\n",
  );
  expect(edited("{\n  workflow: w,\n  steps: {}\n}\n", { do: "add", kind: "task" })).toBe(
    "{\n  workflow: w,\n  steps: {\n    task: { task: What is to be done }\n  }\n}\n",
  );
});

it("takes over what aliases stand for, and leaves anchors where nothing that names them changes", () => {
  const text = `workflow: w
steps:
  a: &base { task: A, assignee: user_ann }
  b: { task: B, assignee: *who }
`.replace("assignee: user_ann", "assignee: &who user_ann");
  const after = edited(text, { do: "set", id: "b", path: ["task"], value: "See" });
  expect(after).toBe(text.replace("task: B", "task: See"));
  const renamed = edited(text, { do: "rename", id: "a", to: "first" });
  expect(renamed).toBe(text.replace("  a:", "  first:"));
});
