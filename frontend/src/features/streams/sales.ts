// Income over time. The registry keeps totals; each licence says when it was bought and for how much, so the curve is drawn from those.
import { useQuery } from '@tanstack/react-query';
import { useMemo } from 'react';
import { getLicence, type Licence } from '@/api/registry';

const AT_ONCE = 10;
/** Licences looked through at most. */
export const LOOKED_THROUGH = 300;

async function allLicences(): Promise<Licence[]> {
  const found: Licence[] = [];
  for (let from = 0; from < LOOKED_THROUGH; from += AT_ONCE) {
    const part = await Promise.all(
      Array.from({ length: AT_ONCE }, (_, index) => getLicence(BigInt(from + index))),
    );
    found.push(...part.filter((licence) => licence !== undefined));
    if (part.includes(undefined)) break;
  }
  return found;
}

/** What a stream has sold in one asset, oldest first, among the first licences of the exchange. */
export function useSales(stream: bigint, ledger: string) {
  const licences = useQuery({ queryKey: ['all-licences'], queryFn: allLicences, staleTime: 30_000 });
  const sales = useMemo(
    () =>
      licences.data
        ?.filter((licence) => licence.stream === stream && licence.ledger[0]?.toText() === ledger)
        .sort((a, b) => (a.bought_at < b.bought_at ? -1 : 1)),
    [licences.data, stream, ledger],
  );
  return {
    sales,
    complete: (licences.data?.length ?? 0) < LOOKED_THROUGH,
    updatedAt: licences.dataUpdatedAt,
  };
}
