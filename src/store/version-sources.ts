/**
 * Writes of what versions were made from.
 * Boundary: one row; whether a version is made is decided by runtime/publish-source.ts.
 */
import { sql } from "drizzle-orm";
import type { JsonObject } from "../engine/values/json.ts";
import type { Tx } from "./database.ts";
import { versionSources } from "./schema/definitions.ts";

/** What a version was made from. */
export interface VersionSource {
  readonly sourceText: string;
  /** Undefined: none was sent. */
  readonly layout: JsonObject | undefined;
  /** Undefined: the text has no `input`. */
  readonly inputSchema: JsonObject | undefined;
  readonly note: string;
  /** "": the call does not say. */
  readonly publishedBy: string;
}

/** What a version was made from, and the program through which who published it came; "": it does not say. */
interface PublishedSource extends VersionSource {
  readonly publishedVia: string;
}

/** Stores what a version was made from, in place of what is stored; no row changes where it is the same. */
export async function saveVersionSource(
  tx: Tx,
  versionId: string,
  { sourceText, layout, inputSchema, note, publishedBy, publishedVia }: PublishedSource,
): Promise<void> {
  const content = {
    note,
    sourceText,
    layoutJson: layout === undefined ? null : JSON.stringify(layout),
    inputSchemaJson: inputSchema === undefined ? null : JSON.stringify(inputSchema),
  };
  const stored = { ...content, publishedBy, publishedVia, publishedAt: sql`clock_timestamp()` };
  const { note: oldNote, sourceText: oldText, layoutJson, inputSchemaJson } = versionSources;
  await tx.build
    .insert(versionSources)
    .values({ ...stored, versionId })
    .onConflictDoUpdate({
      target: versionSources.versionId,
      set: stored,
      setWhere: sql`(${oldNote}, ${oldText}, ${layoutJson}, ${inputSchemaJson})
        is distinct from (excluded.note, excluded.source_text, excluded.layout_json, excluded.input_schema_json)`,
    });
}
