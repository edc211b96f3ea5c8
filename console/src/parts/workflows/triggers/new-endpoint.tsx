/** Makes an endpoint. Its URL, and a secret that the service made, are shown once afterwards. */
import { Plus } from "lucide-react";
import { useId, useState } from "react";
import { EndpointVerification } from "../../../../../gen/workflows/ops/v1/endpoints_pb.ts";
import type { WorkflowDefinition } from "../../../../../gen/workflows/v1/workflows_pb.ts";
import { nameOfValue } from "../../../api/names.ts";
import { useAct } from "../../../api/queries.ts";
import { ActionDialog } from "../../action-dialog.tsx";
import { withReason } from "../../cli-line.tsx";
import { type MadeUrl, VERIFICATIONS } from "./endpoint-words.ts";

const { NONE, HMAC, STRIPE, SLACK } = EndpointVerification;
const CHOICES: readonly EndpointVerification[] = [
  ...[NONE, EndpointVerification.STANDARD_WEBHOOKS, EndpointVerification.BEARER, HMAC],
  ...[EndpointVerification.GITHUB, STRIPE, SLACK],
];
const SHORTEST_SECRET = 16;
const FIRST = { name: "", secret: "", header: "X-Signature" };

export function NewEndpoint({
  definition,
  onMade,
}: {
  readonly definition: WorkflowDefinition;
  readonly onMade: (made: MadeUrl) => void;
}) {
  const [typed, setTyped] = useState(FIRST);
  const [verification, setVerification] = useState<EndpointVerification>(NONE);
  const ids = { name: useId(), verification: useId(), secret: useId(), header: useId() };
  const set = (change: Partial<typeof FIRST>) => setTyped({ ...typed, ...change });
  const { name, secret, header } = typed;
  const hasSecret = verification !== NONE;
  const isOwn = verification === STRIPE || verification === SLACK;
  const isSecretReady = secret === "" ? !isOwn : secret.length >= SHORTEST_SECRET;
  const create = useAct(
    ({ endpoints }, reason: string) =>
      endpoints.create({
        ...{ definitionId: definition.id, name, verification, reason },
        secret: hasSecret ? secret : "",
        signatureHeader: verification === HMAC ? header : "",
      }),
    // A secret that was typed is known to who typed it, and the command needs it.
    (made) => onMade({ ...made, secret: made.secret || secret }),
  );
  const scheme = nameOfValue(EndpointVerification, verification).toLowerCase().replaceAll("_", "-");
  return (
    <ActionDialog
      title="Make an endpoint"
      trigger={
        <button type="button">
          <Plus size={16} aria-hidden="true" />
          New endpoint
        </button>
      }
      reason="optional"
      isReady={!hasSecret || isSecretReady}
      cli={(reason) =>
        withReason(
          [
            ...["endpoints", "create", definition.name, "--verify", scheme],
            ...(name === "" ? [] : ["--name", name]),
            ...(hasSecret && secret !== "" ? ["--secret-file", "-"] : []),
            ...(verification === HMAC ? ["--header", header] : []),
          ],
          reason,
        )
      }
      act={(reason) => create.mutateAsync(reason)}
      onOpenChange={() => {
        setTyped(FIRST);
        setVerification(NONE);
      }}
    >
      <div className="field">
        <label htmlFor={ids.name}>
          Name <span className="muted">(optional)</span>
        </label>
        <input
          id={ids.name}
          value={name}
          autoComplete="off"
          placeholder="orders of the shop"
          onChange={({ target }) => set({ name: target.value })}
        />
      </div>
      <div className="field">
        <label htmlFor={ids.verification}>How deliveries are checked</label>
        <select
          id={ids.verification}
          value={verification}
          onChange={({ target }) => setVerification(CHOICES[target.selectedIndex] ?? NONE)}
        >
          {CHOICES.map((choice) => (
            <option key={choice} value={choice}>
              {VERIFICATIONS[choice]}
            </option>
          ))}
        </select>
      </div>
      {verification === HMAC && (
        <div className="field">
          <label htmlFor={ids.header}>Header that has the signature</label>
          <input
            id={ids.header}
            value={header}
            autoComplete="off"
            onChange={({ target }) => set({ header: target.value.trim() })}
          />
        </div>
      )}
      {hasSecret && (
        <div className="field">
          <label htmlFor={ids.secret}>
            Secret <span className="muted">{isOwn ? "(theirs)" : "(empty: one is made)"}</span>
          </label>
          <input
            id={ids.secret}
            type="password"
            value={secret}
            autoComplete="off"
            aria-invalid={secret !== "" && !isSecretReady}
            onChange={({ target }) => set({ secret: target.value })}
          />
          {secret !== "" && !isSecretReady && (
            <p className="fault">{SHORTEST_SECRET} characters at least</p>
          )}
        </div>
      )}
    </ActionDialog>
  );
}
