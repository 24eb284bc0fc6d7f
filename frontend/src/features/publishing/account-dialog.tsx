import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useState, type ReactNode, type SubmitEvent } from 'react';
import { Button, Failure } from '@/components/basics';
import { Dialog } from '@/components/dialog';
import { TextField } from '@/components/forms';
import { parseAccount, type Account } from '@/lib/account';

/** Asks where a contributor is paid, and has it entered. */
export function AccountDialog({
  title,
  trigger,
  children,
  enter,
}: {
  title: string;
  trigger: ReactNode;
  /** What entering an account means. */
  children: ReactNode;
  enter: (account: Account) => Promise<unknown>;
}) {
  const queries = useQueryClient();
  const [open, setOpen] = useState(false);
  const [text, setText] = useState('');
  const [fault, setFault] = useState<string>();
  const entering = useMutation({
    mutationFn: enter,
    onSuccess: async () => {
      await queries.invalidateQueries();
      setText('');
      setOpen(false);
    },
  });
  const submit = (event: SubmitEvent) => {
    event.preventDefault();
    const parsed = parseAccount(text);
    setFault('fault' in parsed ? parsed.fault : undefined);
    if ('account' in parsed) entering.mutate(parsed.account);
  };
  return (
    <Dialog title={title} open={open} onOpenChange={setOpen} trigger={trigger}>
      <form className="stack" onSubmit={submit} noValidate>
        <div className="muted">{children}</div>
        <TextField
          label="Account"
          hint="A principal, or an ICRC-1 account."
          value={text}
          fault={fault}
          spellCheck={false}
          autoComplete="off"
          onChange={({ target }) => {
            setText(target.value);
            setFault(undefined);
          }}
        />
        {entering.error && <Failure error={entering.error} />}
        <Button type="submit" look="main" disabled={!text.trim() || entering.isPending}>
          {entering.isPending ? 'Entering…' : 'Enter the account'}
        </Button>
      </form>
    </Dialog>
  );
}
