/**
 * `npm run demo -- --worker`: a worker process dies in the middle of a task, another one takes over, and the run completes.
 * Boundary: a real npm process, known by its lines and its exit code.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { text } from "node:stream/consumers";
import { expect, it } from "vitest";
import { projectRoot } from "../../tools/run-command.ts";

it("npm run demo -- --worker: the run completes though a worker was killed", async () => {
  const npm = spawn("npm", ["run", "demo", "--", "--worker"], {
    cwd: projectRoot,
    stdio: ["ignore", "pipe", "inherit"],
  });
  const [shown, [code]] = await Promise.all([text(npm.stdout), once(npm, "close")]);
  const killed = /worker (research-\d) \(process (\d+)\) begins research-company and is killed/;
  const [, first, pid] = killed.exec(shown) ?? [];
  const second = first === "research-1" ? "research-2" : "research-1";
  expect(shown).toMatch(new RegExp(`worker ${second} \\(.+\\) takes research-company over`));
  expect(shown).toMatch(
    new RegExp(`\\tresearch-company\\tRUNNING\\tCOMPLETED\\t.+ by ${second}\\t`),
  );
  expect(shown).toMatch(/^\$ npx workflows watch wfr_[0-9a-z]+$/m);
  expect(shown).toMatch(/^Dead letters: 0$/m);
  expect(shown).toContain("The run ended as this story must: COMPLETED");
  expect(code).toBe(0);
  expect(() => process.kill(Number(pid), 0)).toThrow("ESRCH");
});
