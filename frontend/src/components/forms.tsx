import { useId, type ComponentProps, type ReactNode } from 'react';

interface FieldProps {
  label: string;
  hint?: ReactNode;
  fault?: string | undefined;
}

function Around({ label, hint, fault, id, children }: FieldProps & { id: string; children: ReactNode }) {
  return (
    <div className="field">
      <label htmlFor={id}>{label}</label>
      {hint && (
        <span className="field-hint" id={`${id}-hint`}>
          {hint}
        </span>
      )}
      {children}
      {fault && (
        <span className="field-fault" id={`${id}-fault`} role="alert">
          {fault}
        </span>
      )}
    </div>
  );
}

function described(id: string, { hint, fault }: FieldProps) {
  const ids = [hint ? `${id}-hint` : '', fault ? `${id}-fault` : ''].filter(Boolean).join(' ');
  return { id, 'aria-invalid': fault ? true : undefined, ...(ids ? { 'aria-describedby': ids } : {}) };
}

export function TextField({
  label,
  hint,
  fault,
  unit,
  ...rest
}: FieldProps & ComponentProps<'input'> & { unit?: string | undefined }) {
  const id = useId();
  const input = <input type="text" {...rest} {...described(id, { label, hint, fault })} className="input" />;
  return (
    <Around label={label} hint={hint} fault={fault} id={id}>
      {unit ? (
        <span className="input-with-unit">
          {input}
          <span>{unit}</span>
        </span>
      ) : (
        input
      )}
    </Around>
  );
}

export function AreaField({ label, hint, fault, ...rest }: FieldProps & ComponentProps<'textarea'>) {
  const id = useId();
  return (
    <Around label={label} hint={hint} fault={fault} id={id}>
      <textarea {...rest} {...described(id, { label, hint, fault })} className="input" />
    </Around>
  );
}

export function SelectField({
  label,
  hint,
  fault,
  children,
  ...rest
}: FieldProps & ComponentProps<'select'>) {
  const id = useId();
  return (
    <Around label={label} hint={hint} fault={fault} id={id}>
      <select {...rest} {...described(id, { label, hint, fault })} className="input">
        {children}
      </select>
    </Around>
  );
}
