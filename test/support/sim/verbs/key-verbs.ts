/** Verbs of callers' keys, and of the reads that answers of their calls are made of, with random values. */
import {
  answerKeys,
  claimKeys,
  findKey,
  giveBackKey,
  type KeyClaim,
  markKeys,
  renewKeys,
  takeOverKey,
} from "../../../../src/store/caller-keys.ts";
import { findDefinitionHead } from "../../../../src/store/reads/definition-heads.ts";
import { findManyRunRows } from "../../../../src/store/reads/many-runs.ts";
import { findRunHead } from "../../../../src/store/reads/run-heads.ts";
import { EVERY_WORKSPACE } from "../../../../src/store/reads/visibility.ts";
import { type RandomRows, RUNS, WORKSPACES } from "./random-rows.ts";
import type { Verb } from "./verb.ts";

const KEYS = ["k-1", "k-2", "k-3"];
const METHODS = ["StartRun", "PauseRun"];
const HOLDERS = ["h-1", "h-2", "h-3"];

/** Claims keys, takes them over, keeps answers and gives keys back. */
export function keying(rows: RandomRows): Verb {
  const claim = claimOf(rows);
  const claims = KEYS.flatMap((key, n) => {
    const holder = HOLDERS[n] ?? "";
    return rows.random.chance(60) ? [{ ...claimOf(rows), key, holder, bodyHash: body(rows) }] : [];
  });
  const bodyHash = body(rows);
  const answer = rows.maybe(() => Buffer.from([1, rows.random.below(9)]), 80);
  const appliedTo = rows.pick(RUNS);
  return rows.pick<Verb>([
    { name: "claim keys", run: ({ database }) => claimKeys(database.write, claims) },
    { name: "claim keys", run: ({ database }) => claimKeys(database.write, claims) },
    {
      name: `take over ${claim.key}`,
      run: ({ database }) => takeOverKey(database.write, claim, bodyHash),
    },
    { name: "renew keys", run: ({ database }) => renewKeys(database.write, claims) },
    { name: `find ${claim.key}`, run: ({ database }) => findKey(database.write, claim) },
    {
      ...{ name: `answer ${claim.key}`, mayWait: true },
      run: ({ database }) => answerKeys(database.write, [{ ...claim, appliedTo, answer }]),
    },
    { name: `give back ${claim.key}`, run: ({ database }) => giveBackKey(database.write, claim) },
    marking(rows),
  ]);
}

/** Marks keys as a batch does. */
export function marking(rows: RandomRows): Verb {
  const keys = KEYS.map((key) => ({ ...claimOf(rows), key, appliedTo: rows.pick(RUNS) }));
  return {
    ...{ name: "mark keys", mayWait: true },
    run: ({ database }) => database.transaction((tx) => markKeys(tx, keys)),
  };
}

/** Reads what answers are made of. */
export function answering(rows: RandomRows): Verb {
  const [ids, runId] = [rows.some(RUNS), rows.pick(RUNS)];
  const definitionId = rows.pick(["wf-line", "wf-none"]);
  return {
    name: `read the answer of ${ids}`,
    run: async ({ database: { callers } }) => [
      await findManyRunRows(callers, EVERY_WORKSPACE, ids),
      await findRunHead(callers, EVERY_WORKSPACE, runId),
      await findDefinitionHead(callers, EVERY_WORKSPACE, definitionId),
    ],
  };
}

function claimOf(rows: RandomRows): KeyClaim {
  return {
    ...{ workspaceId: rows.pick(WORKSPACES), method: rows.pick(METHODS) },
    ...{ key: rows.pick(KEYS), holder: rows.pick(HOLDERS) },
  };
}

function body(rows: RandomRows): Buffer {
  return Buffer.from([rows.random.below(2)]);
}
