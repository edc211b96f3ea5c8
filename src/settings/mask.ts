/** URLs without their secrets, for the log and for faults. */

/** Stands for a secret. */
export const MASK = "***";

/** A URL without its password and without the values of its query. */
export function maskUrl(text: string): string {
  if (!URL.canParse(text)) {
    return text.replace(/^[^@]*@/, `${MASK}@`).replace(/\?.*$/s, `?${MASK}`);
  }
  const url = new URL(text);
  if (url.password !== "") url.password = MASK;
  // nats://token@host: a user alone is a token.
  else if (url.username !== "" && /^(nats|tls):$/.test(url.protocol)) url.username = MASK;
  for (const key of new Set(url.searchParams.keys())) url.searchParams.set(key, MASK);
  return url.toString();
}
