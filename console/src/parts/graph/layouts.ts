/**
 * Layouts of versions: from memory, from the storage of the browser, or made by a worker.
 * Boundary: a version never changes, so its layout is made once. What is stored has places alone.
 */
import { keep, kept, keysKept } from "../../api/storage.ts";
import { type Layout, type LayoutTask, NODE_HEIGHT, NODE_WIDTH } from "./layout.ts";
import type { Asked } from "./layout-worker.ts";

const STORED = "workflows.layout.";
/** A layout of other sizes is no use; a change of how layouts are made takes another number. */
const FORM = `2:${NODE_WIDTH}x${NODE_HEIGHT}`;
const MOST_STORED_CHARS = 500_000;
const MOST_STORED = 20;
/** Of all together: browsers keep about 5 million for an origin. */
const MOST_CHARS_IN_ALL = 2_000_000;
/** After so long a graph is laid out roughly. */
const WITHIN_MS = 10_000;

interface Waiting {
  readonly asked: Asked;
  readonly timer: ReturnType<typeof setTimeout>;
  give(layout: Layout): void;
  fail(error: Error): void;
}

const known = new Map<string, Promise<Layout>>();
const waiting = new Map<number, Waiting>();
let worker: Worker | undefined;
let lastId = 0;

/** The layout of what `key` names: a version of a definition, or what is drawn of it. */
export function layoutOf(key: string, task: LayoutTask): Promise<Layout> {
  const found = known.get(key);
  if (found !== undefined) return found;
  const made = stored(key) ?? make(key, task);
  known.set(key, made);
  made.catch(() => known.delete(key));
  return made;
}

async function make(key: string, task: LayoutTask): Promise<Layout> {
  const layout = await laidOut(task);
  store(key, layout);
  return layout;
}

/** The layout of what is not kept: the next key may change it. */
export function laidOut(task: LayoutTask): Promise<Layout> {
  return new Promise<Layout>((give, fail) => {
    lastId += 1;
    const asked = { id: lastId, task, isRough: false };
    waiting.set(lastId, { asked, give, fail, timer: setTimeout(hurry, WITHIN_MS) });
    ready().postMessage(asked);
  });
}

/** Gives up the worker, which cannot be interrupted, and asks another one for all that is waited for, in haste. */
function hurry(): void {
  worker?.terminate();
  worker = undefined;
  for (const { asked } of waiting.values()) ready().postMessage({ ...asked, isRough: true });
}

function ready(): Worker {
  if (worker !== undefined) return worker;
  worker = new Worker(new URL("./layout-worker.ts", import.meta.url), { type: "module" });
  worker.addEventListener("message", ({ data }) => {
    const { id, layout, problem } = data;
    const asker = waiting.get(id);
    waiting.delete(id);
    clearTimeout(asker?.timer);
    if (layout !== undefined) asker?.give(layout);
    else asker?.fail(new Error(`The graph cannot be laid out: ${problem}`));
  });
  worker.addEventListener("error", () => {
    for (const { fail, timer } of waiting.values()) {
      clearTimeout(timer);
      fail(new Error("The graph cannot be laid out."));
    }
    waiting.clear();
    worker = undefined;
  });
  return worker;
}

function stored(key: string): Promise<Layout> | undefined {
  const text = kept("origin", STORED + key);
  if (text === undefined) return undefined;
  try {
    const { form, layout } = JSON.parse(text);
    return form === FORM ? Promise.resolve(layout) : undefined;
  } catch {
    // Something else wrote it.
    return undefined;
  }
}

function store(key: string, layout: Layout): void {
  const text = JSON.stringify({ form: FORM, layout });
  if (text.length > MOST_STORED_CHARS) return;
  makeRoom(text.length);
  // It is in memory already: one that does not fit would be there twice.
  if (!keep("origin", STORED + key, text)) keep("origin", STORED + key, "");
}

/** Forgets layouts until one of so many characters may be stored. */
function makeRoom(chars: number): void {
  const others = keysKept("origin", STORED).map((name) => ({
    name,
    chars: kept("origin", name)?.length ?? 0,
  }));
  let inAll = others.reduce((sum, other) => sum + other.chars, chars);
  others.forEach((other, at) => {
    const isRoom = others.length - at < MOST_STORED && inAll <= MOST_CHARS_IN_ALL;
    if (isRoom) return;
    keep("origin", other.name, "");
    inAll -= other.chars;
  });
}
