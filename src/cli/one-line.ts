/** Texts of others on a terminal. Boundary: pure. */

/** The text on one line: control characters, which could move the cursor or end the line, are a space. */
export function oneLine(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what must not be printed.
  return text.replaceAll(/[\u0000-\u001f\u007f-\u009f]+/g, " ");
}
