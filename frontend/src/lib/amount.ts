// Token amounts: exact decimal numbers, never floating point.

export interface Unit {
  symbol: string;
  decimals: number;
}

const group = (digits: string) => digits.replace(/\B(?=(\d{3})+$)/g, '\u202f');

/** An amount in its unit, exact, without zeros that say nothing: `99.95 DST`. At least two places, where there are any. */
export function formatAmount(units: bigint, { symbol, decimals }: Unit): string {
  return `${formatNumber(units, decimals)}\u00a0${symbol}`;
}

export function formatNumber(units: bigint, decimals: number): string {
  const negative = units < 0n;
  const digits = (negative ? -units : units).toString().padStart(decimals + 1, '0');
  const whole = digits.slice(0, digits.length - decimals);
  let places = decimals > 0 ? digits.slice(-decimals).replace(/0+$/, '') : '';
  if (decimals >= 2) places = places.padEnd(2, '0');
  return `${negative ? '−' : ''}${group(whole)}${places ? `.${places}` : ''}`;
}

/** As formatted, but what a spreadsheet reads. */
export function plainNumber(units: bigint, decimals: number): string {
  const digits = units.toString().padStart(decimals + 1, '0');
  return decimals === 0 ? digits : `${digits.slice(0, -decimals)}.${digits.slice(-decimals)}`;
}

/** The smallest units of what somebody typed; what is wrong with it, otherwise. More places than there are is refused, not rounded. */
export function parseAmount(text: string, { symbol, decimals }: Unit): { units: bigint } | { fault: string } {
  const trimmed = text.trim().replace(/[\s_\u202f]/g, '');
  if (!trimmed) return { fault: 'Enter an amount.' };
  const match = /^(\d*)(?:\.(\d*))?$/.exec(trimmed);
  const [, whole = '', places = ''] = match ?? [];
  if (!match || (!whole && !places)) return { fault: `Enter a number, for example 12.5.` };
  if (places.replace(/0+$/, '').length > decimals) {
    return { fault: `${symbol} has ${decimals} decimal places; this has ${places.length}.` };
  }
  const units = BigInt(whole + places.slice(0, decimals).padEnd(decimals, '0') || '0');
  if (units === 0n) return { fault: 'The amount must be more than zero.' };
  return { units };
}
