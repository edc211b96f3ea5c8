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
