/** What a workflow is called and whose it is; and its end: the archive, or deletion. */
import { type ReactNode, useId, useState } from "react";
import { useLocation } from "wouter";
import type { Workflow } from "../../../../gen/workflows/ops/v1/workflows_pb.ts";
import { useApi } from "../../api/api.tsx";
import { useAct } from "../../api/queries.ts";
import { useRights } from "../../api/rights.ts";
import { paths } from "../../paths.ts";
import { ActionDialog } from "../action-dialog.tsx";
import { withReason } from "../cli-line.tsx";
import { PlainText } from "../plain-text.tsx";
import { RunLimitCard } from "./run-limit.tsx";

const SERVICE = "workflows.ops.v1.Workflows";

export function SettingsTab({ workflow }: { readonly workflow: Workflow }) {
  const { may } = useRights();
  const { definition, owner, team, archivedAt } = workflow;
  if (definition === undefined) return null;
  const { id, name, description, tags } = definition;
  const isArchived = archivedAt !== undefined;
  return (
    <section aria-label="Settings" className="settings">
      <article className="card">
        <div className="card-head">
          <h2>About it</h2>
          {may(`${SERVICE}/Update`) && <Edit key={workflow.etag} workflow={workflow} />}
        </div>
        <dl className="card-body facts">
          <Fact name="Name">{name}</Fact>
          <Fact name="Description">{description}</Fact>
          <Fact name="Owner">{owner}</Fact>
          <Fact name="Team">{team}</Fact>
          <Fact name="Tags">{tags.join(", ")}</Fact>
        </dl>
      </article>
      <RunLimitCard workflow={workflow} />
      <article className="card">
        <div className="card-head">
          <h2>{isArchived ? "It is archived" : "When it is not needed any more"}</h2>
        </div>
        <div className="card-body settings-end">
          <p>
            {isArchived
              ? "Nothing starts runs of it, and lists leave it out."
              : "An archived workflow starts nothing and is left out of lists. Its runs and versions stay."}
          </p>
          <div className="action-buttons">
            {isArchived
              ? may(`${SERVICE}/Unarchive`) && <Unarchive id={id} name={name} />
              : may(`${SERVICE}/Archive`) && <Archive id={id} name={name} />}
            {may(`${SERVICE}/Delete`) && <Delete id={id} name={name} />}
          </div>
        </div>
      </article>
    </section>
  );
}

function Fact({ name, children }: { readonly name: string; readonly children: string }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>
        {children === "" ? (
          <span className="muted">none</span>
        ) : (
          <PlainText most={2_000}>{children}</PlainText>
        )}
      </dd>
    </div>
  );
}

const FIELDS = ["name", "description", "owner", "team", "tags"] as const;
type FieldName = (typeof FIELDS)[number];
const LABELS: Readonly<Record<FieldName, string>> = {
  ...{ name: "Name", description: "Description", owner: "Owner", team: "Team" },
  tags: "Tags, with commas between",
};

function Edit({ workflow }: { readonly workflow: Workflow }) {
  const { definition, owner, team, etag } = workflow;
  const { id = "", name = "", description = "", tags = [] } = definition ?? {};
  const now = { name, description, owner, team, tags: tags.join(", ") };
  const [typed, setTyped] = useState(now);
  const changed = FIELDS.filter((field) => typed[field].trim() !== now[field].trim());
  const update = useAct(({ sources }, reason: string) =>
    sources.update({
      ...{ definitionId: id, etag, reason, updateMask: changed },
      ...{ name: typed.name.trim(), description: typed.description },
      ...{ owner: typed.owner.trim(), team: typed.team.trim(), tags: tagsOf(typed.tags) },
    }),
  );
  return (
    <ActionDialog
      title="Save the changes"
      trigger={<button type="button">Edit</button>}
      reason="optional"
      isReady={changed.length > 0 && typed.name.trim() !== ""}
      cli={(reason) =>
        withReason(
          [
            ...["update", name],
            ...changed.flatMap((field) => [
              `--${field}`,
              field === "tags" ? tagsOf(typed.tags).join(",") : typed[field],
            ]),
          ],
          reason,
        )
      }
      act={(reason) => update.mutateAsync(reason)}
      onOpenChange={(isOpen) => isOpen && setTyped(now)}
    >
      {FIELDS.map((field) => (
        <TextField
          key={field}
          label={LABELS[field]}
          value={typed[field]}
          isLong={field === "description"}
          onChange={(text) => setTyped({ ...typed, [field]: text })}
        />
      ))}
    </ActionDialog>
  );
}

function TextField({
  label,
  value,
  isLong,
  onChange,
}: {
  readonly label: string;
  readonly value: string;
  readonly isLong: boolean;
  readonly onChange: (text: string) => void;
}) {
  const id = useId();
  const shared = { id, value, autoComplete: "off" };
  return (
    <div className="field">
      <label htmlFor={id}>{label}</label>
      {isLong ? (
        <textarea {...shared} rows={2} onChange={({ target }) => onChange(target.value)} />
      ) : (
        <input {...shared} onChange={({ target }) => onChange(target.value)} />
      )}
    </div>
  );
}

function tagsOf(text: string): string[] {
  const tags = text.split(",").map((tag) => tag.trim());
  return [...new Set(tags.filter((tag) => tag !== ""))];
}

interface NamedProps {
  readonly id: string;
  readonly name: string;
}

function Archive({ id, name }: NamedProps) {
  const archive = useAct(({ sources }, reason: string) =>
    sources.archive({ definitionId: id, reason }),
  );
  return (
    <ActionDialog
      title="Archive the workflow"
      trigger={<DangerButton>Archive</DangerButton>}
      isDestructive
      reason="required"
      cli={(reason) => withReason(["archive", name], reason)}
      act={(reason) => archive.mutateAsync(reason)}
    >
      <p>
        Nothing starts runs of it any more: no event, schedule, endpoint or person. Runs under way
        go on. It can be taken out of the archive again.
      </p>
    </ActionDialog>
  );
}

function Unarchive({ id, name }: NamedProps) {
  const unarchive = useAct(({ sources }, reason: string) =>
    sources.unarchive({ definitionId: id, reason }),
  );
  return (
    <ActionDialog
      title="Take it out of the archive"
      trigger={<button type="button">Take it out of the archive</button>}
      reason="optional"
      cli={(reason) => withReason(["unarchive", name], reason)}
      act={(reason) => unarchive.mutateAsync(reason)}
    >
      <p>The versions that are deployed start runs again.</p>
    </ActionDialog>
  );
}

function Delete({ id, name }: NamedProps) {
  const [, go] = useLocation();
  const { workspaceId } = useApi();
  const remove = useAct(
    ({ sources }, reason: string) => sources.delete({ definitionId: id, workspaceId, reason }),
    () => go(paths.workflows),
  );
  return (
    <ActionDialog
      title="Delete the workflow"
      trigger={<DangerButton>Delete</DangerButton>}
      isDestructive
      reason="required"
      confirmWord={name}
      cli={(reason) => withReason(["delete", name, "--yes"], reason)}
      act={(reason) => remove.mutateAsync(reason)}
    >
      <p>
        The workflow, its versions and its draft are gone for ever. One that has runs cannot be
        deleted: archive it.
      </p>
    </ActionDialog>
  );
}

/** Radix opens the dialog by it. */
function DangerButton({ children, ...props }: { readonly children: ReactNode }) {
  return (
    <button type="button" className="danger" {...props}>
      {children}
    </button>
  );
}
