/** How a part of a version differs from that of another one, as icon, sign and word. */
import { type LucideIcon, Pencil, Plus, X } from "lucide-react";
import type { Tone } from "../badge.tsx";
import type { Mark } from "./node-facts.ts";

/** How a mark is shown. */
export interface MarkLook {
  readonly word: string;
  readonly icon: LucideIcon;
  /** In a drawing, where there is no icon. */
  readonly sign: string;
  readonly tone: Tone;
}

/** All of them. */
export const MARKS: Readonly<Record<Mark, MarkLook>> = {
  added: { word: "added", icon: Plus, sign: "+", tone: "ok" },
  removed: { word: "removed", icon: X, sign: "×", tone: "bad" },
  changed: { word: "changed", icon: Pencil, sign: "≠", tone: "warn" },
};
