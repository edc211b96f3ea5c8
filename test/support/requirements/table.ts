/** The whole table, in the order of its page. */
import { CONSOLE_ROWS } from "./console-rows.ts";
import { PEOPLE_ROWS } from "./people-rows.ts";
import type { Requirements } from "./requirement.ts";

/** See the file's head. */
export const REQUIREMENTS: readonly Requirements[] = [
  { title: "An operations console for workflows", rows: CONSOLE_ROWS },
  { title: "Workflows of people and agents", rows: PEOPLE_ROWS },
];
