/** The commands of the demo's story. */
import { beforeEach, expect, test, vi } from "vitest";
import { openCommandLine } from "../../../tools/demo/command-line.ts";
import type { Screen } from "../../../tools/demo/screen.ts";

let printed: string[];
let screen: Screen;
beforeEach(() => {
  printed = [];
  const print = (...lines: string[]) => void printed.push(...lines);
  screen = {
    ...{ paint: (_, text) => text, isTerminal: false },
    ...{ print, printCommand: print, printRemark: print, hold: vi.fn(), release: vi.fn() },
  };
});

test("an interrupt between two commands begins no other one", async () => {
  const stop = new AbortController();
  const serviceUrl = "http://127.0.0.1:1";
  const commands = openCommandLine({ serviceUrl, screen, signal: stop.signal });
  stop.abort(new Error("interrupted"));
  await expect(commands.workflows("runs")).rejects.toThrow("interrupted");
  await expect(commands.script("tools/send-contact.ts")).rejects.toThrow("interrupted");
  expect(printed).toEqual([]);
});
