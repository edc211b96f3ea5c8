/**
 * Which workflows have a limit of open runs, as far as this replica has learned it, and their expressions.
 * Boundary: memory. A workflow that is not known costs its first start a batch that is not saved (store/save-fences.ts); one that is known
 * costs each batch with starts of it two reads.
 */
import type { Expression } from "../engine/expression/expression.ts";
import { readConcurrencyKey } from "../engine/matching/concurrency-key.ts";

const KNOWN_AT_MOST = 10_000;
const EXPRESSIONS_AT_MOST = 1_000;

/** See the file's head. */
export class LimitedWorkflows {
  readonly #ids = new Set<string>();
  /** By their texts; undefined: one that cannot be read. */
  readonly #expressions = new Map<string, Expression | undefined>();

  has(definitionId: string): boolean {
    return this.#ids.has(definitionId);
  }
  note(definitionIds: Iterable<string>): void {
    for (const id of definitionIds) {
      if (this.#ids.size >= KNOWN_AT_MOST) this.#ids.clear();
      this.#ids.add(id);
    }
  }
  forget(definitionId: string): void {
    this.#ids.delete(definitionId);
  }
  /** Undefined: all runs of the workflow count together. */
  expressionOf(source: string): Expression | undefined {
    if (source === "") return undefined;
    if (this.#expressions.has(source)) return this.#expressions.get(source);
    if (this.#expressions.size >= EXPRESSIONS_AT_MOST) this.#expressions.clear();
    const read = readConcurrencyKey(source);
    const expression = read.ok ? read.expression : undefined;
    this.#expressions.set(source, expression);
    return expression;
  }
}
