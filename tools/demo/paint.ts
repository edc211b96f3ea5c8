/**
 * Colours, where the terminal shows them and the environment allows them.
 *
 * Boundary: texts in, texts out; widths are settled before painting.
 */

/** Colours of the demo. */
type Colour = "green" | "red" | "dim" | "bold";

/** Paints a text, or returns it as it is. */
export type Paint = (colour: Colour, text: string) => string;

const CODES: Readonly<Record<Colour, number>> = { bold: 1, dim: 2, red: 31, green: 32 };

/** Paints on a terminal, unless NO_COLOR is set or the terminal is a dumb one. */
export function choosePaint(isTerminal: boolean): Paint {
  const isWanted = isTerminal && !process.env.NO_COLOR && process.env.TERM !== "dumb";
  if (!isWanted) return (_, text) => text;
  return (colour, text) => `\u001b[${CODES[colour]}m${text}\u001b[0m`;
}
