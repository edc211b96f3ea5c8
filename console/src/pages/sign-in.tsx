/** Sign-in: at the OIDC provider where there is one, else by a token that is pasted. */
import { type FormEvent, useEffect, useId, useRef, useState } from "react";
import { useLocation, useSearch } from "wouter";
import { createWorkflowsClient } from "../../../src/client/client.ts";
import { SERVICE_URL } from "../api/base.ts";
import type { ConsoleConfig, OidcConfig } from "../api/config.ts";
import { beginSignIn, endSignIn, isReturn } from "../api/oidc.ts";
import { queries } from "../api/queries.ts";
import { type Grant, signIn, signOut, useSession } from "../api/session.ts";
import { Dialog } from "../parts/dialog.tsx";
import { ErrorNote } from "../parts/error-note.tsx";
import { Gate } from "../parts/gate.tsx";
import { paths } from "../paths.ts";

export default function SignInPage({ config }: { readonly config: ConsoleConfig }) {
  const { isRefused } = useSession();
  return (
    <Gate title="Sign in">
      {isRefused && <Refused />}
      <Forms config={config} onGrant={enter} />
    </Gate>
  );
}

/** Over a page whose token has ended: the page stays as it is, with what was typed, unless another person signs in. */
export function SignInAgain({ config }: { readonly config: ConsoleConfig }) {
  return (
    <Dialog title="Sign in again" isOpen onOpenChange={() => signOut()}>
      <Refused />
      <Forms config={config} onGrant={enterAgain} />
    </Dialog>
  );
}

function Refused() {
  return (
    <p className="fault" role="alert">
      The service does not take the token, or no longer.
    </p>
  );
}

type OnGrant = (grant: Grant) => unknown;

function Forms({ config, onGrant }: { readonly config: ConsoleConfig; readonly onGrant: OnGrant }) {
  if (config.oidc !== undefined) return <ProviderForm oidc={config.oidc} onGrant={onGrant} />;
  const take = (token: string) => onGrant({ token, refreshToken: "", endsAtMs: 0 });
  return <TokenForm onToken={take} />;
}

function enter(grant: Grant): void {
  // What another caller was shown is not for this one.
  queries.removeQueries({ predicate: ({ queryKey }) => queryKey[0] !== "config" });
  signIn(grant);
}

/** As `enter`, but who was signed in before goes on where they were. Rejects when the service does not say who it is. */
async function enterAgain(grant: Grant): Promise<void> {
  const before = queries.getQueryData<{ readonly subject: string }>(["whoAmI", ""])?.subject;
  const { system } = createWorkflowsClient({ baseUrl: SERVICE_URL, token: grant.token });
  const { subject } = await system.whoAmI({});
  if (subject !== before) return enter(grant);
  signIn(grant, true);
  void queries.invalidateQueries();
}

/** As the header Authorization takes it. */
const TOKEN = /^[A-Za-z0-9._~+/-]{1,8192}=*$/;

function TokenForm({ onToken }: { readonly onToken: (token: string) => unknown }) {
  const [typed, setTyped] = useState("");
  const [error, setError] = useState<unknown>();
  const id = useId();
  const token = typed.trim().replace(/^Bearer\s+/i, "");
  const isReady = TOKEN.test(token);
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (!isReady) return;
    setError(undefined);
    Promise.resolve(onToken(token)).catch(setError);
  };
  return (
    <form className="action" onSubmit={submit}>
      <div className="field">
        <label htmlFor={id}>Token</label>
        <input
          id={id}
          type="password"
          autoComplete="off"
          value={typed}
          aria-invalid={typed !== "" && !isReady}
          onChange={(event) => setTyped(event.target.value)}
        />
        {typed !== "" && !isReady && <p className="fault">This is no bearer token</p>}
        <p className="muted">A bearer token of the service. It is forgotten with this tab.</p>
      </div>
      {error !== undefined && <ErrorNote error={error} />}
      <button type="submit" className="primary" disabled={!isReady}>
        Sign in
      </button>
    </form>
  );
}

function ProviderForm({ oidc, onGrant }: { readonly oidc: OidcConfig; readonly onGrant: OnGrant }) {
  const [path, go] = useLocation();
  const search = useSearch();
  const [error, setError] = useState<unknown>();
  const [isBusy, setBusy] = useState(isReturn(path));
  const hasBegun = useRef(false);
  useEffect(() => {
    // A code is good for one request.
    if (!isReturn(path) || hasBegun.current) return;
    hasBegun.current = true;
    endSignIn(oidc).then(
      ({ grant, returnTo }) => {
        go(returnTo, { replace: true });
        onGrant(grant);
      },
      (thrown: unknown) => {
        setError(thrown);
        setBusy(false);
      },
    );
  }, [oidc, path, go, onGrant]);
  const begin = () => {
    setBusy(true);
    setError(undefined);
    const here = search === "" ? path : `${path}?${search}`;
    beginSignIn(oidc, isReturn(path) ? paths.home : here).catch((thrown: unknown) => {
      setError(thrown);
      setBusy(false);
    });
  };
  return (
    <>
      {error !== undefined && <ErrorNote error={error} />}
      <button type="button" className="primary" disabled={isBusy} onClick={begin}>
        {isBusy ? "Signing in …" : `Sign in at ${new URL(oidc.issuer).host}`}
      </button>
    </>
  );
}
