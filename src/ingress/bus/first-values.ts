/** Headers of a message as decoding takes them. Boundary: pure. */

/** The first value of each header, by its name in lower case. */
export function firstValuesOf(
  headers: Iterable<readonly [name: string, values: readonly string[]]>,
): Map<string, string> {
  const values = new Map<string, string>();
  for (const [name, [first]] of headers) {
    const key = name.toLowerCase();
    if (first !== undefined && !values.has(key)) values.set(key, first);
  }
  return values;
}
