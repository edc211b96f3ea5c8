/** A plugin of buf: writes openapi.json out of the protos, when gen/ is generated (buf.gen.yaml). */
import { createEcmaScriptPlugin, runNodeJs } from "@bufbuild/protoplugin";
import { openApiOf } from "./document.ts";

const PACKAGES = ["workflows.v1", "workflows.ops.v1"];

runNodeJs(
  createEcmaScriptPlugin({
    name: "workflows-openapi",
    version: "v1",
    generateTs({ files, generateFile }) {
      const own = files.filter(({ proto }) => PACKAGES.includes(proto.package));
      // The contract first.
      const services = own.flatMap((file) => file.services).sort(byPackage);
      generateFile("openapi.json").print(JSON.stringify(openApiOf(services), null, 1));
    },
  }),
);

function byPackage(a: { readonly typeName: string }, b: { readonly typeName: string }): number {
  return (
    Number(b.typeName.startsWith("workflows.v1.")) - Number(a.typeName.startsWith("workflows.v1."))
  );
}
