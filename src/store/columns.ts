/**
 * Pieces of SQL text made from the schema, so that a column is named in one place.
 * Boundary: text only. Rows that come and go have the property names of the schema (camel case).
 */
import { getTableColumns, getTableName } from "drizzle-orm";
import type { PgTable } from "drizzle-orm/pg-core";

/**
 * The time of the statement, for a column that says when a row is due. Columns of time hold milliseconds and round to the nearest:
 * `now()` itself would be stored up to half a millisecond ahead, and a look that comes at once would miss the row.
 */
export const DUE_NOW = "date_trunc('milliseconds', now())";

/** A row on its way in: as the schema's row, bytes as hex text (see hexOf), times as Date. */
export type Incoming<Row> = {
  [Key in keyof Row]: Row[Key] extends Uint8Array ? string : Row[Key];
};

/** A row whose null columns may be undefined: JSON leaves them out, and a recordset has null for them. */
export type Sparse<Row> = {
  [Key in keyof Row]: null extends Row[Key] ? Row[Key] | undefined : Row[Key];
};

/** `alias."col" as "property", …` of all columns but those left out. */
export function selectList(table: PgTable, alias: string, without: readonly string[] = []): string {
  return columnsOf(table, without)
    .map(({ property, name }) => `${alias}."${name}" as "${property}"`)
    .join(", ");
}

/** `alias."property", …` of what a selectList in an inner query gave. */
export function propertyList(
  table: PgTable,
  alias: string,
  without: readonly string[] = [],
): string {
  return columnsOf(table, without)
    .map(({ property }) => `${alias}."${property}"`)
    .join(", ");
}

/** `jsonb_to_recordset(<param>) as <alias>("property" type, …)`: a batch of rows in one parameter. */
export function recordset(
  table: PgTable,
  param: string,
  alias: string,
  more: readonly string[] = [],
  without: readonly string[] = [],
): string {
  const columns = columnsOf(table, without).map(({ property, type }) => `"${property}" ${type}`);
  return `jsonb_to_recordset(${param}::jsonb) as ${alias}(${[...columns, ...more].join(", ")})`;
}

/** `insert into t (…) select … from` the rows in one parameter. */
export function insertFrom(table: PgTable, param: string, without: readonly string[] = []): string {
  const columns = columnsOf(table, without);
  const names = columns.map(({ name }) => `"${name}"`).join(", ");
  const values = columns.map(({ property }) => `v."${property}"`).join(", ");
  const rows = recordset(table, param, "v", [], without);
  return `insert into ${getTableName(table)} (${names}) select ${values} from ${rows}`;
}

/** `"col" = v."property", …` of all columns but those left out. */
export function assignments(table: PgTable, without: readonly string[]): string {
  return columnsOf(table, without)
    .map(({ property, name }) => `"${name}" = v."${property}"`)
    .join(", ");
}

/** Bytes as Postgres reads them from text. */
export function hexOf(bytes: Uint8Array): string {
  return `\\x${Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("hex")}`;
}

function columnsOf(table: PgTable, without: readonly string[]) {
  return Object.entries(getTableColumns(table))
    .filter(([property]) => !without.includes(property))
    .map(([property, column]) => ({ property, name: column.name, type: column.getSQLType() }));
}
