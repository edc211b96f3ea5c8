/** How long a run of the draft lasts at most, and how many attempts it makes at most. */
import { Hourglass } from "lucide-react";
import type { WorstCase } from "../../../../../gen/workflows/ops/v1/workflows_pb.ts";
import { worstCaseWords } from "../../../../../src/file/worst-case-words.ts";
import { PlainText } from "../../plain-text.tsx";

/** Nothing where the draft has faults, or does not say. */
export function WorstCaseNote({ worstCase }: { readonly worstCase: WorstCase | undefined }) {
  if (worstCase === undefined) return null;
  const { seconds, attempts, endlessStepIds } = worstCase;
  const words = worstCaseWords({
    ...(seconds === undefined ? {} : { seconds: Number(seconds) }),
    ...(attempts === undefined ? {} : { attempts: Number(attempts) }),
    endlessStepIds,
  });
  if (words.length === 0) return null;
  return (
    <p className="muted with-icon">
      <Hourglass size={15} aria-hidden="true" />
      <span>
        Worst case: <PlainText most={300}>{words.join("; ")}</PlainText>
      </span>
    </p>
  );
}
