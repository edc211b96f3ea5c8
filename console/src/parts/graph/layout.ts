/**
 * Where the nodes of a version stand and how its links run, by dagre.
 * Boundary: pure and slow (seconds for 1,000 steps): it runs in a worker. It depends on the version alone, so nothing moves while a run does.
 */
import dagre from "@dagrejs/dagre";

/** Of one step, in px. */
export const NODE_WIDTH = 232;
export const NODE_HEIGHT = 72;
/** Between a step and the one beside it that undoes it. */
export const BESIDE_GAP = 36;
const RANK_GAP = 64;
const NODE_GAP = 36;

/** What the layout depends on: small, for it is sent to the worker. */
export interface LayoutTask {
  readonly nodes: readonly { readonly id: string; readonly hasUndo: boolean }[];
  readonly links: readonly LayoutLink[];
  /** Steps that stand above others without a link that is drawn. */
  readonly above: readonly Pair[];
}

interface Pair {
  readonly from: string;
  readonly to: string;
}

interface LayoutLink extends Pair {
  readonly id: string;
}

/** A place in px. */
export interface Point {
  readonly x: number;
  readonly y: number;
}

/** Places in px; of a node its upper left corner. */
export interface Layout {
  readonly nodes: Readonly<Record<string, Point>>;
  /** From the lower side of a step to the upper side of the next one. */
  readonly links: Readonly<Record<string, readonly Point[]>>;
  readonly width: number;
  readonly height: number;
}

/** The layout of a version. */
export function layOut({ nodes, links, above: pairs }: LayoutTask): Layout {
  const graph = new dagre.graphlib.Graph();
  // Its own default ranker takes minutes for 1,000 steps.
  const gaps = { ranksep: RANK_GAP, nodesep: NODE_GAP, edgesep: NODE_GAP / 2 };
  graph.setGraph({ rankdir: "TB", ranker: "tight-tree", ...gaps });
  graph.setDefaultEdgeLabel(() => ({}));
  for (const { id, hasUndo } of nodes) {
    const width = hasUndo ? NODE_WIDTH * 2 + BESIDE_GAP : NODE_WIDTH;
    graph.setNode(id, { width, height: NODE_HEIGHT });
  }
  for (const { from, to } of [...links, ...pairs]) graph.setEdge(from, to);
  dagre.layout(graph);
  const places: Record<string, Point> = {};
  for (const { id } of nodes) {
    const { x, y, width, height } = graph.node(id);
    places[id] = { x: Math.round(x - width / 2), y: Math.round(y - height / 2) };
  }
  const rows = new Set(nodes.map(({ id }) => graph.node(id).y));
  const routes: Record<string, Point[]> = {};
  for (const { id, from, to } of links) {
    const [start, end] = [places[from], places[to]];
    if (start === undefined || end === undefined) continue;
    const { points } = graph.edge(from, to) as { points: Point[] };
    // Between rows the path bends; through a row it runs straight, beside the steps that stand there.
    const passed = points.slice(1, -1).filter(({ y }) => rows.has(y));
    routes[id] = straightened([below(start), ...passed.flatMap(through), above(end)]);
  }
  const { width = 0, height = 0 } = graph.graph() as { width?: number; height?: number };
  return { nodes: places, links: routes, width: Math.round(width), height: Math.round(height) };
}

function below({ x, y }: Point): Point {
  return { x: x + NODE_WIDTH / 2, y: y + NODE_HEIGHT };
}

function above({ x, y }: Point): Point {
  return { x: x + NODE_WIDTH / 2, y };
}

function through({ x, y }: Point): Point[] {
  const column = Math.round(x);
  return [-1, 1].map((side) => ({ x: column, y: Math.round(y + (side * NODE_HEIGHT) / 2) }));
}

/** Points in the middle of a vertical line say no more than its ends. */
function straightened(points: readonly Point[]): Point[] {
  return points.filter(({ x }, at) => points[at - 1]?.x !== x || points[at + 1]?.x !== x);
}

