/** The worker that reads, checks and changes texts, so that the page never waits for it. Boundary: answers each question once, in order. */
import { applyEdit, type Edit, type Edited } from "./edits.ts";
import { type Drawn, drawText } from "./picture.ts";
import { makeTables, type Tables } from "./tables.ts";

/** What is asked of it. */
export type Question =
  | { readonly do: "draw"; readonly text: string }
  | { readonly do: "edit"; readonly text: string; readonly edit: Edit }
  | { readonly do: "tables" };

/** What it answers, by what was asked. */
export interface Answers {
  readonly draw: Drawn;
  readonly edit: Edited;
  readonly tables: Tables;
}

addEventListener("message", ({ data }: MessageEvent<{ id: number; question: Question }>) => {
  const { id, question } = data;
  try {
    postMessage({ id, answer: answerOf(question) });
  } catch (error) {
    postMessage({ id, problem: error instanceof Error ? error.message : String(error) });
  }
});

function answerOf(question: Question): Answers[keyof Answers] {
  if (question.do === "tables") return makeTables();
  if (question.do === "draw") return drawText(question.text);
  return applyEdit(question.text, question.edit);
}
