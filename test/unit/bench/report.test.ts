import { expect, test } from "vitest";
import { renderReport, renderTable } from "../../../bench/report/markdown.ts";
import { mediansOf } from "../../../bench/report/medians.ts";
import { renderPlot } from "../../../bench/report/plot.ts";
import { plotsOf } from "../../../bench/report/plots.ts";
import { partOf, summarise } from "../../../bench/report/profile.ts";
import { outcomesOf } from "../../../bench/report/targets.ts";

test("a table has its titles, a rule and its rows", () => {
  expect(
    renderTable([
      ["", "a"],
      ["b", "1"],
    ]),
  ).toBe("|  | a |\n| --- | --- |\n| b | 1 |");
});

test("the report computes medians, ranges and ratios, and shows the plots of each line", () => {
  const sample = (subject: "ours" | "dbos", repetition: number, p50Ms: number) => ({
    line: "wake" as const,
    subject,
    repetition,
    values: { p50Ms },
  });
  const lines = mediansOf([
    sample("ours", 1, 8),
    sample("dbos", 1, 4),
    sample("ours", 2, 6),
    sample("dbos", 2, 4),
  ]);
  const outcomes = outcomesOf(lines);
  const plots = [...plotsOf(lines, outcomes).keys()];
  const facts = { when: "2026-01-01", quick: false, cores: 2, node: "20", postgres: 15 };
  const counts = { statements: 32.5, roundTrips: 32, commits: 22, transactions: 4.4, rowsRead: 9 };
  const page = renderReport(
    { ...facts, repetitions: 2, failures: ["fan, dbos: too slow"] },
    lines,
    outcomes,
    [{ engine: "ours", alone: counts, inFlight: counts }],
    plots,
  );
  expect(page).toContain("| p50Ms | 7 (6–8) | 4; ours 1.75 × |");
  expect(page).toContain(
    "| event on the bus to the next call, p50 | 7 ms | 4 ms (1 × DBOS) | 3.2 ms (0.8 × DBOS) | no, 1.75 × the goal |",
  );
  expect(page).toContain("![wake](wake.p50Ms.svg)");
  expect(page).toContain("FAILED: fan, dbos: too slow");
  expect(page).toContain("| ours, one run alone | 32.5 | 32 | 22 | 4.4 |");
});

test("the longest bar or mark fills the plot, and texts are escaped", () => {
  const svg = renderPlot({
    title: "a < b",
    unit: "ms",
    bars: [
      { label: "half", parts: [{ name: "x", value: 50 }] },
      {
        label: "quarter",
        parts: [
          { name: "x", value: 20 },
          { name: "y", value: 5 },
        ],
      },
    ],
    marks: [{ label: "must", value: 100 }],
  });
  expect(svg).toContain("a &lt; b, ms");
  // 720 wide, less 110 for labels and 90 for values: 520 are 100 ms.
  expect(svg).toContain('width="260"');
  expect(svg).toContain('x="214" y="74" width="26"');
  expect(svg).toContain('x1="630"');
});

test("a profile gives self times by part and by function, without idle time", () => {
  const node = (id: number, functionName: string, url = "") => ({
    id,
    callFrame: { functionName, url, lineNumber: 4 },
  });
  const page = summarise({
    nodes: [
      node(1, "(idle)"),
      node(2, "save", "file:///x/src/store/save-batch.ts"),
      node(3, "parse", "file:///x/node_modules/pg/lib/result.js"),
    ],
    samples: [1, 2, 3, 2],
    // The first delta is from the start of the profile to the first sample.
    timeDeltas: [9_000, 50_000, 3_000, 1_000],
  });
  expect(page).toContain("CPU of the service's event loop: 4 ms");
  expect(page).toContain(" 75.0 %       3 ms  src/store/save-batch");
  expect(page).toContain(" 25.0 %       1 ms  parse  pg/lib/result.js:5");
  expect(page).toContain(" 75.0 %       3 ms  save  src/store/save-batch.ts\n");
});

test("a function of the compiled service counts for its source", () => {
  const node = (id: number, lineNumber: number, url: string) => ({
    id,
    callFrame: { functionName: "f", url, lineNumber },
  });
  const compiled = "file:///x/dist/service/main.mjs";
  const page = summarise(
    {
      nodes: [
        node(1, 0, compiled),
        node(2, 4, compiled),
        node(3, 1, compiled),
        node(4, 4, "node:fs"),
      ],
      samples: [1, 2, 3, 4, 1],
      timeDeltas: [0, 1_000, 2_000, 3_000, 4_000],
    },
    {
      name: "dist/service/main.mjs",
      text: [
        "banner",
        "// node_modules/pg/lib/a.js",
        "a",
        "// src/store/b.ts",
        "  // a comment",
        "b",
      ].join("\n"),
    },
  );
  expect(page).toContain("1 ms  native code");
  expect(page).toContain("2 ms  src/store/b\n");
  expect(page).toContain("3 ms  pg\n");
  expect(page).toContain("4 ms  node:fs\n");
});

test("a package of a scope is named in full, and a file of Node by its first folder", () => {
  const part = (url: string, functionName = "f") => partOf({ url, functionName });
  expect(part("file:///x/node_modules/@bufbuild/protobuf/dist/a.js")).toBe("@bufbuild/protobuf");
  expect(part("node:internal/streams/writable")).toBe("node:streams");
  expect(part("", "(garbage collector)")).toBe("(garbage collector)");
  expect(part("", "writev")).toBe("native code");
});
