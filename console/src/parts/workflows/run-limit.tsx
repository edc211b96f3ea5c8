/** How many runs of a workflow may be open at once: what is set, and its change. */
import { useId, useState } from "react";
import { type RunLimit, WhenFull } from "../../../../gen/workflows/ops/v1/run_limits_pb.ts";
import type { Workflow } from "../../../../gen/workflows/ops/v1/workflows_pb.ts";
import { useAct } from "../../api/queries.ts";
import { useRights } from "../../api/rights.ts";
import { ActionDialog } from "../action-dialog.tsx";
import { withReason } from "../cli-line.tsx";
import { PlainText } from "../plain-text.tsx";

const UPDATE = "workflows.ops.v1.Workflows/Update";
const MOST = 1_000;

/** What becomes of further starts, by the word of `workflows update --when-full`. */
const CHOICES = [
  { word: "queue", value: WhenFull.QUEUE, text: "further ones wait" },
  { word: "drop", value: WhenFull.DROP, text: "further starts are dropped" },
  { word: "replace", value: WhenFull.REPLACE, text: "further ones replace the oldest" },
] as const;

export function RunLimitCard({ workflow }: { readonly workflow: Workflow }) {
  const { may } = useRights();
  const words = limitWords(workflow.runLimit);
  return (
    <article className="card" aria-label="Runs at once">
      <div className="card-head">
        <h2>Runs at once</h2>
        {may(UPDATE) && <Edit key={workflow.etag} workflow={workflow} />}
      </div>
      <p className="card-body">
        {words === "" ? (
          <span className="muted">As many runs may be open as are started.</span>
        ) : (
          <PlainText most={2_000}>{words}</PlainText>
        )}
      </p>
    </article>
  );
}

/** "": there is none. */
function limitWords(limit: RunLimit | undefined): string {
  if (limit === undefined) return "";
  const { maxOpenRuns, concurrencyKey } = limit;
  const ofKey = concurrencyKey === "" ? "" : ` of each ${concurrencyKey}`;
  return `At most ${maxOpenRuns}${ofKey} in each environment; ${choiceOf(limit).text}.`;
}

function choiceOf({ whenFull }: Pick<RunLimit, "whenFull">) {
  return CHOICES.find(({ value }) => value === whenFull) ?? CHOICES[0];
}

function Edit({ workflow: { definition, etag, runLimit } }: { readonly workflow: Workflow }) {
  const { id = "", name = "" } = definition ?? {};
  const now = {
    most: runLimit === undefined ? "" : String(runLimit.maxOpenRuns),
    concurrencyKey: runLimit?.concurrencyKey ?? "",
    choice: choiceOf(runLimit ?? { whenFull: WhenFull.QUEUE }),
  };
  const [typed, setTyped] = useState(now);
  const ids = { most: useId(), key: useId(), full: useId() };
  const most = typed.most.trim() === "" ? 0 : Number(typed.most);
  const isNumber = Number.isInteger(most) && most >= 0 && most <= MOST;
  const concurrencyKey = typed.concurrencyKey.trim();
  const { choice } = typed;
  const update = useAct(({ sources }, reason: string) =>
    sources.update({
      ...{ definitionId: id, etag, reason, updateMask: ["run_limit"] },
      runLimit: { maxOpenRuns: most, concurrencyKey, whenFull: choice.value },
    }),
  );
  const isChanged =
    most !== (runLimit?.maxOpenRuns ?? 0) ||
    (most > 0 && (concurrencyKey !== now.concurrencyKey || choice !== now.choice));
  return (
    <ActionDialog
      title="Save the limit"
      trigger={<button type="button">Change</button>}
      reason="optional"
      isReady={isNumber && isChanged}
      cli={(reason) =>
        withReason(["update", name, ...optionsOf(most, concurrencyKey, choice.word)], reason)
      }
      act={(reason) => update.mutateAsync(reason)}
      onOpenChange={(isOpen) => isOpen && setTyped(now)}
    >
      <p>
        It holds for whatever starts runs, in each environment by itself. Runs that are open go on.
      </p>
      <div className="field">
        <label htmlFor={ids.most}>Open runs at most</label>
        <input
          id={ids.most}
          type="number"
          min={0}
          max={MOST}
          placeholder="no limit"
          value={typed.most}
          onChange={({ target }) => setTyped({ ...typed, most: target.value })}
        />
      </div>
      <div className="field">
        <label htmlFor={ids.key}>
          Of each <span className="muted">(an expression over the input; empty: all together)</span>
        </label>
        <input
          id={ids.key}
          value={typed.concurrencyKey}
          autoComplete="off"
          placeholder="customer.id"
          onChange={({ target }) => setTyped({ ...typed, concurrencyKey: target.value })}
        />
      </div>
      <div className="field">
        <label htmlFor={ids.full}>While so many are open</label>
        <select
          id={ids.full}
          value={choice.word}
          onChange={({ target }) => {
            const next = CHOICES.find(({ word }) => word === target.value) ?? choice;
            setTyped({ ...typed, choice: next });
          }}
        >
          {CHOICES.map(({ word, text }) => (
            <option key={word} value={word}>
              {text}
            </option>
          ))}
        </select>
      </div>
    </ActionDialog>
  );
}

function optionsOf(most: number, key: string, word: string): string[] {
  if (most === 0) return ["--max-open-runs", "0"];
  return ["--max-open-runs", String(most), "--concurrency-key", key, "--when-full", word];
}
