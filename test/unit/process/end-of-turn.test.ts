/** Work at the end of a turn: after all promises that the turn settles, before the next callback, in order. */
import { expect, it } from "vitest";
import { atEndOfTurn } from "../../../src/process/end-of-turn.ts";

/** What comes first behind so many awaits, in one turn that ends when the promise resolves. */
function played(): Promise<string[]> {
  return new Promise((resolve) => {
    const order: string[] = [];
    setImmediate(() => {
      setImmediate(() => resolve([...order, "next callback"]));
      void (async () => {
        atEndOfTurn(() => order.push("first work"));
        for (let n = 0; n < 20; n += 1) await undefined;
        order.push("last promise");
        atEndOfTurn(() => order.push("second work"));
      })();
    });
  });
}

it("is done together, behind the last promise", async () => {
  expect(await played()).toEqual(["last promise", "first work", "second work", "next callback"]);
});

it("is done in the next turn where it asks for more", async () => {
  const order: string[] = [];
  await new Promise<void>((resolve) => {
    atEndOfTurn(() => {
      atEndOfTurn(() => {
        order.push("more");
        resolve();
      });
      order.push("work");
    });
  });
  expect(order).toEqual(["work", "more"]);
});
