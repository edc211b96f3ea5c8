/** Histories that are kept of each release in testdata/histories: a file a release, a history a line. */
import { readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import type { StoredHistory } from "./stored-history.ts";

/** A run's history with the scenario that it played. */
export interface KeptHistory extends StoredHistory {
  readonly scenario: string;
}

/** Where they are. */
export const HISTORIES_FOLDER = fileURLToPath(
  new URL("../../../testdata/histories/", import.meta.url),
);

/** The histories that are kept of each release, by its name. */
export function keptHistories(): Map<string, KeptHistory[]> {
  const files = readdirSync(HISTORIES_FOLDER).filter((file) => file.endsWith(".jsonl"));
  return new Map(
    files.map((file) => {
      const lines = readFileSync(`${HISTORIES_FOLDER}${file}`, "utf8").trimEnd().split("\n");
      const histories = lines.map((line) => JSON.parse(line) as KeptHistory);
      return [file.replace(/\.jsonl$/, ""), histories];
    }),
  );
}
