/** Drafts as the designer changes them: texts after edits, and the paths that a text draws. */
import { applyEdit, type Edit } from "../../../console/src/parts/workflows/designer/text/edits.ts";
import { drawText } from "../../../console/src/parts/workflows/designer/text/picture.ts";

/** The text after edits, one after the other. Throws where one is refused. */
export function edited(text: string, ...edits: Edit[]): string {
  return edits.reduce((before, edit) => {
    const result = applyEdit(before, edit);
    if (!result.ok) throw new Error(result.problem);
    return result.text;
  }, text);
}

/** `from -label-> to`, in the order of the alphabet. */
export function wiresOf(text: string): string[] {
  return drawText(text)
    .edges.map(({ from, to, label, condition }) => {
      const when = condition === "" ? "" : ` if ${condition}`;
      return `${from} -${label}-> ${to}${when}`;
    })
    .sort();
}
