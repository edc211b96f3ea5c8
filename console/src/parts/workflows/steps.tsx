/** The steps of a version as a table. */
import { useMemo } from "react";
import type { StepDefinition, WorkflowVersion } from "../../../../gen/workflows/v1/workflows_pb.ts";
import { typeShown } from "../graph/step-words.ts";
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
    { title: "Type", cell: (step) => <StepKind step={step} /> },
    {
      title: "Done by",
      cell: (step) => (
        <code>
          <PlainText most={200}>{doneBy(step)}</PlainText>
        </code>
      ),
    },
    { title: "Then", cell: ({ id }) => <PlainText>{nextOf.get(id)?.join(", ") ?? ""}</PlainText> },
    { title: "Undone by", cell: ({ compensationStepId }) => <code>{compensationStepId}</code> },
  ];
  return <Table label="Steps" columns={columns} rows={version.steps} keyOf={({ id }) => id} />;
}

/** Who or what does it; "": the service itself, or anybody. */
function doneBy({ agentId, requiredCapability, config, ...step }: StepDefinition): string {
  const { assignee, approvers, queue } = config ?? {};
  const people = Array.isArray(approvers) ? approvers : [approvers, assignee, queue];
  const named = people.filter((each) => typeof each === "string").join(", ");
  const { notificationChannel, eventTypePattern } = step;
  return agentId || requiredCapability || named || notificationChannel || eventTypePattern;
}

/** The icon and the word of the graph. */
function StepKind({ step }: { readonly step: StepDefinition }) {
  const { icon: Icon, word } = typeShown(step);
  return (
    <span className="with-icon">
      <Icon size={14} aria-hidden="true" />
      {word}
    </span>
  );
}
