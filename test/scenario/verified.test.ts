/**
 * The invariant checker over the runs of every scenario: what the service did right, the checker does not call wrong.
 * Boundary: plays the scripts in the runtime; nothing is published and no call is made, so stream and ledgers are left
 * out, and leases, which follow the scripts' clock.
 */
import { readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, it } from "vitest";
import { verifyAll } from "../../tools/verify/verify-all.ts";
import { openTheatre, type Theatre } from "../support/scenarios/scenario-database.ts";
import { parseScenario } from "../support/scenarios/scenario-file.ts";
import { playScript } from "../support/scenarios/scenario-play.ts";

const FOLDER = fileURLToPath(new URL("../../testdata/scenarios/", import.meta.url));
const PLAYED_FOR_MS = 120_000;

let theatre: Theatre;

beforeAll(async () => {
  theatre = await openTheatre();
  for (const file of readdirSync(FOLDER).filter((name) => name.endsWith(".scenario"))) {
    const { spec, others, items } = parseScenario(readFileSync(`${FOLDER}${file}`, "utf8"));
    await playScript(await theatre.stage(file, spec, others), items);
  }
}, PLAYED_FOR_MS);
afterAll(() => theatre?.close());

it("every run of every scenario keeps the invariants", async () => {
  const all = await verifyAll({
    databaseUrl: theatre.databaseUrl,
    quiescent: false,
    maySkip: ["I1", "I2", "I4", "I7", "I12"],
  });
  const reports = all.filter(({ invariant }) => invariant !== "I10");
  expect(
    reports.flatMap(({ invariant, violations }) =>
      violations.map((each) => `${invariant} ${each}`),
    ),
  ).toEqual([]);
  const checked = reports.filter(({ verdict }) => verdict === "checked");
  expect(checked.map(({ invariant }) => invariant)).toEqual(["I3", "I5", "I6", "I8", "I9", "I11"]);
});
