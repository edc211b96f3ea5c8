/** What the canvas keeps beside the text: places, what can be taken back, what may be named, and the forms of all kinds. */
import { describe, expect, it } from "vitest";
import { placeAll, taskOf } from "../../../../console/src/parts/workflows/designer/arrangement.ts";
import { DraftHistory } from "../../../../console/src/parts/workflows/designer/history.ts";
import {
  areTypes,
  rowsOf,
  valueOfRows,
} from "../../../../console/src/parts/workflows/designer/rows.ts";
import { inputOf } from "../../../../console/src/parts/workflows/designer/text/inputs.ts";
import { drawText } from "../../../../console/src/parts/workflows/designer/text/picture.ts";
import { scopeOf } from "../../../../console/src/parts/workflows/designer/text/scope.ts";
import { makeTables } from "../../../../console/src/parts/workflows/designer/text/tables.ts";
import { nearestStep } from "../../../../console/src/parts/workflows/designer/walk.ts";
import {
  mergePlaces,
  placesOf,
  samePlaces,
} from "../../../../console/src/parts/workflows/draft/places.ts";
import { keysBeside, STEP_KINDS } from "../../../../src/file/step-keys.ts";

const TEXT = `workflow: w
input: { amount: number, who: string? }
steps:
  read-mail: { task: Read, output: { ok: boolean } }
  pay: { agent: bank, undo: { agent: bank } }
  other: { task: Other, needs: [] }
`;

function pictureOf(text: string) {
  const { steps, ...drawn } = drawText(text);
  if (steps === undefined) throw new Error("it cannot be drawn");
  return { ...drawn, steps };
}

describe("places", () => {
  const at = (x: number) => ({ x, y: 0 });

  it("are read from a layout, whatever else stands in it", () => {
    expect(placesOf({ steps: { a: { x: 1, y: 2 }, b: "no", c: { x: "1" } } })).toEqual({
      a: { x: 1, y: 2 },
    });
    expect(placesOf({ steps: [] })).toEqual({});
    expect(placesOf(undefined)).toEqual({});
    expect(samePlaces({ a: at(1) }, { a: at(1) })).toBe(true);
    expect(samePlaces({ a: at(1) }, { b: at(1) })).toBe(false);
  });

  it("of two people are joined: each keeps what they moved", () => {
    const base = { a: at(0), b: at(0) };
    const merged = mergePlaces(base, { a: at(5), b: at(0) }, { a: at(0), b: at(7), c: at(9) });
    expect(merged).toEqual({ a: at(5), b: at(7), c: at(9) });
  });

  it("are found for steps that have none, and cover no other one", () => {
    const places = placeAll(pictureOf(TEXT), { "read-mail": at(0), other: { x: 0, y: 128 } });
    const all = Object.values(places).map(({ x, y }) => `${x} ${y}`);
    expect(Object.keys(places).sort()).toEqual(["other", "pay", "read-mail", "undo-pay"]);
    expect(new Set(all).size).toBe(4);
  });

  it("are found for steps that are called as what every object has", () => {
    const text = "workflow: w\nsteps:\n  constructor: { task: A }\n  toString: { task: B }\n";
    const places = placeAll(pictureOf(text), {});
    expect(places).toEqual({ constructor: at(0), toString: { x: 0, y: expect.any(Number) } });
  });

  it("are laid out without steps that undo, which stand beside theirs", () => {
    const { nodes, links } = taskOf(pictureOf(TEXT));
    expect(nodes).toEqual([
      { id: "read-mail", hasUndo: false },
      { id: "pay", hasUndo: true },
      { id: "other", hasUndo: false },
    ]);
    expect(links).toEqual([{ id: "read-mail pay", from: "read-mail", to: "pay" }]);
  });

  it("are walked with the arrows", () => {
    const places = { a: at(0), b: { x: 20, y: 100 }, c: { x: 300, y: 90 } };
    expect(nearestStep(places, "a", { x: 0, y: 1 })).toBe("b");
    expect(nearestStep(places, "a", { x: 1, y: 0 })).toBe("b");
    expect(nearestStep(places, "a", { x: 0, y: -1 })).toBeUndefined();
  });
});

