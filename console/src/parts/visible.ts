/** Whether the page is seen: a hidden tab closes its streams, as a browser has six connections to a service without TLS. */
import { useSyncExternalStore } from "react";

export function useVisible(): boolean {
  return useSyncExternalStore(subscribe, () => document.visibilityState === "visible");
}

function subscribe(listener: () => void): () => void {
  document.addEventListener("visibilitychange", listener);
  return () => document.removeEventListener("visibilitychange", listener);
}
