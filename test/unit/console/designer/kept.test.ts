/** What a change of a draft does not concern: comments, lines, conditions and names of other steps stay as they are. */
import { expect, it } from "vitest";
import {
  type Renamed,
  renamedChosen,
  renamedEdit,
} from "../../../../console/src/parts/workflows/designer/renamed.ts";
import {
  applyEdit,
  type Edit,
} from "../../../../console/src/parts/workflows/designer/text/edits.ts";
import { drawText } from "../../../../console/src/parts/workflows/designer/text/picture.ts";
import { edited, wiresOf } from "../../../support/console/edited-drafts.ts";

const NOTED = `{
  ################################################
  # What it does, and why
  ################################################
  workflow: w, # its name
  steps: {
    a: { task: A }, # by hand
    b: { task: B }, # by code
    c: {
      task: C, # as it is
      next: end # the last
    }
  }
}
`;

it("leaves each comment of YAML in braces beside what it is about", () => {
  expect(edited(NOTED, { do: "set", id: "c", path: ["task"], value: "See" })).toBe(
    NOTED.replace("task: C,", "task: See,"),
  );
  expect(edited(NOTED, { do: "set_head", key: "workflow", value: "other" })).toBe(
    NOTED.replace("workflow: w", "workflow: other"),
  );
  expect(edited(NOTED, { do: "remove", ids: ["b"] })).toBe(
    NOTED.replace("    b: { task: B }, # by code\n", "").replace("A }", "A, next: c }"),
  );
  expect(edited(NOTED, { do: "remove", ids: ["a"] })).toBe(
    NOTED.replace("    a: { task: A }, # by hand\n", ""),
  );
  expect(edited(NOTED, { do: "remove", ids: ["c"] })).toBe(
    NOTED.replace(/ \}, # by code\n[\s\S]*the last\n {4}\}/, ", next: end } # by code"),
  );
  const copied = edited(NOTED, { do: "copy", ids: ["a"] });
  expect(copied).toContain("    a: { task: A, next: b }, # by hand\n    a-2: {");
  expect(drawText(copied).steps?.map(({ id }) => id)).toEqual(["a", "a-2", "b", "c"]);
  expect(
    edited("{ workflow: w, steps: { # none yet\n} }\n", { do: "add", kind: "task" }),
  ).toContain("# none yet\n");
});

const FOLDED = `workflow: w
# Blank lines follow.


steps:
  a:
    task: >
      Look at it,
      and say so.
    title: One   # by hand
  b:   { task: B }
`;

it("leaves lines as they were typed beside a change of their neighbours", () => {
  expect(edited(FOLDED, { do: "set", id: "a", path: ["title"], value: "Two" })).toBe(
    FOLDED.replace("One   #", "Two #"),
  );
});

const GUARDED = `workflow: w
input: { n: number }
steps:
  a: { task: A }
  b: { task: B, when: input.n > 5, next: end }
  c: { task: C, needs: [] }
  d: { task: D, when: input.n > 9, needs: [c] }
`;

it("leads a path with the condition that its step has, and over no condition of another one", () => {
  const wire = { from: "a", to: "b", label: "" };
  const text = edited(GUARDED, { do: "reconnect", wire, next: { ...wire, to: "c" } });
  expect(wiresOf(text)).toEqual(["a --> c if input.n > 5", "c --> d if input.n > 9"]);
  expect(text).not.toContain("b: { task: B, when");
  expect(applyEdit(GUARDED, { do: "reconnect", wire, next: { ...wire, to: "d" } })).toMatchObject({
    problem: expect.stringContaining('"d" has a condition of its own'),
  });
  const joined = edited(GUARDED, { do: "connect", wire: { from: "a", to: "d", label: "" } });
  expect(
    applyEdit(joined, {
      ...{ do: "condition", wire: { from: "a", to: "d", label: "" }, condition: "input.n > 1" },
    }),
  ).toMatchObject({ problem: expect.stringContaining('Several paths lead to "d"') });
  const both = `workflow: w
input: { n: number }
steps:
  a: { task: A, next: { when: input.n > 1, go: c } }
  b: { task: B, needs: [], next: { when: input.n > 2, go: c } }
  c: { task: C }
`;
  const toC = { from: "a", to: "c", label: "" };
  expect(
    wiresOf(edited(both, { do: "reconnect", wire: toC, next: { ...toC, from: "b" } })),
  ).toEqual(["b --> c if input.n > 2"]);
});

it("gives a step another id in no text that only looks like its name", () => {
  const text = `workflow: w
input: { note: string }
steps:
  see: { task: S, output: { ok: boolean } }
  tell:
    task: T
    with: { when: see.output, then: "{{ see.output.ok }}" }
    when: input.note != "see.output" && see.output.ok
`;
  expect(edited(text, { do: "rename", id: "see", to: "look" })).toBe(
    text.replace("  see:", "  look:").replace("{{ see.", "{{ look.").replace("&& see.", "&& look."),
  );
});

it("gives no id that expressions could not tell from another one", () => {
  const text = `workflow: w
steps:
  pay-it: { task: P, output: { ok: boolean } }
  x: { task: X }
  x_2: { task: "{{ steps.pay_it.output.ok }}" }
`;
  expect(applyEdit(text, { do: "rename", id: "x", to: "pay_it" })).toMatchObject({
    problem: '"pay_it" differs only in "-" and "_" from the step "pay-it"',
  });
  expect(edited(text, { do: "rename", id: "pay-it", to: "pay_it" })).toContain("steps.pay_it.");
  expect(applyEdit(text, { do: "copy", ids: ["x"] })).toMatchObject({ chosen: ["x-3"] });
});

it("copies anchors so that aliases of other steps mean what they meant", () => {
  const text = `workflow: w
steps:
  a: { task: A, assignee: &who user_ann }
  b: { task: B, assignee: *who }
`;
  expect(edited(text, { do: "copy", ids: ["a"] })).toContain("a-2: { task: A, assignee: user_ann");
  const both = edited(text, { do: "copy", ids: ["a", "b"] });
  expect(both).toContain("a-2: { task: A, assignee: &who-2 user_ann");
  expect(both).toContain("b-2: { task: B, assignee: *who-2");
});

it("means the same step by a change that waited while the step got another id", () => {
  const renames: Renamed[] = [
    { from: "a", to: "b" },
    { from: "b", to: "c" },
  ];
  const after = (edit: Edit) => renames.reduce(renamedEdit, edit);
  const wire = { from: "a", to: "x", label: "" };
  const led = { from: "c", to: "x", label: "" };
  expect(after({ do: "set", id: "a", path: ["task"], value: "A" })).toMatchObject({ id: "c" });
  expect(after({ do: "rename", id: "a", to: "d" })).toEqual({ do: "rename", id: "c", to: "d" });
  expect(after({ do: "remove", ids: ["x", "a"] })).toMatchObject({ ids: ["x", "c"] });
  expect(after({ do: "connect", wire })).toMatchObject({ wire: led });
  expect(after({ do: "reconnect", wire, next: wire })).toMatchObject({ wire: led, next: led });
  expect(after({ do: "add", kind: "task", from: "a", on: wire })).toMatchObject({
    ...{ from: "c", on: led },
  });
  const [first] = renames;
  if (first === undefined) throw new Error("there is none");
  expect(renamedChosen({ kind: "step", id: "x" }, first)).toEqual({ kind: "step", id: "x" });
  expect(renamedChosen({ kind: "steps", ids: ["x", "a"] }, first)).toMatchObject({
    ids: ["x", "b"],
  });
});
