/** A dialog over the page. Radix keeps the focus in it and closes it by Escape. */
import { X } from "lucide-react";
import { Dialog as Radix } from "radix-ui";
import type { ReactNode } from "react";

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
  /** A button that opens it. */
  readonly trigger?: ReactNode;
  readonly children: ReactNode;
}) {
  const state = {
    ...(isOpen === undefined ? {} : { open: isOpen }),
    ...(onOpenChange === undefined ? {} : { onOpenChange }),
  };
  return (
    <Radix.Root {...state}>
      {trigger && <Radix.Trigger asChild>{trigger}</Radix.Trigger>}
      <Radix.Portal>
        <Radix.Overlay className="dialog-shade" />
        <Radix.Content
          className="dialog"
          {...(description === undefined ? { "aria-describedby": undefined } : {})}
        >
          <header className="dialog-head">
            <Radix.Title>{title}</Radix.Title>
            <Radix.Close className="quiet" aria-label="Close">
              <X size={18} aria-hidden="true" />
            </Radix.Close>
          </header>
          {description !== undefined && (
            <Radix.Description asChild>
              <div className="dialog-description">{description}</div>
            </Radix.Description>
          )}
          {children}
        </Radix.Content>
      </Radix.Portal>
    </Radix.Root>
  );
}

/** A button of a dialog that closes it. */
export function DialogClose({ children }: { readonly children: ReactNode }) {
  return (
    <Radix.Close asChild>
      <button type="button">{children}</button>
    </Radix.Close>
  );
}
