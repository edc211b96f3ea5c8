/**
 * Every scenario, played through the runtime with a real Postgres: after each commit its events are made of what the
 * publisher keeps and of the table alone, and both are the same bytes.
 */
import { readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, it } from "vitest";
import { openTheatre, type Theatre } from "../../../support/scenarios/scenario-database.ts";
import { parseScenario } from "../../../support/scenarios/scenario-file.ts";
import { playScript } from "../../../support/scenarios/scenario-play.ts";
import { createEventsTwice } from "../../../support/services/events-twice.ts";

const FOLDER = fileURLToPath(new URL("../../../../testdata/scenarios/", import.meta.url));
const names = readdirSync(FOLDER).filter((name) => name.endsWith(".scenario"));
const twice = createEventsTwice();

let theatre: Theatre;
beforeAll(async () => {
  theatre = await openTheatre(twice);
});
afterAll(() => theatre.close());

it.each(names)("%s", async (name) => {
  const { spec, others, items } = parseScenario(readFileSync(`${FOLDER}${name}`, "utf8"));
  twice.made.length = 0;
  await playScript(await theatre.stage(name, spec, others), items);
  await twice.settled();
  expect(twice.made.length).toBeGreaterThan(0);
  for (const { kept, fromMemory, fromTable, asked } of twice.made) {
    expect(fromMemory).toEqual(fromTable);
    const isWhole = kept.every((each) => each);
    if (isWhole) expect(asked).not.toContain("list_moves_of_batches");
    if (isWhole) expect(asked).not.toContain("list_runs_of_moves");
  }
});
