/**
 * The bytes of a file as text.
 * Boundary: size, encoding and emptiness; what the text says is parse.ts's.
 */
import { type FileFault, Lines } from "./faults.ts";

/** The largest file, in bytes: the service takes no larger request. */
export const MAX_FILE_BYTES = 1_048_576;

/** The largest text that the service keeps with a version, in bytes. */
export const MAX_SOURCE_BYTES = 524_288;

/** A line that is neither blank nor a comment. Its blanks end with it: a file of blank lines must not take their square. */
const HAS_CONTENT = /^[^\S\n\r\u2028\u2029]*[^\s#]/m;

/** A text, or the one fault of a file that is none. */
export type SourceText =
  | { readonly ok: true; readonly text: string }
  | { readonly ok: false; readonly fault: FileFault };

/** Decodes a file; a mark of the byte order is skipped. */
export function readSourceText(bytes: Uint8Array): SourceText {
  if (bytes.length > MAX_FILE_BYTES) {
    return refuse(`the file has more than the limit of ${MAX_FILE_BYTES} bytes (1 MiB)`);
  }
  if ((bytes[0] === 0xff && bytes[1] === 0xfe) || (bytes[0] === 0xfe && bytes[1] === 0xff)) {
    return refuse("the file is UTF-16; save it as UTF-8");
  }
  let text: string;
  try {
    text = new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    return { ok: false, fault: encodingFault(bytes) };
  }
  const nul = text.indexOf("\0");
  if (nul >= 0) {
    const place = new Lines(text).placeOf(nul);
    return refuse("a NUL character stands here; the file is no text", place);
  }
  if (!HAS_CONTENT.test(text)) {
    return refuse("the file is empty; begin with `workflow: NAME` and `steps:`");
  }
  return { ok: true, text };
}

/** The place of the first byte that is not UTF-8. */
function encodingFault(bytes: Uint8Array): FileFault {
  // The longest beginning that is UTF-8, but for a character that it cuts off.
  let [low, high] = [0, bytes.length];
  while (low < high) {
    const middle = Math.ceil((low + high) / 2);
    if (decodeBeginning(bytes, middle) === undefined) high = middle - 1;
    else low = middle;
  }
  const sound = decodeBeginning(bytes, low) ?? "";
  const { line, column } = new Lines(sound).placeOf(sound.length);
  return {
    path: "",
    line,
    column,
    message: "the file is not UTF-8 from here on; save it as UTF-8",
  };
}

/** The whole characters of the first bytes; undefined when they are not UTF-8. */
function decodeBeginning(bytes: Uint8Array, length: number): string | undefined {
  try {
    const decoder = new TextDecoder("utf-8", { fatal: true });
    return decoder.decode(bytes.subarray(0, length), { stream: true });
  } catch {
    return undefined;
  }
}

function refuse(message: string, place = { line: 1, column: 1 }): SourceText {
  return { ok: false, fault: { path: "", ...place, message } };
}
