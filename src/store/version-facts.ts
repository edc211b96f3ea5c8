/** Writes of what is known of a version's content. Boundary: one row. */
import type { Tx } from "./database.ts";
import { versionFacts } from "./schema/workflows.ts";

/** Stores what a new version contains (engine/steps/contains.ts). */
export async function insertVersionFacts(
  tx: Tx,
  versionId: string,
  contains: number,
): Promise<void> {
  await tx.build.insert(versionFacts).values({ versionId, contains });
}
