/** The version that the service tells is that of the package. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { VERSION } from "../../../src/process/version.ts";
import { projectRoot } from "../../../tools/run-command.ts";

test("it is that of package.json", () => {
  const { version } = JSON.parse(readFileSync(join(projectRoot, "package.json"), "utf8"));
  expect(VERSION).toBe(version);
});
