/** URLs without their secrets, for the log and for faults. */

/** Stands for a secret. */
export const MASK = "***";

/** A URL without its password and without the values of its query. */
export function maskUrl(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  // user:password@host is a URL of the scheme "user:" without a host.
  if (url === undefined || url.host === "") {
    return text.replace(/^.*@/s, `${MASK}@`).replace(/\?.*$/s, `?${MASK}`);
  }
  if (url.password !== "") url.password = MASK;
  // nats://token@host: a user alone is a token.
  else if (url.username !== "" && /^(nats|tls):$/.test(url.protocol)) url.username = MASK;
  for (const key of new Set(url.searchParams.keys())) url.searchParams.set(key, MASK);
  return url.toString();
}
