/** Tabs whose open one is in the address, as `?tab=history`. */
import { Tabs as Radix } from "radix-ui";
import type { ReactNode } from "react";
import { useSearchParam } from "./search-param.ts";

/** One tab. What is not open is not rendered. */
export interface Tab {
  /** In the address. */
  readonly id: string;
  readonly label: string;
  /** Beside the label. */
  readonly count?: number | undefined;
  readonly content: ReactNode;
}

/** The first tab is open where the address names none. */
export function Tabs({ tabs, label }: { readonly tabs: readonly Tab[]; readonly label: string }) {
  const [open, setOpen] = useSearchParam("tab");
  const first = tabs[0]?.id ?? "";
  const value = tabs.some(({ id }) => id === open) ? open : first;
  return (
    <Radix.Root value={value} onValueChange={(next) => setOpen(next === first ? "" : next)}>
      <Radix.List className="tabs" aria-label={label}>
        {tabs.map(({ id, label: word, count }) => (
          <Radix.Trigger key={id} value={id} className="tab">
            {word}
            {count !== undefined && <span className="count">{count}</span>}
          </Radix.Trigger>
        ))}
      </Radix.List>
      {tabs.map(({ id, content }) => (
        <Radix.Content key={id} value={id} className="tab-panel">
          {content}
        </Radix.Content>
      ))}
    </Radix.Root>
  );
}
