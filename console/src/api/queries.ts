/**
 * Calls as state of a page: `useCall` reads, `useAct` writes.
 * Boundary: knows no RPC. A call that fails is not repeated here: the client does that.
 */
import {
  keepPreviousData,
  QueryCache,
  QueryClient,
  type UseMutationResult,
  type UseQueryResult,
  useMutation,
  useQuery,
  useQueryClient,
} from "@tanstack/react-query";
import { useRef } from "react";
import type { WorkflowsClient } from "../../../src/client/client.ts";
import { WorkflowsError } from "../../../src/client/errors.ts";
import { useApi } from "./api.tsx";
import type { ConsoleConfig } from "./config.ts";
import { afterRefusal, tokenForCall } from "./renewal.ts";

const FRESH_MS = 2_000;

/** The cache of this tab. */
export const queries = new QueryClient({
  queryCache: new QueryCache({ onError: endRefused }),
  defaultOptions: {
    // A service on this machine is there without a network; and a decision is sent now or fails, never later by itself.
    queries: { retry: false, staleTime: FRESH_MS, networkMode: "always" },
    mutations: { networkMode: "always" },
  },
});

/** The tokens of calls that were refused. */
const refused = new WeakMap<object, string>();

/** Remembers the token of a call that is refused: until the answer comes, the session may have another one. */
async function withToken<T>(config: ConsoleConfig, call: () => Promise<T>): Promise<T> {
  const token = await tokenForCall(config.oidc);
  try {
    return await call();
  } catch (error) {
    if (error instanceof WorkflowsError) refused.set(error, token);
    throw error;
  }
}

/** A token that the service does not take any more is no session, unless it can be renewed: then all is asked for again. */
function endRefused(error: unknown): void {
  if (!(error instanceof WorkflowsError) || error.code !== "UNAUTHENTICATED") return;
  const token = refused.get(error);
  if (token === undefined) return;
  const config = queries.getQueryData<ConsoleConfig>(["config"]);
  void afterRefusal(config?.oidc, token).then((isRenewed) => {
    if (isRenewed) void queries.invalidateQueries();
  });
}

/** How a page reads. */
export interface CallOptions {
  /** Asks again so often while the page is seen, in ms. */
  readonly everyMs?: number;
  /** For how long the answer is not asked for again, in ms; 2,000 unless given. */
  readonly staleMs?: number;
  readonly isEnabled?: boolean;
  /** Shows the answer of the last key until the one of this key is there, so that nothing jumps. */
  readonly isKept?: boolean;
}

/** Reads. The key has all that the call depends on, as plain JSON. */
export function useCall<T extends object>(
  key: readonly unknown[],
  call: (client: WorkflowsClient, options: { readonly signal: AbortSignal }) => Promise<T>,
  { everyMs, staleMs = FRESH_MS, isEnabled = true, isKept = false }: CallOptions = {},
): UseQueryResult<T, Error> {
  const { client, config, actor, isSignedOut } = useApi();
  return useQuery<T>({
    queryKey: [...key, actor],
    queryFn: ({ signal }) => withToken(config, () => call(client, { signal })),
    enabled: isEnabled && !isSignedOut,
    staleTime: staleMs,
    refetchInterval: everyMs ?? false,
    ...(isKept ? { placeholderData: keepPreviousData } : {}),
  });
}

/** Writes, one at a time: a second click does nothing. Afterwards all that is on the page is asked for again. */
export function useAct<Input, Output>(
  act: (client: WorkflowsClient, input: Input) => Promise<Output>,
  onDone?: (output: Output) => void,
): UseMutationResult<Output, Error, Input> {
  const { client, config } = useApi();
  const cache = useQueryClient();
  const isBusy = useRef(false);
  const mutation = useMutation<Output, Error, Input>({
    mutationFn: (input: Input) => withToken(config, () => act(client, input)),
    onError: endRefused,
    onSuccess: (output) => {
      onDone?.(output);
      void cache.invalidateQueries();
    },
    onSettled: () => {
      isBusy.current = false;
    },
  });
  const { mutate } = mutation;
  return {
    ...mutation,
    // `isPending` is true after a moment only.
    mutate: (...input) => {
      if (isBusy.current) return;
      isBusy.current = true;
      mutate(...input);
    },
  };
}
