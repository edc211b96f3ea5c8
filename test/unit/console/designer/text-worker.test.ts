/** The worker of texts as a page meets it: one that answers nothing is given up, and the next question starts another one. */
import { afterEach, beforeEach, expect, it, vi } from "vitest";

/** It needs the names of a browser, which the types of these tests do not have. */
const MODULE = "../../../../console/src/parts/workflows/designer/text-worker.ts";

/** Workers of a browser that answer when they are told to. */
class SlowWorker extends EventTarget {
  static readonly all: SlowWorker[] = [];
  readonly asked: { readonly id: number }[] = [];
  isEnded = false;

  constructor() {
    super();
    SlowWorker.all.push(this);
  }

  postMessage(question: { readonly id: number }): void {
    this.asked.push(question);
  }

  answer(answer: unknown): void {
    const { id } = this.asked.shift() ?? { id: 0 };
    this.dispatchEvent(new MessageEvent("message", { data: { id, answer } }));
  }

  terminate(): void {
    this.isEnded = true;
  }
}

beforeEach(() => {
  vi.useFakeTimers();
  vi.stubGlobal("Worker", SlowWorker);
});
afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

it("fails what a worker does not answer in time, ends it, and asks another one then", async () => {
  const { drawnOf, editedText } = await import(new URL(MODULE, import.meta.url).href);
  const first = drawnOf("a");
  const second = editedText("a", { do: "copy", ids: ["a"] });
  const [worker] = SlowWorker.all;
  await vi.advanceTimersByTimeAsync(15_000);
  worker?.answer("drawn");
  expect(await first).toBe("drawn");
  const failed = expect(second).rejects.toThrow("takes too long with this text");
  await vi.advanceTimersByTimeAsync(19_000);
  expect(worker?.isEnded).toBe(false);
  await vi.advanceTimersByTimeAsync(1_000);
  await failed;
  expect(worker?.isEnded).toBe(true);

  const third = drawnOf("b");
  SlowWorker.all[1]?.answer("drawn again");
  expect(await third).toBe("drawn again");
  await vi.advanceTimersByTimeAsync(60_000);
  expect(SlowWorker.all.map(({ isEnded }) => isEnded)).toEqual([true, false]);
});
