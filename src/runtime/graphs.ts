/**
 * Compiled versions, kept while they are in use.
 * Boundary: versions never change, so nothing here is ever stale; the bound is on steps, for a graph's size goes with
 * them. A kept graph of 10 steps is given in 0.5 us; to load and compile it takes 2.8 ms of CPU, one of 1,000 steps 59 ms
 * (2026-11-28).
 * Invariant: a version that several callers miss is compiled once, in pieces, so that a large one does not hold the
 * event loop.
 */
import { compileGraphInPieces } from "../engine/graph/compile.ts";
import type { Graph } from "../engine/graph/graph.ts";
import type { Database } from "../store/database.ts";
import { findVersions, specOfVersion, type VersionRow } from "../store/reads/definitions.ts";
import { EVERY_WORKSPACE } from "../store/reads/visibility.ts";
import { inPieces } from "./in-pieces.ts";

/** Gives compiled versions by id. */
export interface GraphCache {
  /** Graphs of these versions; one that does not exist is absent. Loads those that are missing with one query. */
  require(versionIds: readonly string[]): Promise<Map<string, Graph>>;
}

const STEPS_AT_MOST = 50_000;

/** Makes an empty cache that holds graphs of at most `stepsAtMost` steps together, the last one used last to go. */
export function createGraphCache(database: Database, stepsAtMost = STEPS_AT_MOST): GraphCache {
  // In order of use: a graph that is used moves to the end.
  const graphs = new Map<string, Graph>();
  const compiling = new Map<string, Promise<Graph>>();
  let steps = 0;

  function keep(id: string, graph: Graph): void {
    if (graphs.has(id)) return;
    graphs.set(id, graph);
    steps += graph.steps.length;
    for (const [oldest, old] of graphs) {
      if (steps <= stepsAtMost || oldest === id) break;
      graphs.delete(oldest);
      steps -= old.steps.length;
    }
  }

  async function compile(row: VersionRow): Promise<Graph> {
    try {
      const graph = await inPieces(compileGraphInPieces(specOfVersion(row)));
      keep(row.id, graph);
      return graph;
    } finally {
      compiling.delete(row.id);
    }
  }

  /** The graph of a version that was not kept when it was asked for. */
  function made(row: VersionRow): Graph | Promise<Graph> {
    const known = graphs.get(row.id) ?? compiling.get(row.id);
    if (known !== undefined) return known;
    const graph = compile(row);
    compiling.set(row.id, graph);
    return graph;
  }

  return {
    async require(versionIds) {
      const found = new Map<string, Graph>();
      const missing = new Set<string>();
      for (const id of versionIds) {
        const graph = graphs.get(id);
        if (graph === undefined) {
          missing.add(id);
          continue;
        }
        graphs.delete(id);
        graphs.set(id, graph);
        found.set(id, graph);
      }
      if (missing.size === 0) return found;
      const rows = await findVersions(database.read, EVERY_WORKSPACE, [...missing]);
      const loaded = await Promise.all(rows.map(async (row) => ({ row, graph: await made(row) })));
      for (const { row, graph } of loaded) found.set(row.id, graph);
      return found;
    },
  };
}
