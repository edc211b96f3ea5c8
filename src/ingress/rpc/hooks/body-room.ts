/**
 * Room for the bodies of deliveries, which all connections share, and the time that each body may take.
 * Boundary: counts bytes and time; what a body is, is delivery.ts's.
 * Invariant: what is taken is given back once, when the delivery is handed over or refused.
 */
import { Refusal } from "../../../process/refusal.ts";

/** Bytes of bodies at one time. */
const ROOM_BYTES = 64 * 1024 * 1024;
/** How long a body may take to arrive, in ms: slower ones would keep the room from others. */
const ARRIVES_WITHIN_MS = 30_000;

/** The part of the room that one body has. */
export interface BodyShare {
  /** Refuses overloaded where the bytes find no room. */
  take(bytes: number): void;
  /** What `reading` gives; undefined: the body did not arrive in time, and takes nothing any more. */
  inTime<T>(reading: Promise<T>): Promise<T | undefined>;
  giveBack(): void;
}

/** Gives each body its share. */
export type BodyRoom = () => BodyShare;

/** A room without any body. */
export function createBodyRoom(
  roomBytes: number = ROOM_BYTES,
  withinMs: number = ARRIVES_WITHIN_MS,
): BodyRoom {
  let taken = 0;
  return () => {
    let own = 0;
    let isOver = false;
    const full = "the service reads as many bodies as it can hold; send it again later";
    const share: BodyShare = {
      take(bytes) {
        if (isOver || taken + bytes > roomBytes) throw new Refusal("overloaded", full);
        taken += bytes;
        own += bytes;
      },
      async inTime(reading) {
        let timer: NodeJS.Timeout | undefined;
        const late = new Promise<undefined>((resolve) => {
          timer = setTimeout(resolve, withinMs, undefined);
        });
        try {
          return await Promise.race([reading, late]);
        } finally {
          clearTimeout(timer);
        }
      },
      giveBack() {
        isOver = true;
        taken -= own;
        own = 0;
      },
    };
    return share;
  };
}
