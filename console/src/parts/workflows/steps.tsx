/** The steps of a version as a table. */
import { useMemo } from "react";
import {
  type StepDefinition,
  StepType,
  type WorkflowVersion,
} from "../../../../gen/workflows/v1/workflows_pb.ts";
import { nameOfValue } from "../../api/names.ts";
import { PlainText } from "../plain-text.tsx";
import { type Column, Table } from "../table.tsx";

export function Steps({ version }: { readonly version: WorkflowVersion }) {
  const nextOf = useMemo(() => {
    const next = new Map<string, string[]>();
    for (const { fromStepId, toStepId, label, conditionExpr } of version.edges) {
      const when = label || conditionExpr;
      const words = when === "" ? toStepId : `${toStepId} (${when})`;
      next.set(fromStepId, [...(next.get(fromStepId) ?? []), words]);
    }
    return next;
  }, [version]);
  const columns: Column<StepDefinition>[] = [
    {
      title: "Step",
      cell: ({ id, name }) => (
        <span className="workflow-name">
          <strong>
            <PlainText most={200}>{name || id}</PlainText>
          </strong>
          {name !== "" && name !== id && <code className="muted">{id}</code>}
        </span>
      ),
    },
    { title: "Type", cell: ({ stepType }) => typeWords(stepType) },
    {
      title: "Done by",
      cell: ({ agentId, requiredCapability, notificationChannel, eventTypePattern }) => (
        <code>
          <PlainText most={200}>
            {agentId || requiredCapability || notificationChannel || eventTypePattern}
          </PlainText>
        </code>
      ),
    },
    { title: "Then", cell: ({ id }) => <PlainText>{nextOf.get(id)?.join(", ") ?? ""}</PlainText> },
    { title: "Undone by", cell: ({ compensationStepId }) => <code>{compensationStepId}</code> },
  ];
  return <Table label="Steps" columns={columns} rows={version.steps} keyOf={({ id }) => id} />;
}

/** `Approval gate` for APPROVAL_GATE. */
function typeWords(type: StepType): string {
  const words = nameOfValue(StepType, type).toLowerCase().replaceAll("_", " ");
  return words.charAt(0).toUpperCase() + words.slice(1);
}
