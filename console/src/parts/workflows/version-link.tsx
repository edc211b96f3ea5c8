/** The number of a version, which opens its graph. */
import { Link } from "wouter";
import { paths } from "../../paths.ts";

export function VersionLink({
  definitionId,
  version,
}: {
  readonly definitionId: string;
  readonly version: number;
}) {
  return (
    <Link href={paths.version(definitionId, version)}>
      <span className="spoken">version </span>
      {version}
    </Link>
  );
}
