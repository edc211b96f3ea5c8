/** The digest that binds an approval to its request: SHA-256 over canonical JSON. Pure. */
import { sha256 } from "@noble/hashes/sha2.js";
import { bytesToHex, utf8ToBytes } from "@noble/hashes/utils.js";
import { canonicalJson, type JsonObject } from "./json.ts";

/** SHA-256 (hex) of the canonical JSON (RFC 8785) of `{input, step, version}`. */
export function approvalDigest(step: string, version: number, input: JsonObject): string {
  return bytesToHex(sha256(utf8ToBytes(canonicalJson({ step, version, input }))));
}
