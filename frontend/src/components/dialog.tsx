import { Dialog as Primitive } from 'radix-ui';
import type { ReactNode } from 'react';
import { Button } from './basics';

/** A dialog with a title; opened by its trigger or from outside. */
export function Dialog({
  title,
  trigger,
  open,
  onOpenChange,
  sheet = false,
  children,
}: {
  title: string;
  trigger?: ReactNode;
  open?: boolean;
  onOpenChange?: (open: boolean) => void;
  sheet?: boolean;
  children: ReactNode;
}) {
  const controlled = open === undefined ? {} : { open };
  return (
    <Primitive.Root {...controlled} {...(onOpenChange ? { onOpenChange } : {})}>
      {trigger && <Primitive.Trigger asChild>{trigger}</Primitive.Trigger>}
      <Primitive.Portal>
        <Primitive.Overlay className="overlay" />
        <Primitive.Content className={sheet ? 'dialog sheet' : 'dialog'} aria-describedby={undefined}>
          <div className="row row-between">
            <Primitive.Title asChild>
              <h2>{title}</h2>
            </Primitive.Title>
            <Primitive.Close asChild>
              <Button look="quiet" small>
                Close
              </Button>
            </Primitive.Close>
          </div>
          {children}
        </Primitive.Content>
      </Primitive.Portal>
    </Primitive.Root>
  );
}
