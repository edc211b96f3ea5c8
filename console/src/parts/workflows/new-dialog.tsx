/** Makes a workflow without versions, and goes to its draft; or leads to the templates. */
import { Plus } from "lucide-react";
import { useId, useState } from "react";
import { Link, useLocation } from "wouter";
import { useApi } from "../../api/api.tsx";
import { useAct } from "../../api/queries.ts";
import { useRights } from "../../api/rights.ts";
import { paths } from "../../paths.ts";
import { ActionDialog } from "../action-dialog.tsx";
import { withReason } from "../cli-line.tsx";

const CREATE = "workflows.ops.v1.Workflows/Create";

export function NewWorkflow() {
  const { may } = useRights();
  const { workspaceId } = useApi();
  const [, go] = useLocation();
  const [typed, setTyped] = useState(NOTHING);
  const ids = { name: useId(), description: useId(), owner: useId() };
  const create = useAct(
    ({ sources }, reason: string) => sources.create({ workspaceId, ...typed, reason }),
    ({ workflow }) => go(paths.workflowTab(workflow?.definition?.id ?? "", "draft")),
  );
  if (!may(CREATE)) return null;
  const { name, description, owner } = typed;
  const set = (change: Partial<typeof NOTHING>) => setTyped({ ...typed, ...change });
  return (
    <ActionDialog
      title="Make the workflow"
      trigger={
        <button type="button" className="primary">
          <Plus size={16} aria-hidden="true" />
          New workflow
        </button>
      }
      reason="optional"
      isReady={name.trim() !== ""}
      cli={(reason) =>
        withReason(
          [
            ...["create", name || "NAME"],
            ...(description === "" ? [] : ["--description", description]),
            ...(owner === "" ? [] : ["--owner", owner]),
          ],
          reason,
        )
      }
      act={(reason) => create.mutateAsync(reason)}
      onOpenChange={() => setTyped(NOTHING)}
    >
      <p>
        It begins with a draft. To begin with something that works,{" "}
        <Link href={paths.templates}>choose a template</Link>.
      </p>
      <div className="field">
        <label htmlFor={ids.name}>Name</label>
        <input
          id={ids.name}
          value={name}
          required
          autoComplete="off"
          placeholder="expense-approval"
          onChange={({ target }) => set({ name: target.value })}
        />
      </div>
      <div className="field">
        <label htmlFor={ids.description}>
          Description <span className="muted">(optional)</span>
        </label>
        <textarea
          id={ids.description}
          rows={2}
          value={description}
          onChange={({ target }) => set({ description: target.value })}
        />
      </div>
      <div className="field">
        <label htmlFor={ids.owner}>
          Who answers for it <span className="muted">(optional)</span>
        </label>
        <input
          id={ids.owner}
          value={owner}
          autoComplete="off"
          placeholder="ann@example.com"
          onChange={({ target }) => set({ owner: target.value })}
        />
      </div>
    </ActionDialog>
  );
}

const NOTHING = { name: "", description: "", owner: "" };
