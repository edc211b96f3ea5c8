/**
 * The settings of a session that results depend on: set for each connection, whatever the server, the database or the
 * user has as its own.
 * Boundary: text of the start-up packet; limits of time are with the pools that have them.
 */

/** Ours come last, so that they win over what DATABASE_URL says in `options`. */
const SETTINGS: Readonly<Record<string, string>> = {
  search_path: "public",
  client_encoding: "UTF8",
  DateStyle: "ISO",
  IntervalStyle: "postgres",
  TimeZone: "UTC",
  bytea_output: "hex",
  extra_float_digits: "1",
  standard_conforming_strings: "on",
  default_transaction_isolation: "read\\ committed",
  default_transaction_deferrable: "off",
  row_security: "on",
};

/** What a client is made with: the URL without its `options`, and those with ours and `more` behind them. */
export function withSession(
  url: string,
  more: Readonly<Record<string, string>> = {},
): { connectionString: string; options: string } {
  const ours = Object.entries({ ...SETTINGS, ...more }).map(
    ([name, value]) => `-c ${name}=${value}`,
  );
  const [address = "", query = ""] = url.split(/\?(.*)/s);
  const parameters = new URLSearchParams(query);
  const given = parameters.getAll("options");
  if (given.length === 0) return { connectionString: url, options: ours.join(" ") };
  parameters.delete("options");
  const rest = parameters.toString();
  return {
    connectionString: rest === "" ? address : `${address}?${rest}`,
    options: [...given, ...ours].join(" "),
  };
}
