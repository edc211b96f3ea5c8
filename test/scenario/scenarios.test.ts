/**
 * Every script of testdata/scenarios, played through the pure engine and through the runtime with a real Postgres:
 * both must write the transcript that stands in the file. With SCENARIO_REWRITE=1 the pure engine's transcripts are
 * written into the files, to be read by a person before they are kept.
 */
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { expectApplied } from "../support/histories/applied-histories.ts";
import { readHistories } from "../support/histories/stored-history.ts";
import { openTheatre, type Theatre } from "../support/scenarios/scenario-database.ts";
import { engineStage } from "../support/scenarios/scenario-engine.ts";
import { formatScenario, parseScenario } from "../support/scenarios/scenario-file.ts";
import { playScript } from "../support/scenarios/scenario-play.ts";

const FOLDER = fileURLToPath(new URL("../../testdata/scenarios/", import.meta.url));
const names = readdirSync(FOLDER).filter((name) => name.endsWith(".scenario"));
const read = (name: string) => readFileSync(`${FOLDER}${name}`, "utf8");
const rewriting = process.env.SCENARIO_REWRITE === "1";

describe("through the pure engine", () => {
  it.each(names)("%s", async (name) => {
    const { head, spec, others, items } = parseScenario(read(name));
    const text = formatScenario(head, await playScript(engineStage(spec, others), items));
    if (rewriting) writeFileSync(`${FOLDER}${name}`, text);
    expect(text).toBe(read(name));
  });
});

describe("through the runtime and Postgres", () => {
  let theatre: Theatre;
  beforeAll(async () => {
    theatre = await openTheatre();
  });
  afterAll(() => theatre.close());

  it.each(names)("%s", async (name) => {
    const { head, spec, others, items } = parseScenario(read(name));
    const stage = await theatre.stage(name, spec, others);
    expect(formatScenario(head, await playScript(stage, items))).toBe(read(name));
  });

  it("the recorded histories of all these runs give their stored states", async () => {
    expectApplied(await readHistories(theatre.database));
  });
});
