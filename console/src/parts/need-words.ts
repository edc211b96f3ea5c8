/** What a template needs, in words. Boundary: texts and icons alone. */
import { Bot, Boxes, Layers, type LucideIcon, Radio } from "lucide-react";
import { TemplateNeedKind } from "../../../gen/workflows/ops/v1/templates_pb.ts";

/** A kind of need. */
export interface NeedWords {
  readonly word: string;
  readonly icon: LucideIcon;
}

const KINDS: Readonly<Record<TemplateNeedKind, NeedWords>> = {
  [TemplateNeedKind.UNSPECIFIED]: { word: "Needs", icon: Boxes },
  [TemplateNeedKind.CAPABILITY]: { word: "An agent that can", icon: Bot },
  [TemplateNeedKind.QUEUE]: { word: "Workers of the queue", icon: Layers },
  [TemplateNeedKind.COLLABORATOR]: { word: "The service", icon: Boxes },
  [TemplateNeedKind.EVENTS]: { word: "Events of", icon: Radio },
};

export function needWords(kind: TemplateNeedKind): NeedWords {
  return KINDS[kind] ?? KINDS[TemplateNeedKind.UNSPECIFIED];
}
