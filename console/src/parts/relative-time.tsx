/**
 * A time as people say it, with the absolute one on hover and for screen readers.
 * Boundary: one timer of the page moves all of them.
 */
import type { Timestamp } from "@bufbuild/protobuf/wkt";
import { useSyncExternalStore } from "react";
import { dateOf, lengthWords } from "../api/times.ts";
import { absoluteWords, useZone } from "./zone.tsx";

const TICK_MS = 1_000;
const JUST_NOW_MS = 2_000;

const listeners = new Set<() => void>();
let nowMs = Date.now();
let timer: ReturnType<typeof setInterval> | undefined;

/** The time of the browser in ms, moved on each second. */
export function useNow(): number {
  return useSyncExternalStore(subscribe, () => nowMs);
}

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  if (timer === undefined) {
    // Nobody has moved it since the last listener went.
    nowMs = Date.now();
    timer = setInterval(tick, TICK_MS);
  }
  return () => {
    listeners.delete(listener);
    if (listeners.size > 0) return;
    clearInterval(timer);
    timer = undefined;
  };
}

function tick(): void {
  nowMs = Date.now();
  for (const listener of listeners) listener();
}

/** `3 min ago` or `in 2 h`; nothing where there is no time. */
export function RelativeTime({ at }: { readonly at: Timestamp | Date | undefined }) {
  const now = useNow();
  const { zone } = useZone();
  const date = dateOf(at);
  if (date === undefined) return null;
  const words = relativeWords(date.getTime() - now);
  return (
    <time dateTime={date.toISOString()} title={absoluteWords(date, zone)}>
      {words}
    </time>
  );
}

/** How long something took, or takes up to now. */
export function Duration({
  from,
  to,
}: {
  readonly from: Timestamp | Date | undefined;
  readonly to?: Timestamp | Date | undefined;
}) {
  const now = useNow();
  const start = dateOf(from)?.getTime();
  if (start === undefined) return null;
  const end = dateOf(to)?.getTime() ?? now;
  return <span className="number">{lengthWords(end - start)}</span>;
}

function relativeWords(ms: number): string {
  const away = Math.abs(ms);
  if (away < JUST_NOW_MS) return "just now";
  const [first = ""] = /^\S+ \S+/.exec(lengthWords(Math.round(away / 1_000) * 1_000)) ?? [];
  const words = first.replace(/\.0 /, " ");
  return ms < 0 ? `${words} ago` : `in ${words}`;
}