/**
 * A layout in rows that takes no time: for a graph that dagre takes too long for, which has hundreds of steps side by side. Links may cross
 * steps.
 */
export function layOutRoughly({ nodes, links, above: pairs }: LayoutTask): Layout {
  const parents = new Map<string, string[]>(nodes.map(({ id }) => [id, []]));
  for (const { from, to } of [...links, ...pairs]) parents.get(to)?.push(from);
  const rows: string[][] = [];
  for (const [id, row] of rowsOf(parents)) {
    rows[row] ??= [];
    rows[row].push(id);
  }
  const wide = new Map(nodes.map(({ id, hasUndo }) => [id, hasUndo ? 2 : 1]));
  const places: Record<string, Point> = {};
  let left = 0;
  let right = 0;
  for (const [row, ids] of rows.entries()) {
    const middle = (id: string) => {
      const xs = (parents.get(id) ?? []).map((parent) => places[parent]?.x ?? 0);
      return xs.length === 0 ? 0 : xs.reduce((sum, x) => sum + x, 0) / xs.length;
    };
    const inOrder = ids
      .map((id) => ({ id, at: middle(id) }))
      .sort((one, other) => one.at - other.at);
    const columns = ids.reduce((sum, id) => sum + (wide.get(id) ?? 1), 0);
    let x = -(columns * (NODE_WIDTH + NODE_GAP)) / 2;
    left = Math.min(left, x);
    for (const { id } of inOrder) {
      places[id] = { x: Math.round(x), y: row * (NODE_HEIGHT + RANK_GAP) };
      x += (wide.get(id) ?? 1) * (NODE_WIDTH + NODE_GAP);
    }
    right = Math.max(right, x);
  }
  for (const [id, { x, y }] of Object.entries(places)) places[id] = { x: Math.round(x - left), y };
  const routes: Record<string, Point[]> = {};
  for (const { id, from, to } of links) {
    const [start, end] = [places[from], places[to]];
    if (start !== undefined && end !== undefined) routes[id] = [below(start), above(end)];
  }
  const height = rows.length * (NODE_HEIGHT + RANK_GAP) - RANK_GAP;
  return { nodes: places, links: routes, width: Math.round(right - left), height };
}

/** Each step in the row below its lowest parent. Two versions together may have a circle: a link that closes one is left out. */
function rowsOf(parents: ReadonlyMap<string, readonly string[]>): Map<string, number> {
  const rows = new Map<string, number>();
  const entered = new Set<string>();
  const stack = [...parents.keys()].reverse();
  for (let id = stack.at(-1); id !== undefined; id = stack.at(-1)) {
    const isOpen = (each: string) => !rows.has(each) && !entered.has(each);
    const open = rows.has(id) ? [] : (parents.get(id) ?? []).filter(isOpen);
    entered.add(id);
    if (open.length > 0) {
      stack.push(...open);
      continue;
    }
    stack.pop();
    if (rows.has(id)) continue;
    const above = (parents.get(id) ?? []).flatMap((each) => rows.get(each) ?? []);
    rows.set(id, above.length === 0 ? 0 : Math.max(...above) + 1);
  }
  return rows;
}

/** A route as a path of SVG: smooth, and upright where it leaves and arrives. */
export function pathOf(points: readonly Point[]): string {
  const [first, ...rest] = points;
  const last = rest.at(-1);
  if (first === undefined || last === undefined) return "";
  let path = `M${first.x},${first.y}`;
  let from = first;
  for (const to of rest) {
    const middle = (from.y + to.y) / 2;
    path += ` C${from.x},${middle} ${to.x},${middle} ${to.x},${to.y}`;
    from = to;
  }
  return path;
}

/** Where the label of a route stands. */
export function middleOf(points: readonly Point[]): Point {
  const at = Math.max(1, Math.floor(points.length / 2));
  const [from, to] = [points[at - 1], points[at]];
  if (from === undefined || to === undefined) return points[0] ?? { x: 0, y: 0 };
  return { x: (from.x + to.x) / 2, y: (from.y + to.y) / 2 };
}
