/**
 * The page of the console as one request gets it: its base path, its nonce, and what the browser may load.
 * Boundary: texts. Whatever of a request goes into the page is checked here.
 */

/** Where users sign in. */
export interface Oidc {
  readonly issuer: string;
  readonly clientId: string;
  readonly audience: string;
}

const BASE = "__BASE__";
const NONCE = "__NONCE__";
/** As the bundler writes links to what it made. */
const LINK = /(\s(?:src|href)=")\.\//g;
/** Begins with one slash: two would name another host. */
const PREFIX = /^(\/[A-Za-z0-9._~-]+){1,16}$/;
const PREFIX_CHARS = 200;

/** The prefix that a header gives; "" where it is none, or no plain path. */
export function readPrefix(header: string | readonly string[] | undefined): string {
  if (typeof header !== "string" || header.length > PREFIX_CHARS) return "";
  const prefix = header.replace(/\/+$/, "");
  return PREFIX.test(prefix) ? prefix : "";
}

/** The text of the page. `base`: the path of the console, without a slash at its end. */
export function renderPage(page: string, base: string, nonce: string): string {
  return page.replaceAll(LINK, `$1${base}/`).replaceAll(BASE, base).replaceAll(NONCE, nonce);
}

/** Content-Security-Policy: what comes from this origin, and calls of the place where users sign in. */
export function contentPolicy(oidc: Oidc | undefined, nonce: string | undefined): string {
  const calls = oidc === undefined ? "'self'" : `'self' ${new URL(oidc.issuer).origin}`;
  const styles = nonce === undefined ? "'self'" : `'self' 'nonce-${nonce}'`;
  return [
    "default-src 'self'",
    `connect-src ${calls}`,
    `style-src ${styles}`,
    "object-src 'none'",
    "base-uri 'none'",
    "form-action 'self'",
    "frame-ancestors 'none'",
  ].join("; ");
}
