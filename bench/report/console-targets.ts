/** What the console must reach in a browser. */
import type { Target } from "./targets.ts";

const line = "console";
const better = "less";

/** In the order of the table. */
export const CONSOLE_TARGETS: readonly Target[] = [
  {
    ...{ line, better, what: "console, first page on loopback", name: "firstPaintMs", unit: " ms" },
    must: { fixed: 1_000 },
  },
  {
    ...{ line, better, what: "console, JS and CSS of the first page, gzip" },
    ...{ name: "firstPaintKb", unit: " kB" },
    must: { fixed: 200 },
  },
  {
    ...{ line, better, what: "console, graph of 1,000 steps, the first time" },
    ...{ name: "graphFirstMs", unit: " ms" },
    must: { fixed: 4_000 },
  },
  {
    ...{ line, better, what: "console, the same with a stored layout" },
    ...{ name: "graphStoredMs", unit: " ms" },
    must: { fixed: 1_500 },
  },
  {
    ...{ line, better, what: "console, longest task while the graph is moved" },
    ...{ name: "panTaskMs", unit: " ms" },
    must: { fixed: 100 },
  },
  {
    ...{ line, better, what: "console, the first check of 1,000 steps in the designer" },
    ...{ name: "designerCheckMs", unit: " ms" },
    must: { fixed: 300 },
  },
  {
    ...{ line, better, what: "console, longest task while one of 1,000 steps is dragged" },
    ...{ name: "designerDragTaskMs", unit: " ms" },
    must: { fixed: 100 },
  },
  {
    ...{ line, better, what: "console, longest task while 10,000 runs are scrolled" },
    ...{ name: "scrollTaskMs", unit: " ms" },
    must: { fixed: 100 },
  },
];
