/**
 * The worker that reads, checks and changes texts, so that the page never waits for it. Boundary: answers each question once, in order.
 * Until the first question comes it draws a small text several times: an engine that has compiled the reader draws 1,000 steps in a third
 * of the time.
 */
import { applyEdit, type Copied, copySteps, type Edit, type Edited } from "./edits.ts";
import { type Drawn, drawText } from "./picture.ts";
import { makeTables, type Tables } from "./tables.ts";
import { WARM_UP_TEXT } from "./warm-up-text.ts";

/** What is asked of it. */
export type Question =
  | { readonly do: "draw"; readonly text: string }
  | { readonly do: "edit"; readonly text: string; readonly edit: Edit }
  | { readonly do: "copy"; readonly text: string; readonly ids: readonly string[] }
  | { readonly do: "tables" };

/** What it answers, by what was asked. */
export interface Answers {
  readonly draw: Drawn;
  readonly edit: Edited;
  readonly copy: Copied;
  readonly tables: Tables;
}

let isAsked = false;

addEventListener("message", ({ data }: MessageEvent<{ id: number; question: Question }>) => {
  isAsked ||= data.question.do !== "tables";
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
  if (question.do === "copy") return copySteps(question.text, question.ids);
  return applyEdit(question.text, question.edit);
}

const WARM_UP_ROUNDS = 12;

/** A round at a time, so that a question does not wait for the rest of them. */
function warmUp(rounds: number): void {
  if (isAsked || rounds === 0) return;
  drawText(WARM_UP_TEXT);
  setTimeout(() => warmUp(rounds - 1));
}

setTimeout(() => warmUp(WARM_UP_ROUNDS));
