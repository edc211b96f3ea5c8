/** The worker that lays versions out, one after the other. Boundary: takes a LayoutTask with an id, and answers with its layout. */
import { layOut, type LayoutTask } from "./layout.ts";

addEventListener("message", ({ data }: MessageEvent<{ id: number; task: LayoutTask }>) => {
  const { id, task } = data;
  try {
    postMessage({ id, layout: layOut(task) });
  } catch (error) {
    postMessage({ id, problem: error instanceof Error ? error.message : String(error) });
  }
});
