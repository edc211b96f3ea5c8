/** A URL, and perhaps a secret, that nobody can read again: with a command that tries it. */
import type { JsonObject } from "@bufbuild/protobuf";
import { KeyRound } from "lucide-react";
import { EndpointVerification } from "../../../../../gen/workflows/ops/v1/endpoints_pb.ts";
import { SERVICE_URL } from "../../../api/base.ts";
import { CopyButton } from "../../copy.tsx";
import { curlOf, sampleOf } from "./curl.ts";
import type { MadeUrl } from "./endpoint-words.ts";

export function UrlOnce({
  made: { endpoint, url: given, secret },
  inputSchema,
  onSeen,
}: {
  readonly made: MadeUrl;
  readonly inputSchema: JsonObject | undefined;
  readonly onSeen: () => void;
}) {
  // A service that does not know its public URL gives a path.
  const url = given.startsWith("/") ? `${SERVICE_URL}${given}` : given;
  const { verification = EndpointVerification.NONE, signatureHeader = "" } = endpoint ?? {};
  const command = curlOf({
    ...{ url, verification, secret, signatureHeader },
    body: sampleOf(inputSchema),
  });
  return (
    <div className="url-once" role="status">
      <KeyRound size={18} aria-hidden="true" />
      <div>
        <p>
          <strong>Copy {secret === "" ? "this URL" : "the URL and the secret"} now.</strong> Nobody
          can read {secret === "" ? "it" : "them"} again, here or elsewhere.
        </p>
        <Line name="URL" text={url} />
        {secret !== "" && <Line name="Secret" text={secret} />}
        <p>Try it:</p>
        <div className="cli">
          <code className="shell-lines">{command}</code>
          <CopyButton text={command} what="the command" />
        </div>
        <p className="muted">
          The answer names the run. With <code>?wait=30s</code> at the end of the URL it waits for
          the run's output.
        </p>
        <button type="button" onClick={onSeen}>
          I have copied it
        </button>
      </div>
    </div>
  );
}

function Line({ name, text }: { readonly name: string; readonly text: string }) {
  return (
    <div className="cli">
      <span>
        <span className="muted">{name} </span>
        <code>{text}</code>
      </span>
      <CopyButton text={text} what={`the ${name === "URL" ? "URL" : "secret"}`} />
    </div>
  );
}
