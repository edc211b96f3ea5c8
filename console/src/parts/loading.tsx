/** What stands where something is about to be: nothing at first, so that a fast answer does not flicker. */
export function Loading({ rows = 4 }: { readonly rows?: number }) {
  return (
    <div className="loading" role="status">
      <span className="spoken">Loading</span>
      {Array.from({ length: rows }, (_, row) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: the rows are all alike
        <div className="loading-row" key={row} />
      ))}
    </div>
  );
}
