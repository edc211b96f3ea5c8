/** What a change of a draft does not concern: comments, lines, conditions and names of other steps stay as they are. */
import { expect, it } from "vitest";
import {
  applyEdit,
  type Edit,
} from "../../../../console/src/parts/workflows/designer/text/edits.ts";
import { drawText } from "../../../../console/src/parts/workflows/designer/text/picture.ts";

function edited(text: string, ...edits: Edit[]): string {
  return edits.reduce((before, edit) => {
    const result = applyEdit(before, edit);
    if (!result.ok) throw new Error(result.problem);
    return result.text;
  }, text);
}

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