describe("what can be taken back", () => {
  const snapshot = (text: string) => ({ text, places: {} });

  it("is a change at a time, and keys that follow one another are one", () => {
    const history = new DraftHistory();
    history.note(snapshot("a"), "typed", 0);
    history.note(snapshot("ab"), "typed", 500);
    history.note(snapshot("abc"), undefined, 600);
    expect(history.undo(snapshot("abcd"))?.text).toBe("abc");
    expect(history.undo(snapshot("abc"))?.text).toBe("a");
    expect(history.undo(snapshot("a"))).toBeUndefined();
    expect(history.redo(snapshot("a"))?.text).toBe("abc");
    history.note(snapshot("abc"), undefined, 9_000);
    expect(history.canRedo).toBe(false);
  });

  it("is a move at a time, of which those of a held key are one", () => {
    const history = new DraftHistory();
    history.note(snapshot("typed"), "typed", 0);
    for (let at = 1; at < 200; at += 1) history.note(snapshot("moved"), "moved", at);
    expect(history.undo(snapshot("moved"))?.text).toBe("moved");
    expect(history.undo(snapshot("moved"))?.text).toBe("typed");
    expect(history.canUndo).toBe(false);
  });

  it("leaves in what somebody else has changed meanwhile, and forgets what cannot be joined with it", () => {
    const lines = (...changed: string[]) => `${["a", "b", "c", "d", "e", ...changed].join("\n")}\n`;
    const history = new DraftHistory();
    history.note(snapshot(lines()), undefined, 0);
    history.note(snapshot(lines("mine")), undefined, 1);
    const mine = { text: lines("mine", "more"), places: { a: { x: 1, y: 1 } } };
    const both = { text: mine.text.replace("b", "theirs"), places: { b: { x: 2, y: 2 } } };
    history.meet(mine, { ...both, places: { ...mine.places, ...both.places } });
    const before = history.undo(both);
    expect(before).toEqual({ text: lines("mine").replace("b", "theirs"), places: both.places });
    expect(history.redo(before ?? both)).toEqual(both);
    history.meet(both, snapshot(both.text.replace("mine", "mended")));
    expect(history.canUndo).toBe(false);
  });

  it("is bounded", () => {
    const history = new DraftHistory();
    for (let at = 0; at < 500; at += 1) history.note(snapshot(String(at)), undefined, at);
    let count = 0;
    for (let now = snapshot("end"); history.canUndo; count += 1) now = history.undo(now) ?? now;
    expect(count).toBe(100);
    for (let at = 0; at < 20; at += 1) history.note(snapshot("x".repeat(500_000)), undefined, at);
    for (count = 0; history.canUndo; count += 1) history.undo(snapshot(""));
    expect(count).toBeLessThanOrEqual(8);
  });
});

it("offers what an expression may name: the input, steps before it with their outputs, the run", () => {
  const names = scopeOf(pictureOf(TEXT), "pay").map(({ label }) => label);
  expect(names).toEqual(
    expect.arrayContaining([
      ...["input", "input.amount", "input.who", "run.vars", "size("],
      ...["steps.read_mail.output", "steps.read_mail.output.ok"],
    ]),
  );
  expect(names.filter((name) => /steps\.(pay|other)/.test(name))).toEqual([]);
});

it("has a field for each key of the table of the file", () => {
  const tables = makeTables();
  for (const kind of Object.keys(STEP_KINDS)) {
    const paths = new Set(tables[kind]?.fields.map(({ path }) => path[0]));
    const missing = keysBeside(kind).filter(({ key }) => !paths.has(key));
    expect(missing, kind).toEqual([]);
    if (kind !== "parallel") expect(paths, kind).toContain(kind);
  }
  const approve = tables.approve?.fields.find(({ path }) => path[0] === "risk");
  expect(approve).toMatchObject({ control: "choice", options: expect.arrayContaining(["HIGH"]) });
});

it("takes objects in rows, and leaves those with parts to the text", () => {
  const rows = rowsOf({ to: "ann", count: 2, isFast: true });
  expect(valueOfRows(rows ?? [], false)).toEqual({ to: "ann", count: 2, isFast: true });
  const asWritten = { code: "5", isOn: "true", none: null, count: 2 };
  expect(valueOfRows(rowsOf(asWritten) ?? [], false)).toEqual(asWritten);
  const changed = rowsOf(asWritten)?.map((row) => ({ ...row, text: "7" }));
  expect(valueOfRows(changed ?? [], false)).toEqual({ code: 7, isOn: 7, none: 7, count: 7 });
  expect(rowsOf({ to: { name: "ann" } })).toBeUndefined();
  expect(valueOfRows([{ name: " ", text: "x" }], false)).toBeUndefined();
  expect(areTypes(rowsOf({ a: "string?", b: "number" }) ?? [])).toBe(true);
  expect(areTypes(rowsOf({ type: "object, or so" }) ?? [])).toBe(false);
});

it("says what a step gets along its paths, and where each field comes from", () => {
  const picture = pictureOf(`workflow: w
input: { amount: number, who: string }
steps:
  look: { task: Look, output: { ok: boolean, amount: number }, next: size }
  other: { capability: some, needs: [], next: size }
  size: { branch: input.ok, then: { true: pay } }
  pay: { task: Pay, next: end }
`);
  expect(inputOf(picture, "look")).toEqual({
    fields: [
      { name: "amount", type: "number", from: [""] },
      { name: "who", type: "string", from: [""] },
    ],
    unknown: [],
  });
  const merged = {
    fields: [
      { name: "ok", type: "boolean", from: ["look"] },
      { name: "amount", type: "number", from: ["look"] },
    ],
    unknown: ["other"],
  };
  expect(inputOf(picture, "size")).toEqual(merged);
  expect(inputOf(picture, "pay")).toEqual(merged);
});
