/** Orders for an open or held step: retry, skip, complete, fail. Each names the attempt that was seen when its dialog was opened. */
import type { JsonObject } from "@bufbuild/protobuf";
import { useId, useState } from "react";
import { useAct } from "../../api/queries.ts";
import { useRights } from "../../api/rights.ts";
import { ActionDialog } from "../../parts/action-dialog.tsx";
import { withReason } from "../../parts/cli-line.tsx";

const RUNS = "workflows.ops.v1.Runs";

interface Order {
  readonly runId: string;
  readonly stepId: string;
  /** The latest one that has begun. */
  readonly attempt: number;
}

/** What the person gave, and the attempt that they saw. */
interface Given {
  readonly reason: string;
  readonly attempt: number;
}

type Output = JsonObject | undefined;

/** Buttons; those that the caller may not press are not there. */
export function StepOrders(order: Order) {
  const { may } = useRights();
  return (
    <>
      {may(`${RUNS}/RetryStep`) && <Retry {...order} />}
      {may(`${RUNS}/SkipStep`) && <End {...order} kind="skip" />}
      {may(`${RUNS}/CompleteStep`) && <End {...order} kind="complete" />}
      {may(`${RUNS}/FailStep`) && <Fail {...order} />}
    </>
  );
}

/** RetryStep. */
function Retry({ runId, stepId, attempt }: Order) {
  const retry = useAct(({ runs }, given: Given) => runs.retryStep({ runId, stepId, ...given }));
  return (
    <ActionDialog
      title="Try the step again"
      trigger={<button type="button">Retry</button>}
      reason="required"
      cli={(reason) => withReason(["retry", runId, stepId], reason)}
      attempt={attempt}
      act={(reason, seen) => retry.mutateAsync({ reason, attempt: seen })}
    >
      <p>
        The next attempt of <strong>{stepId}</strong> begins now, whatever its retry policy says. An
        attempt that is in flight is given up.
      </p>
    </ActionDialog>
  );
}

const ENDS = {
  skip: {
    title: "Skip the step",
    button: "Skip",
    about: "ends without its work. The run goes on as if it had succeeded; it is never undone.",
  },
  complete: {
    title: "Complete the step",
    button: "Complete",
    about: "ends as if its work were done. It is undone like any other step.",
  },
} as const;

/** SkipStep and CompleteStep. */
function End({ runId, stepId, attempt, kind }: Order & { readonly kind: keyof typeof ENDS }) {
  const [text, setText] = useState("");
  const id = useId();
  const output = readOutput(text);
  const end = useAct<Given, object>(({ runs }, seen) => {
    const order = { runId, stepId, ...seen };
    const given = output.value === undefined ? order : { ...order, output: output.value };
    return kind === "skip" ? runs.skipStep(given) : runs.completeStep(given);
  });
  const { title, button, about } = ENDS[kind];
  const args = output.value === undefined ? [] : ["--output", JSON.stringify(output.value)];
  return (
    <ActionDialog
      title={title}
      trigger={<button type="button">{button}</button>}
      reason="required"
      cli={(reason) => withReason([kind, runId, stepId, ...args], reason)}
      isReady={output.fault === ""}
      attempt={attempt}
      act={(reason, seen) => end.mutateAsync({ reason, attempt: seen })}
    >
      <p>
        <strong>{stepId}</strong> {about}
      </p>
      <div className="field">
        <label htmlFor={id}>
          Output <span className="muted">(JSON object, optional)</span>
        </label>
        <textarea
          id={id}
          className="code"
          rows={4}
          value={text}
          placeholder="{}"
          spellCheck={false}
          aria-invalid={output.fault !== ""}
          onChange={({ target }) => setText(target.value)}
        />
        {output.fault !== "" && <p className="fault">{output.fault}</p>}
      </div>
    </ActionDialog>
  );
}

/** FailStep. */
function Fail({ runId, stepId, attempt }: Order) {
  const fail = useAct(({ runs }, given: Given) => runs.failStep({ runId, stepId, ...given }));
  return (
    <ActionDialog
      title="Fail the step"
      trigger={
        <button type="button" className="danger">
          Fail
        </button>
      }
      isDestructive
      reason="required"
      cli={(reason) => withReason(["fail", runId, stepId], reason)}
      attempt={attempt}
      act={(reason, seen) => fail.mutateAsync({ reason, attempt: seen })}
    >
      <p>
        <strong>{stepId}</strong> ends as failed, and so does the run, unless an error path or a
        parallel catches it.
      </p>
    </ActionDialog>
  );
}

/** An empty text is no output. */
function readOutput(text: string): { readonly value: Output; readonly fault: string } {
  if (text.trim() === "") return { value: undefined, fault: "" };
  try {
    const value: unknown = JSON.parse(text);
    const isObject = typeof value === "object" && value !== null && !Array.isArray(value);
    if (isObject) return { value: value as JsonObject, fault: "" };
    return { value: undefined, fault: "An object is needed: { … }" };
  } catch (error) {
    return { value: undefined, fault: error instanceof Error ? error.message : String(error) };
  }
}
