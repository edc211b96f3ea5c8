/** Items of the inbox in words for who decides, without those of workflows. Boundary: texts alone. */
import { Hammer, ListTodo, type LucideIcon, Rocket, Stamp } from "lucide-react";
import { type InboxItem, ItemKind, ItemState } from "../../../../gen/workflows/ops/v1/inbox_pb.ts";
import { WorkflowsError } from "../../../../src/client/errors.ts";
import { type ErrorWords, wordsOf } from "../../api/words.ts";
import type { Tone } from "../../parts/badge.tsx";

/** What an item asks for. */
export interface KindWords {
  /** In the address of the list. */
  readonly id: string;
  readonly word: string;
  readonly icon: LucideIcon;
}

const UNKNOWN: KindWords = { id: "", word: "Item", icon: ListTodo };
const KINDS: Readonly<Record<ItemKind, KindWords>> = {
  [ItemKind.UNSPECIFIED]: UNKNOWN,
  [ItemKind.APPROVAL]: { id: "approval", word: "Approval", icon: Stamp },
  [ItemKind.TASK]: { id: "task", word: "Task", icon: ListTodo },
  [ItemKind.HELD]: { id: "held", word: "To be mended", icon: Hammer },
  [ItemKind.DEPLOY]: { id: "deploy", word: "Deployment", icon: Rocket },
};

/** All kinds that can be chosen. */
export const KINDS_CHOSEN: readonly ItemKind[] = [
  ...[ItemKind.APPROVAL, ItemKind.TASK, ItemKind.HELD, ItemKind.DEPLOY],
];

/** What kind of item it is. */
export function kindWords(kind: ItemKind): KindWords {
  return KINDS[kind] ?? UNKNOWN;
}

/** Where an item stands. */
export function stateWords({ state, claimedBy }: InboxItem): {
  readonly word: string;
  readonly tone: Tone;
} {
  switch (state) {
    case ItemState.OPEN:
      return { word: "Open", tone: "warn" };
    case ItemState.CLAIMED:
      return { word: `Claimed by ${nameOf(claimedBy)}`, tone: "info" };
    case ItemState.DONE:
      return { word: "Done", tone: "ok" };
    case ItemState.EXPIRED:
      return { word: "Expired", tone: "idle" };
    case ItemState.VOID:
      return { word: "Not needed any more", tone: "idle" };
    default:
      return { word: "Unknown", tone: "idle" };
  }
}

/** Whether somebody may act on it still. */
export function isOpen({ state }: InboxItem): boolean {
  return state === ItemState.OPEN || state === ItemState.CLAIMED;
}

/** A name as people know it: the service marks those that nobody proved. */
export function nameOf(recorded: string): string {
  return recorded.replace(/^unverified:/, "");
}

const RISKS: Readonly<Record<string, Tone>> = {
  LOW: "idle",
  MEDIUM: "info",
  HIGH: "warn",
  CRITICAL: "bad",
};

/** A level of risk; undefined where there is none. */
export function riskWords(
  level: string,
): { readonly word: string; readonly tone: Tone } | undefined {
  if (level === "") return undefined;
  return { word: `${capital(level)} risk`, tone: RISKS[level] ?? "idle" };
}

const DECISIONS: Readonly<Record<string, string>> = {
  approved: "approved",
  auto_approved: "approved by a rule",
  denied: "denied",
  expired: "let the time run out",
  escalated: "passed on to the next person",
};

/** What was decided. */
export function decisionWords(decision: string): string {
  return DECISIONS[decision] ?? decision;
}

function capital(word: string): string {
  return word.charAt(0).toUpperCase() + word.slice(1).toLowerCase();
}

/** Messages of the service that have words of their own here. Others are shown as they are. */
const REFUSALS: readonly [message: RegExp, title: string, detail: (found: string[]) => string][] = [
  [
    /^(\S+) is asked, not (\S+)$/,
    "You are not asked",
    ([, asked = "", you = ""]) => `${asked} is asked to do this, and you act as ${you}.`,
  ],
  [
    /^the run's initiator does not decide/,
    "You cannot decide what you started",
    () => "Somebody else must decide this.",
  ],
  [
    /^another request of the gate is decided by the same person/,
    "You have decided already",
    () => "Each person counts once. Somebody else must decide this one.",
  ],
  [
    /^the item is claimed by (\S+)$/,
    "Somebody else works on this",
    ([, claimant = ""]) => `${nameOf(claimant)} has claimed it. It can be released first.`,
  ],
  [
    // The owner of approvals knows it before its event has reached the run.
    /^the item is done$|^the request is not open: /,
    "This is decided already",
    () => "Somebody was faster. What was decided is shown here now.",
  ],
  [/^the item is expired$/, "The time for this is over", () => "It cannot be decided any more."],
  [
    /^the item is void$/,
    "This is not needed any more",
    () => "What asked for it has ended or went on without it.",
  ],
  [
    /^the digest is not that of the item/,
    "What is to be decided has changed",
    () => "Read it again before you decide: it is shown here as it is now.",
  ],
];

/** Why an action was refused, for who decides. */
export function refusalWords(error: unknown): ErrorWords {
  if (error instanceof WorkflowsError) {
    for (const [message, title, detail] of REFUSALS) {
      const found = message.exec(error.message);
      if (found !== null) return { title, detail: detail([...found]) };
    }
    const isNameless = error.fields.some(({ field }) => field.toLowerCase() === "workflows-actor");
    if (isNameless || /workflows-actor/i.test(error.message)) {
      return { title: "Say who you are first", detail: "The button with a person has the name." };
    }
  }
  return wordsOf(error);
}
