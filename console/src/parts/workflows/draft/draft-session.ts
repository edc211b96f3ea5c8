/**
 * The text of a draft while somebody types: it is saved by itself, and what another person saved meanwhile is not overwritten.
 * Boundary: no component and no RPC; `DraftStore` saves and reads.
 * Invariant: a save names the etag of the draft that its text was made from. After a mismatch nothing is saved until the person has chosen.
 */
import type { JsonObject } from "@bufbuild/protobuf";
import type { Draft } from "../../../../../gen/workflows/ops/v1/workflow_changes_pb.ts";
import type {
  GetDraftResponse,
  SaveDraftResponse,
  VersionFault,
  WorstCase,
} from "../../../../../gen/workflows/ops/v1/workflows_pb.ts";
import { WorkflowsError } from "../../../../../src/client/errors.ts";
import { mergeTexts } from "./merge-texts.ts";
import { mergePlaces, type Places, placesOf, samePlaces } from "./places.ts";

/** Where drafts are. */
export interface DraftStore {
  /** `etag`: of the draft that the text was made from; "": there was none. */
  save(text: string, etag: string, layout: JsonObject): Promise<SaveDraftResponse>;
  read(): Promise<GetDraftResponse>;
}

/** The text could not be saved, so what was to follow was not done. */
export class NotSaved extends Error {
  override readonly name = "NotSaved";

  constructor() {
    super("What you typed could not be saved: see above the text");
  }
}

/** What is wrong with the text as it was saved last. */
interface Checked {
  readonly faults: readonly VersionFault[];
  readonly faultCount: number;
  readonly warnings: readonly VersionFault[];
  /** Undefined: the text has faults. */
  readonly worstCase: WorstCase | undefined;
}

/** `typed`: it is saved in a moment. `other`: somebody else saved another text. */
type SaveState = "saved" | "typed" | "saving" | "failed" | "other";

/** The draft as a page shows it. */
export interface DraftView extends Checked {
  readonly text: string;
  /** As it was saved last; the faults are of this one. */
  readonly savedText: string;
  /** Where the steps are drawn that somebody has put somewhere. */
  readonly places: Places;
  readonly savedPlaces: Places;
  /** As it was saved last: another editor may keep more in it. */
  readonly savedLayout: JsonObject;
  readonly state: SaveState;
  /** Of the state `failed`. */
  readonly error: unknown;
  /** Of what was saved last; "": nothing was. */
  readonly etag: string;
  readonly savedBy: string;
  readonly savedAt: Draft["savedAt"];
  /** Of the state `other`: what the other person saved. */
  readonly theirs: Draft | undefined;
  /** Of the state `other`: the text with the changes of both; undefined: it cannot be made. */
  readonly merged: string | undefined;
}

export interface DraftSession {
  view(): DraftView;
  subscribe(listener: () => void): () => void;
  type(text: string): void;
  /** Keeps where the steps are drawn. */
  arrange(places: Places): void;
  /** Saves what was typed. False: it was not saved. */
  flush(): Promise<boolean>;
  /** What the service has now: it takes the place of a text that has not been changed here. */
  receive(answer: GetDraftResponse): void;
  /** After another person saved: goes on with this text, over theirs. */
  goOnWith(text: string): Promise<boolean>;
  /** Saves nothing any more. */
  stop(): void;
}

const SAVE_AFTER_MS = 800;
/** As the service takes it. */
const MOST_BYTES = 524_288;
const KIB = 1_024;

/** The text is longer than the service takes. */
export class TooLong extends Error {
  override readonly name = "TooLong";
}

/** The draft was published or discarded: what is here is saved again only when somebody says so. */
export class DraftGone extends Error {
  override readonly name = "DraftGone";

  constructor() {
    super("the draft was published or discarded meanwhile. To save again makes a new one");
  }
}

