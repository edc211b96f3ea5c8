/**
 * How much of this replica's memory calls may take: a room for each collaborator, and one for calls to the service itself.
 * Boundary: counts calls and their bytes; a call that finds no place stays in the table.
 * Invariants:
 * 1. A room is bounded in calls and bytes. A collaborator that hangs fills its own room, and takes none of another's.
 * 2. A workspace that has as much of a room as is free gets no more, so there is always room for another workspace: of n
 *    that fill a room each has a part of n + 1.
 */
import type { CallKind } from "../../engine/values/call.ts";
import type { LeasedCall } from "../../runtime/submission.ts";
import {
  CALL_KINDS,
  type Claim,
  type ClaimPlaces,
  type WorkspaceCalls,
} from "../../store/calls.ts";

/** The rooms of one replica. */
export interface Rooms {
  /** Takes a place for the call, or gives false. */
  admit(call: LeasedCall): boolean;
  /** Takes a place for a call that was claimed because there was one. */
  enter(call: LeasedCall): void;
  /** Gives true when calls of the room wait in the table and it is time to claim them. */
  leave(call: LeasedCall): boolean;
  /** Notes calls that found no place and are free in the table now; gives true when it is time to claim them. */
  noteFree(calls: readonly LeasedCall[]): boolean;
  /** Free places by kind, and the calls of workspaces that have their share. */
  free(): { readonly places: ClaimPlaces[]; readonly without: WorkspaceCalls[] };
  /** Remembers where a claim ended; gives true when more can be claimed at once. */
  note(claim: Pick<Claim, "next" | "full">): boolean;
}

/** Whom a kind of call goes to. Look-ups ask several collaborators and are one room. */
type RoomName =
  | "look_ups"
  | "objectives"
  | "agents"
  | "meter"
  | "approvals"
  | "governance"
  | "notifications"
  | "own";

const ROOM_OF: Readonly<Record<CallKind, RoomName>> = {
  look_up: "look_ups",
  create_objective: "objectives",
  cancel_objective: "objectives",
  delegate: "agents",
  read_output: "agents",
  query_usage: "meter",
  request_approval: "approvals",
  escalate_approval: "approvals",
  evaluate_action: "governance",
  send_notification: "notifications",
  start_run: "own",
  cancel_run: "own",
  compensate_run: "own",
  tell_parent: "own",
  start_rerun: "own",
};

const CALLS_AT_MOST = 2_048;
const BYTES_AT_MOST = 32 * 1024 * 1024;
const CLAIM_AT_MOST = 200;
/** With less than that left free no call is claimed: it might not fit. */
const CLAIM_BYTES_AT_LEAST = 1024 * 1024;
/** A claim for fewer places waits for the next round, while there are calls in hand. */
const CLAIM_WORTH = 64;

interface Usage {
  calls: number;
  bytes: number;
}

interface Room extends Usage {
  readonly kinds: CallKind[];
  readonly ofWorkspaces: Map<string, Usage>;
  /** Calls of it wait in the table. */
  isShort: boolean;
  /** Calls that left since the last claim. */
  left: number;
}

/** Makes empty rooms. */
export function createRooms(): Rooms {
  const rooms = makeRooms();
  const after = new Map<CallKind, string>();
  const roomOf = (kind: CallKind) => requireRoom(rooms, kind);

  function enter(call: LeasedCall): void {
    const room = roomOf(call.kind);
    const own = room.ofWorkspaces.get(call.workspaceId) ?? { calls: 0, bytes: 0 };
    room.ofWorkspaces.set(call.workspaceId, own);
    for (const usage of [room, own]) {
      usage.calls += 1;
      usage.bytes += call.request.length;
    }
  }

  return {
    admit(call) {
      const room = roomOf(call.kind);
      const fits = room.calls === 0 || hasPlace(room, call.workspaceId, call.request.length);
      if (fits) enter(call);
      return fits;
    },
    enter,
    leave({ kind, workspaceId, request }) {
      const room = roomOf(kind);
      const own = room.ofWorkspaces.get(workspaceId);
      for (const usage of own === undefined ? [room] : [room, own]) {
        usage.calls -= 1;
        usage.bytes -= request.length;
      }
      if (own?.calls === 0) room.ofWorkspaces.delete(workspaceId);
      room.left += 1;
      return isTimeToClaim(room);
    },
    noteFree(calls) {
      const short = new Set(calls.map(({ kind }) => roomOf(kind)));
      for (const room of short) room.isShort = true;
      return [...short].some(isTimeToClaim);
    },
    free() {
      const open = [...rooms.values()].filter(mayClaim);
      for (const room of open) {
        room.left = 0;
        // Of a workspace that has its share none is claimed.
        room.isShort = withoutOf(room).length > 0;
      }
      return {
        places: open.flatMap((room) => placesOf(room, after)),
        without: open.flatMap(withoutOf),
      };
    },
    note({ next, full }) {
      for (const [kind, workspaceId] of next) after.set(kind, workspaceId);
      for (const kind of full) roomOf(kind).isShort = true;
      return [...full].some((kind) => mayClaim(roomOf(kind)));
    },
  };
}

function makeRooms(): ReadonlyMap<RoomName, Room> {
  const rooms = new Map<RoomName, Room>();
  for (const kind of CALL_KINDS) {
    const room = rooms.get(ROOM_OF[kind]) ?? emptyRoom();
    rooms.set(ROOM_OF[kind], room);
    room.kinds.push(kind);
  }
  return rooms;
}

function emptyRoom(): Room {
  return { kinds: [], calls: 0, bytes: 0, ofWorkspaces: new Map(), isShort: false, left: 0 };
}

function requireRoom(rooms: ReadonlyMap<RoomName, Room>, kind: CallKind): Room {
  const room = rooms.get(ROOM_OF[kind]);
  if (room === undefined) throw new Error(`calls ${kind} have no room`);
  return room;
}

function isTimeToClaim({ isShort, left, calls }: Room): boolean {
  return isShort && (left >= CLAIM_WORTH || calls <= CLAIM_WORTH);
}

function hasPlace(room: Room, workspaceId: string, bytes: number): boolean {
  const own = room.ofWorkspaces.get(workspaceId) ?? { calls: 0, bytes: 0 };
  return own.calls < CALLS_AT_MOST - room.calls && own.bytes + bytes <= BYTES_AT_MOST - room.bytes;
}

/** A claim takes half of what is free: what is committed meanwhile finds the other half. */
function shareOfKind(room: Room): Usage {
  const part = 2 * room.kinds.length;
  return {
    calls: Math.min(CLAIM_AT_MOST, Math.floor((CALLS_AT_MOST - room.calls) / part)),
    bytes: Math.floor((BYTES_AT_MOST - room.bytes) / part),
  };
}

function mayClaim(room: Room): boolean {
  const { calls, bytes } = shareOfKind(room);
  return calls >= 1 && bytes >= CLAIM_BYTES_AT_LEAST;
}

function placesOf(room: Room, after: ReadonlyMap<CallKind, string>): ClaimPlaces[] {
  const { calls: places, bytes } = shareOfKind(room);
  return room.kinds.map((kind) => ({ kind, after: after.get(kind) ?? "", places, bytes }));
}

function withoutOf(room: Room): WorkspaceCalls[] {
  const having = [...room.ofWorkspaces.keys()].filter((id) => !hasPlace(room, id, 1));
  return having.flatMap((workspaceId) => room.kinds.map((kind) => ({ kind, workspaceId })));
}
