/**
 * Pieces of JSON text of which events are put together.
 * Boundary: pure. A piece of fields begins with a comma, for it follows another field.
 */

/** Texts without characters that JSON escapes; lone surrogates are none of them. */
const PLAIN = /^[\x20\x21\x23-\x5b\x5d-\x7e]*$/;

/** The text as JSON. */
export function quoted(text: string): string {
  return PLAIN.test(text) ? `"${text}"` : JSON.stringify(text);
}

/** A field of the type string: proto3 leaves out its default. */
export function textField(name: string, value: string | undefined): string {
  return value === undefined || value === "" ? "" : `,"${name}":${quoted(value)}`;
}

/** A field of the type int32 or double. NaN and the infinities, which JSON has not, stand there by their names. */
export function numberField(name: string, value: number | undefined): string {
  if (value === undefined || value === 0) return "";
  return Number.isFinite(value) ? `,"${name}":${value}` : `,"${name}":"${value}"`;
}

/** Fields of any names; none that is undefined. */
export function fieldsText(fields: Readonly<Record<string, string | number>>): string {
  let text = "";
  for (const [name, value] of Object.entries(fields)) {
    text += `,${quoted(name)}:${JSON.stringify(value)}`;
  }
  return text;
}