/** Undefined: it is not. It is not sent: each pause of a person who types would send it again. */
function tooLongText(text: string): TooLong | undefined {
  const bytes = text.length > MOST_BYTES ? text.length : new TextEncoder().encode(text).length;
  if (bytes <= MOST_BYTES) return undefined;
  const [has, most] = [Math.ceil(bytes / KIB), MOST_BYTES / KIB];
  return new TooLong(`The text has ${has} KiB, and a draft has ${most} at most`);
}

/** Begins with a text and what the service has of it. `afterMs`: so long after the last key it is saved. */
export function startDraftSession(
  store: DraftStore,
  first: GetDraftResponse,
  afterMs = SAVE_AFTER_MS,
): DraftSession {
  return new Session(store, first, afterMs);
}

class Session implements DraftSession {
  readonly #store: DraftStore;
  readonly #afterMs: number;
  readonly #listeners = new Set<() => void>();
  #view: DraftView;
  /** What was found where another person had saved. */
  #met: GetDraftResponse | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #saving: Promise<void> | undefined;

  constructor(store: DraftStore, first: GetDraftResponse, afterMs: number) {
    this.#store = store;
    this.#afterMs = afterMs;
    this.#view = viewOf(first);
  }

  view(): DraftView {
    return this.#view;
  }

