/**
 * Certificates for servers of a test, made by a CA of its own that no process trusts.
 * Boundary: the program openssl, in a folder that the caller gives and removes.
 */
import { execFileSync } from "node:child_process";
import { join } from "node:path";

/** Paths of PEM files. */
export interface Certificates {
  readonly ca: string;
  /** A self-signed certificate, which is its own CA. */
  readonly selfSigned: { readonly cert: string; readonly key: string };
  /** A certificate that the CA signed, for `host`; a chain is not sent with it. */
  signed(host: string): { readonly cert: string; readonly key: string };
}

const KEY = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"];

/** Makes the CA and a self-signed certificate for 127.0.0.1 in the folder. */
export function makeCertificates(folder: string): Certificates {
  const make = (name: string, args: readonly string[]) => {
    const [cert, key] = [join(folder, `${name}.crt`), join(folder, `${name}.key`)];
    execFileSync("openssl", ["req", "-x509", ...KEY, "-keyout", key, "-out", cert, ...args], {
      stdio: "pipe",
    });
    return { cert, key };
  };
  const ca = make("ca", ["-subj", "/CN=Test CA"]);
  const nameOf = (host: string) => ["-addext", `subjectAltName=${host}`];
  return {
    ca: ca.cert,
    selfSigned: make("self", ["-subj", "/CN=server", ...nameOf("IP:127.0.0.1")]),
    signed: (host) =>
      make(`signed-${host.replace(/\W/g, "-")}`, [
        ...["-subj", "/CN=server", ...nameOf(host)],
        ...["-addext", "basicConstraints=critical,CA:FALSE"],
        ...["-CA", ca.cert, "-CAkey", ca.key],
      ]),
  };
}
