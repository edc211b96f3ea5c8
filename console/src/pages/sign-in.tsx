/** Sign-in: at the OIDC provider where there is one, else by a token that is pasted. */
import { type FormEvent, useEffect, useId, useRef, useState } from "react";
import { useLocation, useSearch } from "wouter";
import type { ConsoleConfig, OidcConfig } from "../api/config.ts";
import { beginSignIn, endSignIn, isReturn } from "../api/oidc.ts";
import { queries } from "../api/queries.ts";
import { signIn, useSession } from "../api/session.ts";
import { ErrorNote } from "../parts/error-note.tsx";
import { Gate } from "../parts/gate.tsx";
import { paths } from "../paths.ts";

export default function SignInPage({ config }: { readonly config: ConsoleConfig }) {
  const { isRefused } = useSession();
  return (
    <Gate title="Sign in">
      {isRefused && (
        <p className="fault" role="alert">
          The service does not take the token, or no longer.
        </p>
      )}
      {config.oidc === undefined ? <TokenForm /> : <ProviderForm oidc={config.oidc} />}
    </Gate>
  );
}

function enter(token: string): void {
  // What another caller was shown is not for this one.
  queries.removeQueries({ predicate: ({ queryKey }) => queryKey[0] !== "config" });
  signIn(token);
}

/** As the header Authorization takes it. */
const TOKEN = /^[A-Za-z0-9._~+/-]{1,8192}=*$/;

function TokenForm() {
  const [typed, setTyped] = useState("");
  const id = useId();
  const token = typed.trim().replace(/^Bearer\s+/i, "");
  const isReady = TOKEN.test(token);
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (isReady) enter(token);
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
      <button type="submit" className="primary" disabled={!isReady}>
        Sign in
      </button>
    </form>
  );
}

function ProviderForm({ oidc }: { readonly oidc: OidcConfig }) {
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
      ({ token, returnTo }) => {
        go(returnTo, { replace: true });
        enter(token);
      },
      (thrown: unknown) => {
        setError(thrown);
        setBusy(false);
      },
    );
  }, [oidc, path, go]);
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
