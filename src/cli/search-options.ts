/** The options of `workflows runs` that ask for a search. Boundary: a part of the table of commands.ts, without code. */
import type { OptionRow } from "./command-row.ts";

/** The options that only a search has. */
export const SEARCH_OPTIONS: readonly OptionRow[] = [
  ["--version <number>", "runs of a version; with --workflow"],
  ["--entity-type <type>", "runs about entities of a type, as deal"],
  ["--agent <id>", "runs that an agent initiated"],
  ["--user <id>", "runs that a person initiated"],
  ["--parent <run>", "runs that a run started"],
  ["--error <text>", "runs with a step whose error has this text"],
  [
    "--since <time>",
    "runs that began since then: a duration ago, as 24h, or a time, as 2026-11-29T08:00Z",
  ],
  ["--before <time>", "runs that began before then"],
  ["--ended-since <time>", "runs that ended since then"],
  ["--ended-before <time>", "runs that ended before then"],
  ["--cost-from <usd>", "runs that have cost so much, or more"],
  ["--cost-below <usd>", "runs that have cost less"],
  [
    "--outcome <how>",
    "succeeded, failed, timed-out, cancelled, compensated or compensation-failed; several with commas",
  ],
  [
    "--waiting-for <what>",
    "approval, task, event, timer, retry, child, agent, worker, governance, held or paused; several with commas",
  ],
  ["--environment <name>", "runs that were started in an environment"],
  ["--retrying", "open runs with an attempt that failed"],
  ["--open-for <duration>", "open runs that began longer ago"],
  [
    "--counts",
    "how many runs match, by state, workflow, version, type of entity, agent and what they wait for",
  ],
];
