/** `npm run dev` with words that make no sense: it ends, and starts nothing. */
import { spawnSync } from "node:child_process";
import { expect, test } from "vitest";
import { projectRoot } from "../../../tools/run-command.ts";

test("a folder that is not there is named before anything is started", () => {
  const words = ["--import", "tsx", "tools/dev.ts", "--files=/no/such/folder"];
  const { status, stdout, stderr } = spawnSync(process.execPath, words, {
    ...{ cwd: projectRoot, encoding: "utf8", timeout: 15_000 },
  });
  expect([stdout, stderr.trim()]).toEqual(["", "FAILED: there is no folder /no/such/folder"]);
  expect(status).toBe(1);
});
