/** Kinds of steps as icons, words and colours, and the ends by which they go on. */
import {
  Bot,
  Boxes,
  CircleHelp,
  GitBranch,
  Hourglass,
  Layers,
  type LucideIcon,
  MessageSquare,
  RadioTower,
  Scale,
  Split,
  Stamp,
  UserRound,
  Wrench,
} from "lucide-react";
import { NEW_STEPS, type NewKind } from "./text/new-steps.ts";
import type { PictureStep } from "./text/picture.ts";

/** How a kind is shown. `hue` names a colour of designer.css. */
export interface KindLook {
  readonly icon: LucideIcon;
  readonly word: string;
  readonly hue: string;
}

const LOOKS: Readonly<Record<NewKind, Omit<KindLook, "word">>> = {
  agent: { icon: Bot, hue: "violet" },
  approval: { icon: Stamp, hue: "amber" },
  task: { icon: UserRound, hue: "blue" },
  branch: { icon: GitBranch, hue: "teal" },
  parallel: { icon: Split, hue: "teal" },
  notify: { icon: MessageSquare, hue: "green" },
  delay: { icon: Hourglass, hue: "grey" },
  event: { icon: RadioTower, hue: "grey" },
  workflow: { icon: Boxes, hue: "indigo" },
  worker: { icon: Wrench, hue: "violet" },
  check: { icon: Scale, hue: "red" },
};

/** Of an entry of the palette. */
export function lookOfNew(kind: NewKind): KindLook {
  return { ...LOOKS[kind], word: NEW_STEPS[kind].word };
}

const BY_KEY: Readonly<Record<string, NewKind>> = {
  ...{ agent: "agent", capability: "agent", queue: "worker", run: "workflow" },
  ...{ approve: "approval", check: "check", branch: "branch", parallel: "parallel" },
  ...{ notify: "notify", task: "task" },
};

/** Of a step. */
export function lookOf({ kind, values, shownKind }: PictureStep): KindLook {
  if (kind === "wait") {
    const { wait } = values;
    const isEvent =
      typeof wait === "object" && wait !== null && !Array.isArray(wait) && !("until" in wait);
    return lookOfNew(isEvent ? "event" : "delay");
  }
  if (kind === "run" && shownKind === "loop")
    return { ...LOOKS.workflow, icon: Layers, word: "Workflows" };
  const known = BY_KEY[kind];
  return known === undefined ? { icon: CircleHelp, hue: "grey", word: "Step" } : lookOfNew(known);
}

/** Where paths leave a step: the label of their edges, and the word on the canvas. */
export interface Port {
  readonly label: string;
  readonly word: string;
}

const AT_FIRST: Readonly<Record<string, readonly Port[]>> = {
  approve: [port("", "approved"), port("denied"), port("expired")],
  check: [port("", "allowed"), port("denied")],
  parallel: [port("", "each"), port("joined")],
  agent: [port("", "next"), port("error")],
  capability: [port("", "next"), port("error")],
  queue: [port("", "next"), port("error")],
  run: [port("", "next"), port("error")],
};
const PLAIN: readonly Port[] = [port("", "next")];

function port(label: string, word = label): Port {
  return { label, word };
}

/** Those of its kind, and those of its edges. */
export function portsOf({ kind, values }: PictureStep, labels: Iterable<string>): Port[] {
  const isByValue = kind === "branch" && !Array.isArray(values.branch);
  const used = [...new Set(labels)];
  const first = isByValue ? valuePorts(used) : (AT_FIRST[kind] ?? PLAIN);
  const known = new Set(first.map(({ label }) => label));
  return [
    ...first,
    ...used.filter((label) => !known.has(label)).map((label) => port(label, label || "else")),
  ];
}

/** `true` and `false`, unless the values are others. */
function valuePorts(used: readonly string[]): Port[] {
  const isOther = used.some(
    (label) => !["true", "false", "default", "", "error", "timeout"].includes(label),
  );
  const values = isOther ? [] : [port("true"), port("false")];
  return [...values, ...(isOther || used.includes("default") ? [port("default", "else")] : [])];
}

/** What stands under the name of a step. */
export function summaryOf({ kind, values }: PictureStep): string {
  const own = values[kind];
  if (typeof own === "string" || typeof own === "number") return String(own);
  if (kind === "wait" && typeof own === "object" && own !== null && !Array.isArray(own)) {
    return String(own.event ?? own.until ?? "");
  }
  if (kind === "run" && typeof own === "object" && own !== null && !Array.isArray(own)) {
    return String(own.workflow ?? own.id ?? "");
  }
  const { instructions, capability } = values;
  return [capability, instructions].find((text): text is string => typeof text === "string") ?? "";
}
