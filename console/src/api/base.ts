/** Where the page is served, as the service wrote it into the page. */

/** Of a page that vite serves, the service has written nothing. */
const UNWRITTEN = "__BASE__";

const written = document.querySelector<HTMLMetaElement>('meta[name="base"]')?.content;

/** The path of the console, without a slash at its end: `/console`, or with a prefix before it. */
export const BASE = written === undefined || written === UNWRITTEN ? "/console" : written;

/** The base URL of the RPCs. */
export const SERVICE_URL = `${location.origin}${BASE.replace(/\/console$/, "")}`;

/** What the content security policy of this page wants of `<style>` elements. */
export const NONCE =
  document.querySelector<HTMLMetaElement>('meta[property="csp-nonce"]')?.nonce ?? "";
