/**
 * A text of somebody else: shown as text, whatever it holds.
 * Boundary: which characters are named in place of being drawn is visible-text.ts.
 */
import { cutText, visiblePieces } from "./visible-text.ts";

/** What is shown of one text at most, in characters. */
const MOST_CHARS = 20_000;

/** The text, isolated from the direction of what is around it. */
export function PlainText({
  children,
  most = MOST_CHARS,
}: {
  readonly children: string;
  /** Characters that are shown. */
  readonly most?: number;
}) {
  const pieces = visiblePieces(cutText(children, most));
  return (
    <bdi className="plain-text">
      {pieces.map(({ text, codePoint }, at) =>
        codePoint === undefined ? (
          text
        ) : (
          // biome-ignore lint/suspicious/noArrayIndexKey: pieces of one text have no other name.
          <span key={at} className="hidden-character" title="a character that is not drawn">
            {codePoint}
          </span>
        ),
      )}
    </bdi>
  );
}
