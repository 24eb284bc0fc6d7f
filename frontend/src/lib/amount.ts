// Token amounts: exact decimal numbers, never floating point.

export interface Unit {
  symbol: string;
  decimals: number;
}

interface Separators {
  group: string;
  decimal: string;
}

const known = new Map<string | undefined, Separators>();

/** How the reader's language separates digits. Making a format takes milliseconds, so it is asked once. */
function separators(locale?: string): Separators {
  const before = known.get(locale);
  if (before) return before;
  const parts = new Intl.NumberFormat(locale).formatToParts(11_111_111.5);
  const part = (type: string, otherwise: string) =>
    parts.find((one) => one.type === type)?.value ?? otherwise;
  const found = { group: part('group', '\u202f'), decimal: part('decimal', '.') };
  known.set(locale, found);
  return found;
}

/** An amount in its unit, exact, without zeros that say nothing: `99.95 DST`. At least two places, where there are any. */
export function formatAmount(units: bigint, { symbol, decimals }: Unit, locale?: string): string {
  return `${formatNumber(units, decimals, locale)}\u00a0${symbol}`;
}

export function formatNumber(units: bigint, decimals: number, locale?: string): string {
  const { group, decimal } = separators(locale);
  const negative = units < 0n;
  const digits = (negative ? -units : units).toString().padStart(decimals + 1, '0');
  const whole = digits.slice(0, digits.length - decimals);
  let places = decimals > 0 ? digits.slice(-decimals).replace(/0+$/, '') : '';
  if (decimals >= 2) places = places.padEnd(2, '0');
  const grouped = whole.replace(/\B(?=(\d{3})+$)/g, group);
  return `${negative ? '−' : ''}${grouped}${places ? decimal + places : ''}`;
}

/** As formatted, but what a spreadsheet reads. */
export function plainNumber(units: bigint, decimals: number): string {
  const digits = units.toString().padStart(decimals + 1, '0');
  return decimals === 0 ? digits : `${digits.slice(0, -decimals)}.${digits.slice(-decimals)}`;
}

/**
 * The smallest units of what somebody typed; what is wrong with it, otherwise. More places than there are is refused, not rounded. The
 * decimal separator is that of the reader's language; a character that separates thousands there is refused, since in another
 * language it would mean a thousandth of it.
 */
export function parseAmount(
  text: string,
  { symbol, decimals }: Unit,
  locale?: string,
): { units: bigint } | { fault: string } {
  const { decimal } = separators(locale);
  const trimmed = text.trim().replace(/[\s_\u202f]/g, '');
  if (!trimmed) return { fault: 'Enter an amount.' };
  const [whole = '', places = '', ...rest] = trimmed.split(decimal);
  if (rest.length > 0 || !/^\d+$/.test(whole + places)) {
    return { fault: `Enter digits, and “${decimal}” before decimal places, for example 12${decimal}5.` };
  }
  if (places.replace(/0+$/, '').length > decimals) {
    return { fault: `${symbol} has ${decimals} decimal places; this has ${places.length}.` };
  }
  const units = BigInt(whole + places.slice(0, decimals).padEnd(decimals, '0') || '0');
  if (units === 0n) return { fault: 'The amount must be more than zero.' };
  return { units };
}
