/** The draft of a workflow as state of a page. Boundary: how it is saved is draft-session.ts. */
import type { JsonObject } from "@bufbuild/protobuf";
import { useCallback, useEffect, useRef, useState, useSyncExternalStore } from "react";
import type { GetDraftResponse } from "../../../../../gen/workflows/ops/v1/workflows_pb.ts";
import { useApi } from "../../../api/api.tsx";
import { type DraftSession, type DraftView, startDraftSession } from "./draft-session.ts";

/**
 * The session of the draft, from the first answer that has one. When the draft was published or discarded it ends, unless something was
 * typed that is not saved.
 */
export function useDraftSession(
  definitionId: string,
  answer: GetDraftResponse | undefined,
): DraftSession | undefined {
  const { client } = useApi();
  const latest = useRef(client);
  latest.current = client;
  const [session, setSession] = useState<DraftSession>();
  useEffect(() => {
    if (answer === undefined) return;
    if (session !== undefined) {
      if (answer.draft !== undefined) session.receive(answer);
      else if (session.view().state === "saved") setSession(undefined);
    } else if (answer.draft !== undefined) {
      const store = {
        save: (sourceText: string, etag: string, layout: JsonObject) =>
          latest.current.sources.saveDraft({
            ...{ definitionId, sourceText, layout, etag, autosave: true },
          }),
        read: () => latest.current.sources.getDraft({ definitionId }),
      };
      setSession(startDraftSession(store, answer));
    }
  }, [answer, session, definitionId]);
  useEffect(() => {
    if (session === undefined) return;
    const ask = (event: BeforeUnloadEvent) => {
      if (session.view().state !== "saved") event.preventDefault();
    };
    window.addEventListener("beforeunload", ask);
    return () => {
      window.removeEventListener("beforeunload", ask);
      void session.flush().then(() => session.stop());
    };
  }, [session]);
  return session;
}

/** The view of a session, as it changes. */
export function useDraftView(session: DraftSession): DraftView {
  const subscribe = useCallback((listener: () => void) => session.subscribe(listener), [session]);
  return useSyncExternalStore(subscribe, () => session.view());
}
