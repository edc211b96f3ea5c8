/**
 * What a command prints: data to standard output, talk to standard error.
 * Boundary: forms. A table on a terminal, tabs between fields in a pipe, JSON lines with --json, ids with --quiet.
 */
import pc from "picocolors";
import type { Json } from "../engine/values/json.ts";
import { oneLine } from "./one-line.ts";

/** How a command prints. */
export interface Output {
  readonly json: boolean;
  readonly quiet: boolean;
  /** Data. */
  line(text: string): void;
  /** One object of data. */
  object(value: Json): void;
  /** For the person beside the data; not with --quiet. */
  talk(text: string): void;
  /** Rows as a table with a head on a terminal. */
  table(head: readonly string[], rows: readonly (readonly string[])[]): void;
}

/** The output of this process. */
export function createOutput({ json, quiet }: { json: boolean; quiet: boolean }): Output {
  const line = (text: string) => {
    process.stdout.write(`${text}\n`);
  };
  return {
    json,
    quiet,
    line,
    // JSON escapes the control characters below a space alone.
    object: (value) => line(JSON.stringify(value).replaceAll(/[\u007f-\u009f]/g, escaped)),
    talk(text) {
      if (!quiet) process.stderr.write(`${oneLine(text)}\n`);
    },
    table(head, given) {
      const rows = given.map((row) => row.map(oneLine));
      if (!process.stdout.isTTY) {
        for (const row of rows) line(row.join("\t"));
        return;
      }
      const widths = head.map((name, at) =>
        Math.max(name.length, ...rows.map((row) => row[at]?.length ?? 0)),
      );
      const pad = (row: readonly string[]) =>
        row
          .map((cell, at) => cell.padEnd(widths[at] ?? 0))
          .join("  ")
          .trimEnd();
      line(pc.dim(pad(head)));
      for (const row of rows) line(pad(row));
    },
  };
}

function escaped(character: string): string {
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`;
}

/** Prints why a command ended, or a part of it: a sentence, and lines with places below it. */
export function printFailure(message: string): void {
  process.stderr.write(`workflows: ${message.split("\n").map(oneLine).join("\n")}\n`);
}

/** `2026-11-29 08:30:00` in UTC; "" for no time. */
export function timeText(date: Date | undefined): string {
  return date === undefined ? "" : date.toISOString().slice(0, 19).replace("T", " ");
}

/** `1.5 s`, `2 min 5 s`, `3 h 4 min`, `2 d 3 h` */
export function tookText(ms: number): string {
  const seconds = ms / 1_000;
  if (seconds < 60) return `${seconds.toFixed(1)} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes} min ${Math.floor(seconds % 60)} s`;
  const hours = Math.floor(minutes / 60);
  return hours < 48
    ? `${hours} h ${minutes % 60} min`
    : `${Math.floor(hours / 24)} d ${hours % 24} h`;
}
