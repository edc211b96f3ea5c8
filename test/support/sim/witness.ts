/** What a world did: a hash of its course, and how often it came to what it is made for. */

/** See the file's head. */
export class Witness {
  readonly counts: Map<string, number>;
  #hash = 0x811c9dc5;
  #other = 0;
  #nowMs: () => number;

  /** `counts` may be those of other worlds too. */
  constructor(nowMs: () => number, counts = new Map<string, number>()) {
    this.#nowMs = nowMs;
    this.counts = counts;
  }

  count(name: string): void {
    this.counts.set(name, (this.counts.get(name) ?? 0) + 1);
  }

  /** Notes that something happened now. */
  note(...what: readonly (string | number)[]): void {
    const text = `${this.#nowMs().toFixed(3)} ${what.join(" ")}`;
    for (let at = 0; at < text.length; at += 1) {
      this.#hash = Math.imul(this.#hash ^ text.charCodeAt(at), 0x01000193);
      this.#other = (Math.imul(this.#other, 31) + text.charCodeAt(at)) | 0;
    }
  }

  /** The same for worlds with the same course. */
  get trace(): string {
    return `${(this.#hash >>> 0).toString(16)}-${(this.#other >>> 0).toString(16)}`;
  }
}
