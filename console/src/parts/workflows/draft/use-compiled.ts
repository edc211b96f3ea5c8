/** What the text of a draft compiles to, as state of a page. */
import { useQuery } from "@tanstack/react-query";
import type { Compiled } from "./compiled.ts";

/** Undefined: it is not known yet, or there is no text. */
export function useCompiled(text: string | undefined): Compiled | undefined {
  const { data } = useQuery({
    queryKey: ["compiled", text],
    queryFn: async () => (await import("./compiled.ts")).compileText(text ?? ""),
    enabled: text !== undefined,
    staleTime: Number.POSITIVE_INFINITY,
    gcTime: 0,
  });
  return data;
}
