/**
 * Layouts of versions: from memory, from the storage of the browser, or made by a worker.
 * Boundary: a version never changes, so its layout is made once. What is stored has places alone.
 */
import { type Layout, type LayoutTask, NODE_HEIGHT, NODE_WIDTH } from "./layout.ts";

const STORED = "workflows.layout.";
/** A layout of other sizes is no use; a change of how layouts are made takes another number. */
const FORM = `1:${NODE_WIDTH}x${NODE_HEIGHT}`;
const MOST_STORED_CHARS = 500_000;
const MOST_STORED = 20;
const known = new Map<string, Promise<Layout>>();
const waiting = new Map<number, { give(layout: Layout): void; fail(error: Error): void }>();
let worker: Worker | undefined;
let asked = 0;

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
  const layout = await new Promise<Layout>((give, fail) => {
    asked += 1;
    waiting.set(asked, { give, fail });
    ready().postMessage({ id: asked, task });
  });
  store(key, layout);
  return layout;
}

function ready(): Worker {
  if (worker !== undefined) return worker;
  worker = new Worker(new URL("./layout-worker.ts", import.meta.url), { type: "module" });
  worker.addEventListener("message", ({ data }) => {
    const { id, layout, problem } = data;
    const asker = waiting.get(id);
    waiting.delete(id);
    if (layout !== undefined) asker?.give(layout);
    else asker?.fail(new Error(`The graph cannot be laid out: ${problem}`));
  });
  worker.addEventListener("error", () => {
    for (const { fail } of waiting.values()) fail(new Error("The graph cannot be laid out."));
    waiting.clear();
    worker = undefined;
  });
  return worker;
}

function stored(key: string): Promise<Layout> | undefined {
  try {
    const text = localStorage.getItem(STORED + key);
    if (text === null) return undefined;
    const { form, layout } = JSON.parse(text);
    return form === FORM ? Promise.resolve(layout) : undefined;
  } catch {
    // Storage may be off, or hold what something else wrote.
    return undefined;
  }
}

function store(key: string, layout: Layout): void {
  const text = JSON.stringify({ form: FORM, layout });
  if (text.length > MOST_STORED_CHARS) return;
  try {
    const others = Object.keys(localStorage).filter((name) => name.startsWith(STORED));
    for (const name of others.slice(0, Math.max(0, others.length - MOST_STORED + 1))) {
      localStorage.removeItem(name);
    }
    localStorage.setItem(STORED + key, text);
  } catch {
    // Without room or storage it is made again the next time.
  }
}
