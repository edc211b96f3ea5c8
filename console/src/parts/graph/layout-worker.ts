/** The worker that lays versions out, one after the other. Boundary: takes a LayoutTask with an id, and answers with its layout. */
import { type LayoutTask, layOut, layOutRoughly } from "./layout.ts";

/** What is asked of it. */
export interface Asked {
  readonly id: number;
  readonly task: LayoutTask;
  readonly isRough: boolean;
}

addEventListener("message", ({ data }: MessageEvent<Asked>) => {
  const { id, task, isRough } = data;
  try {
    postMessage({ id, layout: isRough ? layOutRoughly(task) : layOut(task) });
  } catch (error) {
    postMessage({ id, problem: error instanceof Error ? error.message : String(error) });
  }
});
