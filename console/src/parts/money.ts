/** Amounts of money in words. */

/** USD, as `$0.0042` or `$12.30`. */
export function costWords(usd: number): string {
  if (usd === 0) return "$0";
  if (usd < 0.0001) return "under $0.0001";
  return `$${usd.toFixed(usd < 1 ? 4 : 2)}`;
}
