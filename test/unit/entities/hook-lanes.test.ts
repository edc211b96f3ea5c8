import { expect, test } from "vitest";
import { createHandover } from "../../../src/entities/handover.ts";
import { createHookLanes } from "../../../src/entities/hook-lanes.ts";
import { until } from "../../support/assertions/until.ts";

function lanes() {
  const closing = new AbortController();
  const errors: unknown[] = [];
  const onError = (error: unknown) => void errors.push(error);
  return { errors, closing, ...createHookLanes<string>({ onError, signal: closing.signal }) };
}

test("a hook that fails is tried again while others go on, and its own calls keep their order", async () => {
  const { call, ended, errors } = lanes();
  const done: string[] = [];
  let isBroken = true;
  const first = await call("a", async () => {
    if (isBroken) throw new Error("broken");
    done.push("a1");
  });
  const second = await call("a", async () => void done.push("a2"));
  expect(await call("b", async () => void done.push("b1"))).toBeUndefined();
  expect(done).toEqual(["b1"]);
  isBroken = false;
  await Promise.all([first?.done, second?.done]);
  expect(done).toEqual(["b1", "a1", "a2"]);
  expect(errors).toContainEqual(new Error("broken"));
  expect(await call("a", async () => void done.push("a3"))).toBeUndefined();
  await ended();
});

test("calls of one hook by two streams that fail at once are tried again one after the other", async () => {
  const { call, ended } = lanes();
  const done: string[] = [];
  const failing = (name: string, times: number) => {
    let left = times;
    return async () => {
      await Promise.resolve();
      left -= 1;
      if (left >= 0) throw new Error("broken");
      done.push(name);
    };
  };
  const both = await Promise.all([call("a", failing("a1", 2)), call("a", failing("a2", 1))]);
  const third = await call("a", failing("a3", 0));
  await Promise.all([...both, third].map((each) => each?.done));
  expect(done).toEqual(["a1", "a2", "a3"]);
  await ended();
});

test("closing ends what is tried again, and nothing more is called", async () => {
  const { call, ended, closing } = lanes();
  let calls = 0;
  const fail = async () => {
    calls += 1;
    throw new Error("broken");
  };
  const trying = await call("a", fail);
  closing.abort(new Error("closed"));
  await expect(trying?.done).rejects.toThrow("closed");
  await expect(call("b", fail)).rejects.toThrow("closed");
  await ended();
  expect(calls).toBe(1);
});

test("a hook that fails for long holds the stream back in the end, so that what waits is bounded", async () => {
  const { call, closing } = lanes();
  await call("a", async () => {
    throw new Error("broken");
  });
  for (let more = 0; more < 999; more += 1) await call("a", async () => {});
  const held = call("a", async () => {});
  closing.abort(new Error("closed"));
  await expect(held).rejects.toThrow("closed");
});

function handover(save: (cursor: string) => void = () => {}) {
  const saved: string[] = [];
  const errors: unknown[] = [];
  const store = {
    load: () => saved.at(-1),
    save(cursor: string) {
      save(cursor);
      saved.push(cursor);
    },
  };
  return { saved, errors, ...createHandover(store, (error) => void errors.push(error)) };
}

test("no cursor is saved before all changes up to it are handled", async () => {
  const { saved, take, save, load } = handover();
  let resolve = () => {};
  const done = new Promise<void>((settle) => {
    resolve = settle;
  });
  await save("1");
  take([{ done }]);
  await save("2");
  await save("3");
  take([{ done: Promise.resolve() }]);
  await save("4");
  expect([saved, await load()]).toEqual([["1"], "4"]);
  resolve();
  await until(() => (saved.length === 3 ? true : undefined));
  // What was handled at once has no cursor of its own.
  expect(saved).toEqual(["1", "3", "4"]);
  await save("5");
  expect(saved.at(-1)).toBe("5");
});

test("a cursor that comes right after the last one was saved is saved too", async () => {
  const saved: string[] = [];
  let stored = () => {};
  const first = new Promise<void>((resolve) => {
    stored = resolve;
  });
  const store = {
    load: () => saved.at(-1),
    save(cursor: string) {
      saved.push(cursor);
      return cursor === "1" ? first : undefined;
    },
  };
  const { take, save } = createHandover(store, () => {});
  take([{ done: Promise.resolve() }]);
  await save("1");
  await until(() => saved[0]);
  // After what waits for the store, and before what waits for that.
  const next = first.then(() => {
    take([{ done: Promise.resolve() }]);
    return save("2");
  });
  stored();
  await next;
  await until(() => saved[1]);
  expect(saved).toEqual(["1", "2"]);
});

test("after a closing nothing is saved that was not handled", async () => {
  const { saved, take, save, ended } = handover();
  const done = Promise.reject(new Error("closed"));
  done.catch(() => {});
  take([{ done }]);
  await save("1");
  await save("2");
  await ended();
  expect(saved).toEqual([]);
});

test("a store that fails is told, and a later cursor is saved", async () => {
  const { saved, errors, take, save, ended } = handover((cursor) => {
    if (cursor === "1") throw new Error("full");
  });
  await expect(save("1")).rejects.toThrow("full");
  take([{ done: Promise.resolve() }]);
  await save("1");
  take([{ done: Promise.resolve() }]);
  await save("2");
  await ended();
  expect([saved, errors]).toEqual([["2"], [new Error("full")]]);
});
