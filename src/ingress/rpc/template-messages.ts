/** workflows.ops.v1.Template of the gallery and of rows. Boundary: messages. */
import { timestampFromDate } from "@bufbuild/protobuf/wkt";
import { TemplateNeedKind } from "../../../gen/workflows/ops/v1/templates_pb.ts";
import type { TemplateHeadRow, TemplateRow } from "../../store/reads/templates.ts";
import type { Template, TemplateNeed } from "../../templates/template.ts";

const NEEDS: Readonly<Record<TemplateNeed["kind"], TemplateNeedKind>> = {
  capability: TemplateNeedKind.CAPABILITY,
  queue: TemplateNeedKind.QUEUE,
  collaborator: TemplateNeedKind.COLLABORATOR,
  events: TemplateNeedKind.EVENTS,
};

/** A template of the gallery as a list shows it. */
export function headOf(template: Omit<Template, "source" | "scenarios">) {
  const { id, version, title, summary, category, parameters, needs } = template;
  return {
    ...{ id, version, title, summary, category, parameters, builtIn: true },
    needs: needs.map(({ kind, name, purpose }) => ({ kind: NEEDS[kind], name, purpose })),
  };
}

/** A template of a workspace as a list shows it. */
export function rowHead(row: TemplateHeadRow) {
  const { savedBy, savedAt, etag, reason } = row;
  return {
    ...headOf(describedBy(row)),
    ...{ builtIn: false, savedBy, savedAt: timestampFromDate(savedAt), etag, reason },
  };
}

/** As rowHead, with its text. */
export function rowMessage(row: TemplateRow) {
  return { ...rowHead(row), sourceText: row.sourceText };
}

/** A template of a workspace, which has no scenarios. */
export function templateOf(row: TemplateRow): Template {
  return { ...describedBy(row), source: row.sourceText, scenarios: [] };
}

function describedBy(row: TemplateHeadRow): Omit<Template, "source" | "scenarios"> {
  const { id, revision: version, title, summary, category } = row;
  return {
    ...{ id, version, title, summary, category },
    parameters: JSON.parse(row.parametersJson),
    needs: JSON.parse(row.needsJson),
  };
}
