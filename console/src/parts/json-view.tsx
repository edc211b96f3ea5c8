/** To be written: JSON as a tree. */

/** A value of JSON, in words that can be read and copied. */
export function JsonView({ value, label }: { readonly value: unknown; readonly label?: string }) {
  return (
    <figure className="json" aria-label={label}>
      <pre>{JSON.stringify(value, undefined, 2)}</pre>
    </figure>
  );
}
