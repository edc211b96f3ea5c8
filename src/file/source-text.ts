/**
 * The bytes of a file as text.
 * Boundary: size, encoding and emptiness; what the text says is parse.ts's.
 */
import { type FileFault, Lines } from "./faults.ts";

/** The largest file, in bytes: the service takes no larger request. */
export const MAX_FILE_BYTES = 1_048_576;

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
  if (withoutComments(text) === "") {
    return refuse("the file is empty; begin with `workflow: NAME` and `steps:`");
  }
  return { ok: true, text };
}

function withoutComments(text: string): string {
  return text.replaceAll(/^\s*#.*$/gm, "").trim();
}

function encodingFault(bytes: Uint8Array): FileFault {
  // The text up to the first byte that is not UTF-8: a decoder puts U+FFFD there.
  const lenient = new TextDecoder("utf-8").decode(bytes);
  let at = lenient.indexOf("\uFFFD");
  const encoder = new TextEncoder();
  // A written U+FFFD is UTF-8.
  while (at >= 0 && isWritten(bytes, encoder.encode(lenient.slice(0, at)).length)) {
    at = lenient.indexOf("\uFFFD", at + 1);
  }
  const { line, column } = new Lines(lenient).placeOf(Math.max(0, at));
  return {
    path: "",
    line,
    column,
    message: "the file is not UTF-8 from here on; save it as UTF-8",
  };
}

function isWritten(bytes: Uint8Array, at: number): boolean {
  return bytes[at] === 0xef && bytes[at + 1] === 0xbf && bytes[at + 2] === 0xbd;
}

function refuse(message: string, place = { line: 1, column: 1 }): SourceText {
  return { ok: false, fault: { path: "", ...place, message } };
}