  subscribe(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  type(text: string): void {
    const { state, theirs, savedText } = this.#view;
    if (text === this.#view.text) return;
    if (theirs !== undefined) {
      this.#show({ text, merged: mergeTexts(savedText, text, theirs.sourceText) });
    } else if (this.#isGone()) {
      this.#show({ text });
    } else {
      this.#show({ text, state: state === "saving" ? state : "typed" });
      this.#saveSoon();
    }
  }

  arrange(places: Places): void {
    if (samePlaces(places, this.#view.places)) return;
    if (this.#isGone()) {
      this.#show({ places });
      return;
    }
    const { state } = this.#view;
    const isFree = state !== "saving" && state !== "other";
    this.#show({ places, state: isFree ? "typed" : state });
    if (state !== "other") this.#saveSoon();
  }

  async flush(): Promise<boolean> {
    do {
      await this.#save();
    } while (this.#isChanged() && this.#view.state === "typed");
    return !this.#isChanged();
  }

  receive(answer: GetDraftResponse): void {
    const isBusy = this.#saving !== undefined || this.#view.state === "other";
    if (isBusy || this.#isChanged() || answer.draft === undefined) return;
    // It may have been asked for before the last save.
    if (!isLater(answer.draft.savedAt, this.#view.savedAt)) return;
    this.#show(viewOf(answer));
  }

  goOnWith(text: string): Promise<boolean> {
    const { theirs } = this.#view;
    if (theirs !== undefined) {
      const { savedPlaces: before, places: mine } = this.#view;
      const [savedText, savedPlaces] = [theirs.sourceText, placesOf(theirs.layout)];
      const places = mergePlaces(before, mine, savedPlaces);
      const savedLayout = theirs.layout ?? {};
      this.#show({ ...headOf(theirs), ...checksOf(this.#met), savedText, savedPlaces, places });
      this.#show({ savedLayout });
      this.#show({ theirs: undefined, merged: undefined });
    }
    this.#show({ text });
    this.#show({ state: this.#reached() });
    return this.flush();
  }

  stop(): void {
    clearTimeout(this.#timer);
    this.#listeners.clear();
  }

  #isGone(): boolean {
    return this.#view.state === "failed" && this.#view.error instanceof DraftGone;
  }

  #isChanged(): boolean {
    const { text, savedText, places, savedPlaces } = this.#view;
    return text !== savedText || !samePlaces(places, savedPlaces);
  }

  #saveSoon(): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => void this.#save(), this.#afterMs);
  }

  #save(): Promise<void> {
    clearTimeout(this.#timer);
    this.#saving ??= this.#saveOnce().finally(() => {
      this.#saving = undefined;
      if (this.#view.state === "typed") this.#saveSoon();
    });
    return this.#saving;
  }

  async #saveOnce(): Promise<void> {
    const { text, places, savedLayout, etag, state } = this.#view;
    if (state === "other") return;
    if (!this.#isChanged()) return this.#show({ state: "saved" });
    const tooLong = tooLongText(text);
    if (tooLong !== undefined) return this.#show({ state: "failed", error: tooLong });
    this.#show({ state: "saving", error: undefined });
    try {
      const layout = { ...savedLayout, steps: places };
      const { draft, ...checked } = await this.#store.save(text, etag, layout);
      const saved = { savedText: text, savedPlaces: places };
      this.#show({ ...checksOf(checked), ...saved, ...headOf(draft) });
      this.#show({ state: this.#reached() });
    } catch (error) {
      if (isMismatch(error)) await this.#meet(text);
      else this.#show({ state: "failed", error });
    }
  }

  /** What another person saved. The answer to an earlier save may have been lost: then the text is that one. */
  async #meet(sent: string): Promise<void> {
    const answer = await this.#store.read().catch((error: unknown) => error);
    if (!isAnswer(answer)) return this.#show({ state: "failed", error: answer });
    const theirs = answer.draft;
    if (theirs === undefined) {
      return this.#show({ state: "failed", error: new DraftGone(), etag: "" });
    }
    if (theirs.sourceText === sent) {
      const { text: _, places: __, ...known } = viewOf(answer);
      this.#show(known);
      return this.#show({ state: this.#reached() });
    }
    if (this.#joinPlaces(theirs, answer)) return;
    this.#met = answer;
    const merged = mergeTexts(this.#view.savedText, this.#view.text, theirs.sourceText);
    this.#show({ state: "other", theirs, merged });
  }

  /** Where one of the two has moved boxes alone, nobody is asked. */
  #joinPlaces(theirs: Draft, answer: GetDraftResponse): boolean {
    const { text, savedText, places, savedPlaces } = this.#view;
    if (text !== savedText && theirs.sourceText !== savedText) return false;
    const known = viewOf(answer);
    this.#show({
      ...known,
      text: text === savedText ? theirs.sourceText : text,
      places: mergePlaces(savedPlaces, places, known.savedPlaces),
    });
    this.#show({ state: this.#reached() });
    return true;
  }

  #reached(): SaveState {
    return this.#isChanged() ? "typed" : "saved";
  }

  #show(change: Partial<DraftView>): void {
    this.#view = { ...this.#view, ...change };
    for (const listener of this.#listeners) listener();
  }
}

function viewOf(answer: GetDraftResponse): DraftView {
  const { draft } = answer;
  return {
    ...{ text: draft?.sourceText ?? "", savedText: draft?.sourceText ?? "" },
    ...{ places: placesOf(draft?.layout), savedPlaces: placesOf(draft?.layout) },
    savedLayout: draft?.layout ?? {},
    state: "saved",
    ...{ error: undefined, theirs: undefined, merged: undefined },
    ...checksOf(answer),
    ...headOf(draft),
  };
}

function checksOf(answer: Partial<Checked> | undefined): Checked {
  const { faults = [], faultCount = 0, warnings = [], worstCase } = answer ?? {};
  return { faults, faultCount, warnings, worstCase };
}

function headOf(draft: Pick<Draft, "etag" | "savedBy" | "savedAt"> | undefined) {
  const { etag = "", savedBy = "", savedAt } = draft ?? {};
  return { etag, savedBy, savedAt };
}

function isLater(a: Draft["savedAt"], b: Draft["savedAt"]): boolean {
  if (a === undefined || b === undefined) return b === undefined;
  return a.seconds === b.seconds ? a.nanos > b.nanos : a.seconds > b.seconds;
}

function isMismatch(error: unknown): boolean {
  return error instanceof WorkflowsError && error.reason === "ETAG_MISMATCH";
}

function isAnswer(answer: unknown): answer is GetDraftResponse {
  return typeof answer === "object" && answer !== null && "warnings" in answer;
}
