/** What Doctor finds. */
import { Fragment } from "react";
import type { Check } from "../../../../gen/workflows/ops/v1/system_pb.ts";
import { ErrorNote } from "../error-note.tsx";
import { Loading } from "../loading.tsx";
import { PlainText } from "../plain-text.tsx";
import { CheckState } from "../state-badge.tsx";
import { type Column, Table } from "../table.tsx";

export function Checks({
  checks,
  error,
  refetch,
}: {
  readonly checks: readonly Check[] | undefined;
  readonly error: unknown;
  readonly refetch: () => unknown;
}) {
  if (checks === undefined) {
    return error ? <ErrorNote error={error} onRetry={refetch} /> : <Loading />;
  }
  const columns: Column<Check>[] = [
    {
      title: "Check",
      cell: ({ name }) => <strong>{name.replace(":", ": ").replaceAll("_", " ")}</strong>,
    },
    { title: "State", cell: ({ status }) => <CheckState status={status} /> },
    { title: "Found", cell: ({ sentence }) => <PlainText>{sentence}</PlainText> },
    { title: "What to do", cell: ({ action }) => <WithCode text={action} /> },
  ];
  // What is wrong comes first.
  const sorted = checks.toSorted((a, b) => b.status - a.status);
  return <Table label="Checks" columns={columns} rows={sorted} keyOf={({ name }) => name} />;
}

/** What stands between backticks is code. */
function WithCode({ text }: { readonly text: string }) {
  return text.split("`").map((piece, at) =>
    // biome-ignore lint/suspicious/noArrayIndexKey: pieces of one text have no other name.
    at % 2 === 1 ? <code key={at}>{piece}</code> : <Fragment key={at}>{piece}</Fragment>,
  );
}
