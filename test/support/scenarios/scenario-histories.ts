/**
 * Histories of real runs: every scenario of testdata/scenarios is played through the runtime on Postgres, and what was
 * recorded is read back.
 */
import { readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import type { KeptHistory } from "../histories/kept-histories.ts";
import { readHistories } from "../histories/stored-history.ts";
import { openTheatre } from "./scenario-database.ts";
import { parseScenario } from "./scenario-file.ts";
import { playScript } from "./scenario-play.ts";

const SCENARIOS_FOLDER = fileURLToPath(new URL("../../../testdata/scenarios/", import.meta.url));

/** Plays every scenario on a database of its own; gives the histories of all their runs. */
export async function playHistories(): Promise<KeptHistory[]> {
  const theatre = await openTheatre();
  try {
    const histories = new Map<string, KeptHistory>();
    for (const file of readdirSync(SCENARIOS_FOLDER).sort()) {
      const { spec, others, items } = parseScenario(
        readFileSync(`${SCENARIOS_FOLDER}${file}`, "utf8"),
      );
      await playScript(await theatre.stage(file, spec, others), items);
      const scenario = file.replace(/\.scenario$/, "");
      for (const history of await readHistories(theatre.database)) {
        if (!histories.has(history.runId)) {
          histories.set(history.runId, { scenario, ...history });
        }
      }
    }
    return [...histories.values()];
  } finally {
    await theatre.close();
  }
}
