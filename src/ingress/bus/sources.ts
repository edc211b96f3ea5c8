/**
 * Which durable consumers the configured sources need.
 *
 * Boundary: pure; names of consumers are part of the service's outside and stay as they are.
 */

import type { QueueEvents } from "./queue-headers.ts";

/** A subject of a stream that the service listens to. */
export interface BusSource {
  readonly stream: string;
  readonly subject: string;
  readonly queue?: QueueEvents;
}

/** A source with its durable consumer. */
export interface ConsumerPlan extends BusSource {
  readonly durable: string;
}

/**
 * One consumer a source: `workflows-<stream in lower case>`, with `-2`, `-3` … for a stream's
 * further subjects, since several filters in one consumer need nats-server 2.10. A source that
 * comes twice counts once.
 */
export function planConsumers(sources: readonly BusSource[]): ConsumerPlan[] {
  const subjects = new Map<string, string[]>();
  const plans: ConsumerPlan[] = [];
  for (const { stream, subject, queue } of sources) {
    const known = subjects.get(stream) ?? [];
    if (known.includes(subject)) continue;
    known.push(subject);
    subjects.set(stream, known);
    const name = `workflows-${stream.toLowerCase()}`;
    const durable = known.length === 1 ? name : `${name}-${known.length}`;
    plans.push({ stream, subject, durable, ...(queue === undefined ? {} : { queue }) });
  }
  return plans;
}

/** All subjects that the sources name of a stream. */
export function subjectsOf(sources: readonly BusSource[], stream: string): string[] {
  return [
    ...new Set(sources.filter((source) => source.stream === stream).map(({ subject }) => subject)),
  ];
}
