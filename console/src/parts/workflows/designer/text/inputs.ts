/**
 * The input of a step before it runs: the outputs along the paths to it, merged in the order of the paths, and where each field comes from.
 * Boundary: pure; from the schemas in the text. What a step puts out without a schema is not known.
 */
import type { Picture, PictureEdge, PictureStep } from "./picture.ts";
import { propertiesOf } from "./scope.ts";

interface InputField {
  readonly name: string;
  /** "": the schema does not say it. */
  readonly type: string;
  /** Steps, the one whose value counts first; "": the input of the run. */
  readonly from: readonly string[];
}

/** The input of a step. */
interface StepInput {
  readonly fields: readonly InputField[];
  /** Steps whose output has no schema. */
  readonly unknown: readonly string[];
}

type Part = Pick<Picture, "steps" | "edges" | "inputSchema">;

const NONE: StepInput = { fields: [], unknown: [] };
/** They put out their input, with what they add. */
const TRANSPARENT = ["branch", "check", "approve", "notify", "parallel"];

export function inputOf(picture: Part, stepId: string): StepInput {
  const steps = new Map(picture.steps.map((step) => [step.id, step]));
  const arriving = new Map<string, PictureEdge[]>();
  for (const edge of picture.edges) {
    const known = arriving.get(edge.to);
    if (known === undefined) arriving.set(edge.to, [edge]);
    else known.push(edge);
  }
  const known = new Map<string, StepInput>();

  function inputFor(id: string): StepInput {
    const found = known.get(id);
    if (found !== undefined) return found;
    // A circle, which is a fault, ends here.
    known.set(id, NONE);
    const input = merged(
      arriving.get(id)?.map(({ from, label }) => outputOf(steps.get(from), label)) ?? [
        { fields: fieldsOf(picture.inputSchema, ""), unknown: [] },
      ],
    );
    known.set(id, input);
    return input;
  }

  function outputOf(step: PictureStep | undefined, label: string): StepInput {
    if (step === undefined) return NONE;
    const { id, kind, values } = step;
    const isTimer = kind === "wait" && !isObject(values.wait);
    if (TRANSPARENT.includes(kind) || isTimer) {
      const { fields, unknown } = inputFor(id);
      return { fields, unknown: label === "joined" ? [...unknown, id] : unknown };
    }
    const fields = fieldsOf(values.output, id);
    return { fields, unknown: fields.length === 0 ? [id] : [] };
  }

  return inputFor(stepId);
}

function fieldsOf(schema: Parameters<typeof propertiesOf>[0], from: string): InputField[] {
  return propertiesOf(schema).map(([name, type]) => ({ name, type, from: [from] }));
}

function merged(parts: readonly StepInput[]): StepInput {
  const fields = new Map<string, InputField>();
  for (const field of parts.flatMap((part) => part.fields)) {
    const before = fields.get(field.name)?.from ?? [];
    fields.set(field.name, { ...field, from: [...new Set([...field.from, ...before])] });
  }
  return {
    fields: [...fields.values()],
    unknown: [...new Set(parts.flatMap((part) => part.unknown))],
  };
}

function isObject(value: unknown): boolean {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
