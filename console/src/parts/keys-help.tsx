/** The list of keys. */
import { Dialog } from "./dialog.tsx";

const KEYS: readonly [keys: string, what: string][] = [
  ["/", "Search"],
  ["g h", "Home"],
  ["g w", "Workflows"],
  ["g r", "Runs"],
  ["g i", "Inbox"],
  ["g t", "Templates"],
  ["g s", "System"],
  ["j", "Next row"],
  ["k", "Row before"],
  ["Enter", "Open the row"],
  ["?", "This list"],
];

export function KeysHelp(state: {
  readonly isOpen: boolean;
  readonly onOpenChange: (isOpen: boolean) => void;
}) {
  return (
    <Dialog title="Keys" {...state}>
      <dl className="keys">
        {KEYS.map(([keys, what]) => (
          <div key={keys}>
            <dt>
              {keys.split(" ").map((key) => (
                <kbd key={key}>{key}</kbd>
              ))}
            </dt>
            <dd>{what}</dd>
          </div>
        ))}
      </dl>
    </Dialog>
  );
}
