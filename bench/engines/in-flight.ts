/** Work that is done many times, so many at a time. */

/** Does `work` so often, at most `atATime` at once. Rejects with the first error. */
export async function inFlight(
  times: number,
  atATime: number,
  work: (at: number) => Promise<unknown>,
): Promise<void> {
  let next = 0;
  const worker = async () => {
    while (next < times) {
      const at = next;
      next += 1;
      await work(at);
    }
  };
  await Promise.all(Array.from({ length: Math.min(atATime, times) }, worker));
}
