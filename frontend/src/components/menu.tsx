import type { ReactNode } from 'react';
import { Dialog } from './dialog';

/** The navigation on narrow screens, at the side. Loaded when it is asked for. */
export default function Menu({ onClose, children }: { onClose: () => void; children: ReactNode }) {
  return (
    <Dialog
      title="Menu"
      sheet
      open
      onOpenChange={(open) => {
        if (!open) onClose();
      }}
    >
      {children}
    </Dialog>
  );
}
