/** A dialog over the page, and the button that opens it. What keeps the focus in it is dialog-window.tsx, which no page needs at first. */
import {
  cloneElement,
  createContext,
  lazy,
  type ReactElement,
  type ReactNode,
  Suspense,
  useContext,
  useRef,
  useState,
} from "react";

const DialogWindow = lazy(async () => ({
  default: (await import("./dialog-window.tsx")).DialogWindow,
}));

/** A button that opens a dialog: what is put in place is its `onClick`. */
export type Trigger = ReactElement<{
  readonly onClick?: () => void;
  readonly "aria-haspopup"?: "dialog";
}>;

const Closing = createContext<() => void>(() => undefined);

export function Dialog({
  title,
  description,
  isOpen,
  onOpenChange,
  trigger,
  children,
}: {
  readonly title: string;
  readonly description?: ReactNode;
  readonly isOpen?: boolean;
  readonly onOpenChange?: (isOpen: boolean) => void;
  readonly trigger?: Trigger;
  readonly children: ReactNode;
}) {
  const [isOwnOpen, setOwnOpen] = useState(false);
  const change = onOpenChange ?? setOwnOpen;
  return (
    <>
      {trigger && cloneElement(trigger, { onClick: () => change(true), "aria-haspopup": "dialog" })}
      {(isOpen ?? isOwnOpen) && (
        <Opened title={title} description={description} onOpenChange={change}>
          {children}
        </Opened>
      )}
    </>
  );
}

function Opened({
  onOpenChange,
  children,
  ...shown
}: {
  readonly title: string;
  readonly description: ReactNode;
  readonly onOpenChange: (isOpen: boolean) => void;
  readonly children: ReactNode;
}) {
  // What had the focus when it was opened.
  const opener = useRef(document.activeElement);
  const { current } = opener;
  return (
    <Suspense fallback={null}>
      <DialogWindow
        {...shown}
        opener={current instanceof HTMLElement ? current : null}
        onOpenChange={onOpenChange}
      >
        <Closing value={() => onOpenChange(false)}>{children}</Closing>
      </DialogWindow>
    </Suspense>
  );
}

/** A button of a dialog that closes it. */
export function DialogClose({ children }: { readonly children: ReactNode }) {
  const close = useContext(Closing);
  return (
    <button type="button" onClick={close}>
      {children}
    </button>
  );
}
