/** Why an action on an item was refused, in words for who decides. */
import { TriangleAlert } from "lucide-react";
import { refusalWords } from "./item-words.ts";

export function RefusalNote({ error }: { readonly error: unknown }) {
  const { title, detail } = refusalWords(error);
  return (
    <div className="error-note" role="alert">
      <TriangleAlert size={18} aria-hidden="true" />
      <div>
        <p className="error-title">{title}</p>
        <p className="error-detail">{detail}</p>
      </div>
    </div>
  );
}
