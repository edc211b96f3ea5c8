/** The worker of texts as promises. Boundary: one for the page, started when a draft is opened, or at the first question. */
import type { Edit } from "./text/edits.ts";
import type { Answers, Question } from "./text/worker.ts";

interface Asker {
  give(answer: never): void;
  fail(error: Error): void;
}

/** A worker that answers nothing for so long is given up: it cannot be interrupted. */
const WITHIN_MS = 20_000;

let worker: Worker | undefined;
let watch: ReturnType<typeof setTimeout> | undefined;
let lastId = 0;
const askers = new Map<number, Asker>();

/** Starts the worker before there is a text, so that the first one does not wait for its code. */
export function startTexts(): void {
  started();
}

/** The picture of a text, with what is wrong with it. */
export function drawnOf(text: string): Promise<Answers["draw"]> {
  return ask({ do: "draw", text });
}

/** A text after a change. */
export function editedText(text: string, edit: Edit): Promise<Answers["edit"]> {
  return ask({ do: "edit", text, edit });
}

/** Steps as a fragment of a file. */
export function copiedText(text: string, ids: readonly string[]): Promise<Answers["copy"]> {
  return ask({ do: "copy", text, ids });
}

let tables: Promise<Answers["tables"]> | undefined;

/** What is known of the kinds of steps. */
export function kindTables(): Promise<Answers["tables"]> {
  tables ??= ask({ do: "tables" });
  return tables;
}

function ask<Name extends Question["do"]>(
  question: Extract<Question, { do: Name }>,
): Promise<Answers[Name]> {
  return new Promise((give, fail) => {
    lastId += 1;
    started().postMessage({ id: lastId, question });
    askers.set(lastId, { give, fail });
    if (askers.size === 1) waitFor();
  });
}

function started(): Worker {
  if (worker !== undefined) return worker;
  worker = new Worker(new URL("./text/worker.ts", import.meta.url), { type: "module" });
  worker.addEventListener("message", ({ data }) => {
    const { id, answer, problem } = data;
    const asker = askers.get(id);
    askers.delete(id);
    waitFor();
    if (problem === undefined) asker?.give(answer as never);
    else asker?.fail(new Error(problem));
  });
  worker.addEventListener("error", () => giveUp("The designer could not be loaded."));
  return worker;
}

function waitFor(): void {
  clearTimeout(watch);
  if (askers.size === 0) return;
  watch = setTimeout(
    () => giveUp("The designer takes too long with this text: change it in the text alone."),
    WITHIN_MS,
  );
}

/** The next question starts another one. */
function giveUp(words: string): void {
  clearTimeout(watch);
  worker?.terminate();
  worker = undefined;
  tables = undefined;
  for (const { fail } of askers.values()) fail(new Error(words));
  askers.clear();
}
