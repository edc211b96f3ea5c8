/** State of a page that is in its address, so that a link shows the same. */
import { useCallback } from "react";
import { useSearchParams } from "wouter";

/** One parameter of the address; "" where it is not there. Setting it replaces the entry of the history. */
export function useSearchParam(name: string): [value: string, set: (value: string) => void] {
  const [params, setParams] = useSearchParams();
  const set = useCallback(
    (value: string) =>
      setParams(
        (old) => {
          const next = new URLSearchParams(old);
          if (value === "") next.delete(name);
          else next.set(name, value);
          return next;
        },
        { replace: true },
      ),
    [name, setParams],
  );
  return [params.get(name) ?? "", set];
}
