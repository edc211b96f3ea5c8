/** Times that people type, as fields of a browser have them: `2026-11-30T09:00`. Boundary: pure. */
import type { Zone } from "../../zone.tsx";

/** In ms since 1970; undefined: it is no time. */
export function msOfField(text: string, zone: Zone): number | undefined {
  if (!/^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}/.test(text)) return undefined;
  const ms = Date.parse(zone === "utc" ? `${text}Z` : text);
  return Number.isNaN(ms) ? undefined : ms;
}
