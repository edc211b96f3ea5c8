/** To be written. */
export default function ItemPage({ id }: { readonly id: string }) {
  return <h1>{id}</h1>;
}
