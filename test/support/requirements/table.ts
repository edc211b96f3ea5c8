/** The whole table, in the order of its page. */
import { FACT_ROWS } from "./console-fact-rows.ts";
import { LIFE_ROWS } from "./console-life-rows.ts";
import { STARTER_ROWS } from "./console-starter-rows.ts";
import { STEP_ROWS } from "./console-step-rows.ts";
import { VERSION_ROWS } from "./console-version-rows.ts";
import { ENTITY_ROWS } from "./entity-rows.ts";
import { PEOPLE_ROWS } from "./people-rows.ts";
import type { Requirements } from "./requirement.ts";
import { SDK_ROWS } from "./sdk-rows.ts";

/** See the file's head. */
export const REQUIREMENTS: readonly Requirements[] = [
  {
    title: "An operations console for workflows",
    rows: [...VERSION_ROWS, ...LIFE_ROWS, ...STARTER_ROWS, ...STEP_ROWS, ...FACT_ROWS],
  },
  { title: "Workflows of people and agents", rows: PEOPLE_ROWS },
  { title: "A workflow as an entity with verbs", rows: [...ENTITY_ROWS, ...SDK_ROWS] },
];
