/** Layouts that are stored: how much, and none that the browser does not keep. Boundary: worker and storage are stand-ins of a browser. */
import { afterEach, beforeEach, expect, it, vi } from "vitest";

const PREFIX = "workflows.layout.";

/** Keeps so many characters. */
class FullStorage {
  readonly #mostChars: number;

  constructor(mostChars: number) {
    Object.defineProperty(this, "getItem", { value: (key: string) => this.#texts()[key] ?? null });
    Object.defineProperty(this, "removeItem", {
      value: (key: string) => Reflect.deleteProperty(this, key),
    });
    Object.defineProperty(this, "setItem", {
      value: (key: string, text: string) => this.#set(key, text),
    });
    this.#mostChars = mostChars;
  }

  #texts(): Record<string, string> {
    return Object.fromEntries(Object.entries(this));
  }

  #set(key: string, text: string): void {
    const others = Object.entries(this).filter(([name]) => name !== key);
    const chars = others.reduce((sum, [, other]) => sum + other.length, text.length);
    if (chars > this.#mostChars) throw new DOMException("it is full", "QuotaExceededError");
    Object.defineProperty(this, key, {
      ...{ value: text, enumerable: true, configurable: true, writable: true },
    });
  }
}

/** Lays each graph out as a text of its first node. */
class Layouter extends EventTarget {
  postMessage({ id, task }: { id: number; task: { nodes: { id: string }[] } }): void {
    const layout = { nodes: {}, links: {}, text: task.nodes[0]?.id };
    queueMicrotask(() =>
      this.dispatchEvent(Object.assign(new Event("message"), { data: { id, layout } })),
    );
  }
}

beforeEach(() => {
  vi.resetModules();
  vi.stubGlobal("Worker", Layouter);
});
afterEach(() => void vi.unstubAllGlobals());

async function layOutGraphs(storage: FullStorage, count: number, chars: number) {
  vi.stubGlobal("localStorage", storage);
  const { layoutOf } = await import("../../console/src/parts/graph/layouts.ts");
  const { kept } = await import("../../console/src/api/storage.ts");
  for (let at = 0; at < count; at += 1) {
    const nodes = [{ id: "x".repeat(chars), hasUndo: false }];
    await layoutOf(`v${at}`, { nodes, links: [], above: [] });
  }
  return (at: number) => kept("origin", `${PREFIX}v${at}`);
}

it("stores no more than two million characters, the newest among them", async () => {
  const storage = new FullStorage(5_000_000);
  const textOf = await layOutGraphs(storage, 12, 400_000);
  const texts = Object.values(storage).map(String);
  const chars = texts.reduce((sum, text) => sum + text.length, 0);
  expect(chars).toBeGreaterThan(1_000_000);
  expect(chars).toBeLessThanOrEqual(2_000_000);
  expect(textOf(11)).toBeDefined();
});

it("stores twenty at most", async () => {
  const storage = new FullStorage(5_000_000);
  await layOutGraphs(storage, 25, 10);
  expect(Object.keys(storage)).toHaveLength(20);
});

it("keeps no layout besides in memory when the browser does not", async () => {
  const textOf = await layOutGraphs(new FullStorage(1_000), 1, 2_000);
  expect(textOf(0)).toBeUndefined();
});
