/** Checking and compiling a version of many expressions: in pieces, each text once, and within a budget. */
import { setImmediate } from "node:timers/promises";
import { describe, expect, it } from "vitest";
import { checkVersion, checkVersionInPieces } from "../../../../src/engine/graph/check.ts";
import { DEFAULT_VERSION_LIMITS } from "../../../../src/engine/graph/check-limits.ts";
import { compileGraph, compileGraphInPieces } from "../../../../src/engine/graph/compile.ts";
import type { Pieces } from "../../../../src/engine/graph/parse-texts.ts";
import type { VersionSpec } from "../../../../src/engine/values/definition.ts";
import { inPieces } from "../../../../src/runtime/in-pieces.ts";
import { edgeOf, stepOf, versionOf } from "../../../support/builders/version-spec.ts";

/** A step with so many conditions on its edges, each text its own. */
function conditions(count: number): VersionSpec {
  const edges = Array.from({ length: count }, (_, at) =>
    edgeOf(`root -> s${at}`, `xs.all(x, x+x+x+x+x+x+x+x+x > ${at}) && false`),
  );
  return versionOf(["root", ...Array.from({ length: count }, (_, at) => `s${at}`)], edges);
}

/** The microseconds of CPU of each piece. */
function piecesOf(work: Pieces<unknown>): number[] {
  const costs: number[] = [];
  for (let isDone = false; !isDone; ) {
    const before = process.cpuUsage();
    isDone = work.next().done === true;
    const { user, system } = process.cpuUsage(before);
    costs.push(user + system);
  }
  return costs;
}

describe("a version of many conditions", () => {
  const spec = conditions(300);

  it.each([
    ["checked", () => checkVersionInPieces(spec)],
    ["compiled", () => compileGraphInPieces(spec)],
  ])("is %s in a piece for every expression, none of which takes long", (_, work) => {
    const costs = piecesOf(work());
    expect(costs.length).toBeGreaterThan(300);
    expect(Math.max(...costs)).toBeLessThan(200_000);
  });

  it("is checked and compiled with the event loop free in between, however many at once", async () => {
    let turns = 0;
    let isOver = false;
    const others = (async () => {
      for (; !isOver; turns += 1) await setImmediate();
    })();
    const small = inPieces(checkVersionInPieces(versionOf(["a"])));
    const large = [1, 2].map(() => inPieces(checkVersionInPieces(spec)));
    const late = inPieces(checkVersionInPieces(versionOf(["a"])));
    const order: string[] = [];
    await Promise.all([
      small.then(() => order.push("small")),
      ...large.map((each) => each.then((faults) => order.push(`large ${faults.length}`))),
      late.then(() => order.push("late")),
    ]);
    isOver = true;
    await others;
    // Small work does not wait for the large ones to end, whether it is submitted before or after them.
    expect(order.slice(0, 2).sort()).toEqual(["late", "small"]);
    expect(order.slice(2)).toEqual(["large 0", "large 0"]);
    // Each of the four had at least one turn, and two turns of the event loop follow each.
    expect(turns).toBeGreaterThanOrEqual(8);
  });

  it("work that throws does not stop the next one", async () => {
    function* broken(): Pieces<never> {
      yield;
      throw new Error("broken");
    }
    const [first, second] = await Promise.allSettled([
      inPieces(broken()),
      inPieces(checkVersionInPieces(versionOf(["a"]))),
    ]);
    expect([first?.status, second?.status]).toEqual(["rejected", "fulfilled"]);
  });
});

describe("a version as large as may be, without an expression", () => {
  const ids = Array.from({ length: 1_000 }, (_, at) => `s${at}`);
  const arrows = [1, 2, 3, 4, 5, 6].flatMap((distance) =>
    ids.slice(distance).map((id, at) => edgeOf(`s${at} -> ${id}`)),
  );
  const config = Object.fromEntries(Array.from({ length: 20 }, (_, at) => [`param${at}`, "v"]));
  const spec = versionOf(
    ids.map((id) => stepOf(id, { config })),
    arrows.slice(0, 5_000),
  );

  it.each([
    ["checked, edges and steps apart", () => checkVersionInPieces(spec), 8_000],
    ["compiled, a step at a time", () => compileGraphInPieces(spec), 2_000],
  ])("is %s", (_, work, pieces) => {
    const costs = piecesOf(work());
    expect(checkVersion(spec)).toEqual([]);
    expect(costs.length).toBeGreaterThanOrEqual(pieces);
    expect(Math.max(...costs)).toBeLessThan(200_000);
  });
});

it("texts that are equal are parsed once", () => {
  const ids = Array.from({ length: 500 }, (_, at) => `s${at}`);
  const versionWith = (condition: (at: number) => string) =>
    versionOf(
      ["root", ...ids],
      ids.map((id, at) => edgeOf(`root -> ${id}`, condition(at))),
    );
  const spec = versionWith(() => "n > 1 && n < 9");
  const other = versionWith((at) => `n > ${at}`);
  const [once, each] = [spec, other].map((of) => piecesOf(checkVersionInPieces(of)).length);
  expect(each).toBe((once ?? 0) + 499);
  expect(new Set(compileGraph(spec).edges.map(({ condition }) => condition)).size).toBe(1);
});

describe("the budget of a version's expressions", () => {
  const limits = { ...DEFAULT_VERSION_LIMITS, maxExpressionChars: 20, maxRegexInstructions: 20 };
  const faultsOf = (spec: VersionSpec, within = limits) =>
    checkVersion(spec, within).map(({ field, description }) => `${field}: ${description}`);

  it("is on their characters together", () => {
    const spec = versionOf(["a", "b", "c"], [edgeOf("a -> b", "n > 1"), edgeOf("a -> c", "n > 1")]);
    expect(faultsOf(spec)).toEqual([]);
    const [from, to] = ["n > 1 && m > 1", "n > 1 && m > 2"];
    expect(
      faultsOf(versionOf(["a", "b", "c"], [edgeOf("a -> b", from), edgeOf("a -> c", to)])),
    ).toEqual([
      "steps: the expressions of a version have at most 20 characters together, these have 28",
    ]);
  });

  it("is on the instructions of their regular expressions together", () => {
    const step = stepOf("a", { config: { title: "{{ n.matches('^.{9}$') }}" } });
    const other = stepOf("b", { config: { title: "{{ n.matches('^.{8}$') }}" } });
    const wide = { ...limits, maxExpressionChars: 1_000 };
    expect(faultsOf(versionOf([step]), wide)).toEqual([]);
    expect(faultsOf(versionOf([step, other]), wide)).toEqual([
      expect.stringContaining("the regular expressions of a version have at most 20 instructions"),
    ]);
  });
});
