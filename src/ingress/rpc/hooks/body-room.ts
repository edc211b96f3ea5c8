/**
 * Room for the bodies of deliveries, which all connections share, and the time that each body may take.
 * Boundary: counts bytes and time; what a body is, is delivery.ts's.
 * Invariants:
 * 1. What is taken is given back once, when the delivery is handed over or refused.
 * 2. The bodies of one workspace have a quarter of the room at most, so that who knows one token keeps no other workspace out.
 */
import { Refusal } from "../../../process/refusal.ts";

/** Bytes of bodies at one time. */
const ROOM_BYTES = 64 * 1024 * 1024;
/** The part of it that the bodies of one workspace may have. */
const OF_WORKSPACE = 1 / 4;
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

/** Gives each body its share, of the room and of that of its workspace. */
export type BodyRoom = (workspaceId: string) => BodyShare;

/** A room without any body. */
export function createBodyRoom(
  roomBytes: number = ROOM_BYTES,
  withinMs: number = ARRIVES_WITHIN_MS,
): BodyRoom {
  let taken = 0;
  const byWorkspace = new Map<string, number>();
  return (workspaceId) => {
    let own = 0;
    let isOver = false;
    const move = (bytes: number) => {
      taken += bytes;
      own += bytes;
      const left = (byWorkspace.get(workspaceId) ?? 0) + bytes;
      if (left === 0) byWorkspace.delete(workspaceId);
      else byWorkspace.set(workspaceId, left);
    };
    const share: BodyShare = {
      take(bytes) {
        if (isOver || taken + bytes > roomBytes) throw full("the service");
        const ofWorkspace = (byWorkspace.get(workspaceId) ?? 0) + bytes;
        if (ofWorkspace > roomBytes * OF_WORKSPACE) throw full("the workspace");
        move(bytes);
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
        move(-own);
      },
    };
    return share;
  };
}

function full(whose: "the service" | "the workspace"): Refusal {
  const message = `${whose} has as many bodies under way as it may; send it again later`;
  return new Refusal("overloaded", message);
}
