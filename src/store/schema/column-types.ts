/** Types of columns and texts of indexes that several tables share. */
import { type SQL, sql } from "drizzle-orm";
import { type AnyPgColumn, customType, timestamp } from "drizzle-orm/pg-core";

/** Bytes. */
export const bytea = customType<{ data: Uint8Array; driverData: Buffer }>({
  dataType: () => "bytea",
  toDriver: (value) => Buffer.from(value),
});
/** An instant, to the millisecond. */
export const time = (name: string) =>
  timestamp(name, { withTimezone: true, precision: 3, mode: "date" });

/** A key as events are looked up by: with one separator (withDots in engine/matching/pattern.ts). */
export const withDots = (column: AnyPgColumn) => sql`translate(${column}, '/', '.')`;
/** A workspace's text as 8 bytes: an entry of the index is half as long. Queries compare the texts as well. */
export const hashed = (workspaceId: AnyPgColumn, text: SQL | AnyPgColumn) =>
  sql`hashtextextended(${workspaceId} || ' ' || ${text}, 0)`;
