/**
 * The formats of JSON Schema that are enforced, one check each; a schema with another one is refused.
 * Boundary: texts and numbers; every check is linear in its text.
 */
import { isIPv4, isIPv6 } from "node:net";
import { parsePointInTime } from "../../engine/graph/point-in-time.ts";

type TextCheck = (text: string) => boolean;
type NumberCheck = { readonly type: "number"; readonly validate: (value: number) => boolean };

const DURATION =
  /^P(?:\d+W|(?:\d+Y)?(?:\d+M)?(?:\d+D)?(?:T(?:\d+H)?(?:\d+M)?(?:\d+(?:\.\d+)?S)?)?)$/;
const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;
const HOST_LABEL = /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/i;
const LOCAL_PART = /^[^\s@"(),:;<>[\]\\]{1,64}$/;
const SCHEME = /^[a-z][a-z0-9+.-]*:/i;
const NO_URI = /[^\x21-\x7e]|["<>\\^`{|}]|%(?![0-9a-f]{2})/i;
const BASE64 = /^[A-Za-z0-9+/]*={0,2}$/;
const INT32 = 2 ** 31;
const INT64 = 2 ** 63;

/** Checks by the name of the format; `true` where there is nothing that a value could break. */
export const FORMATS: Readonly<Record<string, TextCheck | NumberCheck | true>> = {
  "date-time": (text) => parsePointInTime(text) !== undefined,
  date: (text) => text.length === 10 && parsePointInTime(`${text}T00:00:00Z`) !== undefined,
  time: (text) => parsePointInTime(`2000-01-01T${text}`) !== undefined,
  duration: (text) => DURATION.test(text) && /\d[A-Z]$/.test(text),
  email: isEmail,
  hostname: isHostname,
  ipv4: (text) => isIPv4(text),
  ipv6: (text) => isIPv6(text) && !text.includes("%"),
  uri: (text) => SCHEME.test(text) && !NO_URI.test(text),
  "uri-reference": (text) => !NO_URI.test(text),
  uuid: (text) => UUID.test(text),
  "json-pointer": (text) => text === "" || (text.startsWith("/") && !/~(?![01])/.test(text)),
  regex: isRegex,
  byte: (text) => text.length % 4 === 0 && BASE64.test(text),
  int32: whole(-INT32, INT32 - 1),
  int64: whole(-INT64, INT64),
  float: true,
  double: true,
  password: true,
  binary: true,
};

function isEmail(text: string): boolean {
  const at = text.lastIndexOf("@");
  const local = text.slice(0, Math.max(0, at));
  const isDotted = local.startsWith(".") || local.endsWith(".") || local.includes("..");
  return LOCAL_PART.test(local) && !isDotted && isHostname(text.slice(at + 1));
}

function isHostname(text: string): boolean {
  return text.length <= 253 && text.split(".").every((label) => HOST_LABEL.test(label));
}

function isRegex(text: string): boolean {
  try {
    new RegExp(text, "u");
    return true;
  } catch {
    // The one way to ask: a text that is none is a SyntaxError.
    return false;
  }
}

function whole(least: number, most: number): NumberCheck {
  const validate = (value: number) => Number.isInteger(value) && value >= least && value <= most;
  return { type: "number", validate };
}
