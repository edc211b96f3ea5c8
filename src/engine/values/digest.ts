/** Digests: what binds an approval to its request, and the content of a version. SHA-256 over canonical JSON. Pure. */
import { sha256 } from "@noble/hashes/sha2.js";
import { bytesToHex, utf8ToBytes } from "@noble/hashes/utils.js";
import type { VersionSpec } from "./definition.ts";
import { channelName, riskLevelName } from "./enum-names.ts";
import { canonicalJson, type Json, type JsonObject } from "./json.ts";

/** SHA-256 (hex) of the canonical JSON (RFC 8785) of `{input, step, version}`. */
export function approvalDigest(step: string, version: number, input: JsonObject): string {
  return bytesToHex(sha256(utf8ToBytes(canonicalJson({ step, version, input }))));
}

/** SHA-256 (hex) of a text. */
export function textDigest(text: string): string {
  return bytesToHex(sha256(utf8ToBytes(text)));
}

/**
 * SHA-256 (hex) of the content of a version. Spellings of one word, such as HIGH and RISK_LEVEL_HIGH, give the same digest;
 * what the service adds when it publishes gives none.
 */
export function versionDigest(spec: VersionSpec): string {
  const content: Json = JSON.parse(JSON.stringify(comparableVersion(spec)));
  return bytesToHex(sha256(utf8ToBytes(canonicalJson(content))));
}

/** A version in the one form in which versions are compared. */
export function comparableVersion(spec: VersionSpec): VersionSpec {
  const steps = spec.steps.map(({ eventPaths: _, ...step }) => ({
    ...step,
    riskLevel: riskLevelName(step.riskLevel),
    notificationChannel: channelName(step.notificationChannel),
  }));
  return { ...spec, steps };
}
