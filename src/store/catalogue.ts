/**
 * The keys that definitions listen to, and the edition of the catalogue, which tells whether they have changed.
 *
 * Boundary: rows only. The edition is changed by triggers of the database (migration 0004), so a program of an earlier release
 * changes it too.
 * Invariants:
 * K1 Keys and edition come by one statement: they are of one snapshot, and a snapshot shows a change of keys and its edition
 *    or neither.
 * K2 An edition is random: after a restore, or a failover that lost commits, no number comes again with other keys.
 */
import type { Queries, Statement } from "./database.ts";

/** A key that a trigger or a wait pattern of the catalogue has, with dots; `workspaceId` is whose it is. */
export interface ListenedKey {
  readonly what: "trigger" | "wait";
  readonly workspaceId: string;
  readonly key: string;
}

/** All keys of an edition; undefined when there are more of a kind than asked for. */
interface CatalogueKeys {
  readonly edition: string | undefined;
  readonly keys: readonly ListenedKey[] | undefined;
}

type Row = { readonly what: "edition"; readonly key: string } | ListenedKey;

const FIND_EDITION: Statement = {
  name: "find_catalogue_edition",
  text: "select edition::text as edition from catalogue_edition where id = 1",
};

// In the order of an index, so that a look at a large catalogue may end early.
const keysOf = (what: string, table: string, column: string) => `
    (select distinct '${what}', workspace_id, translate(${column}, '/', '.') from ${table}
      where ${column} is not null
      order by workspace_id, translate(${column}, '/', '.') limit $1)`;

const LIST_KEYS: Statement = {
  name: "list_catalogue_keys",
  text: `select 'edition' as what, '' as "workspaceId", edition::text as key from catalogue_edition where id = 1
    union all ${keysOf("trigger", "workflow_definitions", "trigger_key")}
    union all ${keysOf("wait", "wait_patterns", "wait_key")}`,
};

/** The edition as it is now; undefined when the row is missing. */
export async function findEdition(queries: Queries): Promise<string | undefined> {
  const [row] = await queries.query<{ edition: string }>(FIND_EDITION, []);
  return row?.edition;
}

/** Keys of the triggers of definitions, whether they listen by now or not, and of the wait patterns of all versions. */
export async function listListenedKeys(
  queries: Queries,
  keysAtMost: number,
): Promise<CatalogueKeys> {
  const rows = await queries.query<Row>(LIST_KEYS, [keysAtMost + 1]);
  let edition: string | undefined;
  const keys: ListenedKey[] = [];
  const counts = { trigger: 0, wait: 0 };
  for (const row of rows) {
    if (row.what === "edition") {
      edition = row.key;
      continue;
    }
    counts[row.what] += 1;
    keys.push(row);
  }
  const isWhole = counts.trigger <= keysAtMost && counts.wait <= keysAtMost;
  return { edition, keys: isWhole ? keys : undefined };
}
