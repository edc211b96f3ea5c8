/**
 * The console below `/console/`: its page at every address of it, the files that the page loads, and its configuration.
 * Boundary: knows no run; the page asks the RPCs as any other caller.
 * Invariants:
 * 1. A path is compared with the names of the files that were read at start, and never given to the disk.
 * 2. Every answer has a content security policy without inline scripts, and a type that the browser does not guess.
 */
import { randomBytes } from "node:crypto";
import { CONSOLE_FOLDER } from "../../../process/console-folder.ts";
import type { Log } from "../../../process/log.ts";
import { VERSION } from "../../../process/version.ts";
import { type NodeRequest, type NodeResponse, pathOf } from "../node-calls.ts";
import { readPrefix } from "../prefix.ts";
import { type Asset, type Assets, readAssets } from "./assets.ts";
import { contentPolicy, type Oidc, renderPage } from "./page.ts";

/** How the console is reached, and how its users sign in. */
export interface ConsoleOptions {
  readonly authMode: "none" | "introspect" | "jwt";
  /** Unset: users paste a token. */
  readonly oidc?: Oidc;
  /** The path that a proxy takes off; unset: X-Forwarded-Prefix says it. */
  readonly prefix?: string;
  /** Of the compiled console; that of this project unless given. */
  readonly folder?: string;
}

/** Answers what is asked of the console; false: it is for others. */
export type ConsoleDoor = (request: NodeRequest, response: NodeResponse) => boolean;

const ROOT = "/console";
const CONFIG = "config.json";
/** Everything else that is no file is an address of the page. */
const FILES = /^assets\//;
const JSON_TYPE = "application/json; charset=utf-8";
const FOR_EVER = "public, max-age=31536000, immutable";
const FOR_AN_HOUR = "public, max-age=3600";
const NONCE_BYTES = 16;

/** The door of the console; without options there is none. */
export function createConsole(options: ConsoleOptions | undefined, log: Log): ConsoleDoor {
  if (options === undefined) return () => false;
  const assets = readAssets(options.folder ?? CONSOLE_FOLDER);
  if (assets === undefined) log.info("the console is not built; /console/ says how to build it");
  const config = configOf(options);
  return (request, response) => {
    const path = pathOf(request);
    if (path !== ROOT && !path.startsWith(`${ROOT}/`)) return false;
    const prefix = options.prefix ?? readPrefix(request.headers["x-forwarded-prefix"]);
    const made = answer({ request, path, assets, config, base: `${prefix}${ROOT}`, options });
    response.writeHead(made.status, { ...headersOf(options), ...made.headers });
    response.end(request.method === "HEAD" ? "" : (made.body ?? ""));
    return true;
  };
}

interface Asked {
  readonly request: NodeRequest;
  readonly path: string;
  readonly assets: Assets | undefined;
  readonly config: string;
  readonly base: string;
  readonly options: ConsoleOptions;
}

interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string | Buffer;
}

function answer({ request, path, assets, config, base, options }: Asked): Answer {
  if (request.method !== "GET" && request.method !== "HEAD") {
    return said(405, "this is read by GET", { allow: "GET, HEAD" });
  }
  if (path === ROOT) return { status: 308, headers: { location: `${base}/`, ...unkept() } };
  const name = path.slice(ROOT.length + 1);
  if (name === CONFIG) return { status: 200, headers: typed(JSON_TYPE), body: config };
  if (assets === undefined) {
    return said(503, "the console is not built; node tools/build-console.mjs builds it");
  }
  const asset = assets.files.get(name);
  if (asset !== undefined) return fileAnswer(asset, request);
  if (FILES.test(name)) return said(404, "the console has no such file");
  const nonce = randomBytes(NONCE_BYTES).toString("base64url");
  return {
    status: 200,
    headers: {
      ...typed("text/html; charset=utf-8"),
      "content-security-policy": contentPolicy(options.oidc, nonce),
      vary: "X-Forwarded-Prefix",
    },
    body: renderPage(assets.page, base, nonce),
  };
}

function fileAnswer(
  { bytes, gzipped, contentType, isHashed }: Asset,
  request: NodeRequest,
): Answer {
  const accepted = String(request.headers["accept-encoding"] ?? "");
  const isZipped = gzipped !== undefined && /\bgzip\b/.test(accepted);
  return {
    status: 200,
    headers: {
      "content-type": contentType,
      "cache-control": isHashed ? FOR_EVER : FOR_AN_HOUR,
      vary: "Accept-Encoding",
      ...(isZipped ? { "content-encoding": "gzip" } : {}),
    },
    body: isZipped ? gzipped : bytes,
  };
}

/** What the page reads first; console/src/api/config.ts has the same type. */
function configOf({ authMode, oidc }: ConsoleOptions): string {
  return JSON.stringify({ version: VERSION, authMode, ...(oidc === undefined ? {} : { oidc }) });
}

/** Of every answer. */
function headersOf({ oidc }: ConsoleOptions): Record<string, string> {
  return {
    "content-security-policy": contentPolicy(oidc, undefined),
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
  };
}

function said(status: number, words: string, more: Record<string, string> = {}): Answer {
  const body = JSON.stringify({ status: words });
  return { status, headers: { ...typed(JSON_TYPE), ...more }, body };
}

function typed(contentType: string): Record<string, string> {
  return { "content-type": contentType, ...unkept() };
}

function unkept(): Record<string, string> {
  return { "cache-control": "no-store" };
}
