/**
 * The draft as the designer has it: its picture and faults as they change, and changes one after the other.
 * Boundary: the text is the one truth (draft-session.ts); pictures and changed texts come from the worker (text-worker.ts).
 */
import { useCallback, useEffect, useMemo, useRef, useState } from "react";
import type { DraftSession, DraftView } from "../draft/draft-session.ts";
import { type Places, samePlaces } from "../draft/places.ts";
import { DraftHistory, type Snapshot } from "./history.ts";
import { type Renamed, renamedEdit } from "./renamed.ts";
import type { Edit } from "./text/edits.ts";
import type { Drawn, Picture } from "./text/picture.ts";
import type { Tables } from "./text/tables.ts";
import { copiedText, drawnOf, editedText, kindTables } from "./text-worker.ts";

/** After the last key. */
const DRAW_AFTER_MS = 120;

/** All places after a change: of the steps that are chosen then, and of copies with what each is a copy of. `now`: those that are kept. */
type PlacesOf = (
  chosen: readonly string[],
  copies: Readonly<Record<string, string>>,
  now: Places,
) => Places | undefined;

export interface Designer {
  /** The last text that could be read as steps; undefined: none yet. */
  readonly picture: Picture | undefined;
  /** The last text that was checked; undefined: none yet. */
  readonly drawnText: string | undefined;
  /** Of the last text that was checked. */
  readonly notes: Picture["notes"];
  readonly faultCount: number;
  /** The text has no steps that can be drawn: the picture is one of before. */
  readonly isStale: boolean;
  /** How often a text was checked: once for a change, not once for a move of the pointer. */
  readonly checks: number;
  readonly tables: Tables | undefined;
  /** In words; "": nothing. */
  readonly problem: string;
  readonly places: Places;
  readonly canUndo: boolean;
  readonly canRedo: boolean;
  /** Typed in the text. */
  type(text: string): void;
  /** Gives the steps that are chosen after it; undefined: it was not made. `placesOf`: where copies and other new steps stand. */
  edit(edit: Edit, placesOf?: PlacesOf): Promise<readonly string[] | undefined>;
  /** Copies steps for the clipboard; undefined: it was not made. */
  copy(ids: readonly string[]): Promise<string | undefined>;
  /** `isHeld`: by a key that may be held; with those of the last second it is one change. */
  arrange(places: Places, isHeld?: boolean): void;
  undo(): void;
  redo(): void;
}

export function useDesigner(session: DraftSession, view: DraftView): Designer {
  const { text, places } = view;
  const drawing = useDrawing(text);
  const [history] = useState(() => new DraftHistory());
  const [, noteChange] = useState(0);
  const [problem, setProblem] = useState("");
  const tables = useTables();
  const queue = useRef(Promise.resolve<unknown>(undefined));
  const renames = useRenames(drawing.drawnText === text);
  /** After the changes that were asked for before, of which some may be with the worker. */
  const inTurn = useCallback(
    <Made>(make: () => Made | Promise<Made>): Promise<Made | undefined> => {
      const made = queue.current.then(make).catch((error: unknown) => {
        setProblem(error instanceof Error ? error.message : String(error));
        return undefined;
      });
      queue.current = made;
      return made;
    },
    [],
  );

  /** The draft after the last change that was made here. */
  const known = useRef<Snapshot>(view);
  /** What has come from elsewhere since then is not to be taken back here. */
  const meet = useCallback(() => {
    const now = session.view();
    const { text: before, places: at } = known.current;
    if (before === now.text && samePlaces(at, now.places)) return;
    history.meet(known.current, now);
    known.current = now;
  }, [session, history]);
  const own = useCallback(
    (change: () => void) => {
      change();
      known.current = session.view();
      noteChange((count) => count + 1);
      setProblem("");
    },
    [session],
  );
  const note = useCallback(
    (together: "typed" | "moved" | undefined, change: () => void) => {
      meet();
      const { text: before, places: at } = session.view();
      history.note({ text: before, places: at }, together, performance.now());
      own(change);
    },
    [session, history, meet, own],
  );
  const type = useCallback(
    (next: string) => {
      if (next === session.view().text) return;
      note("typed", () => session.type(next));
    },
    [session, note],
  );
  const arrange = useCallback(
    (next: Places, isHeld = false) =>
      note(isHeld ? "moved" : undefined, () => session.arrange(next)),
    [session, note],
  );
  const edit = useCallback(
    (asked: Edit, placesOf?: PlacesOf) => {
      const since = renames.undrawn();
      return inTurn(async () => {
        for (;;) {
          const before = session.view().text;
          const change = since().reduce(renamedEdit, asked);
          const edited = await editedText(before, change);
          // Somebody typed meanwhile: the change is made to that text.
          if (session.view().text !== before) continue;
          if (!edited.ok) {
            setProblem(edited.problem);
            return undefined;
          }
          if (edited.text === before) return edited.chosen;
          const { text: changed, chosen, copies } = edited;
          note(undefined, () => {
            if (change.do === "rename") {
              renames.add({ from: change.id, to: change.to });
              renamePlace(session, change.id, change.to);
            }
            session.type(changed);
            const arranged = placesOf?.(chosen, copies, session.view().places);
            if (arranged !== undefined) session.arrange(arranged);
          });
          return chosen;
        }
      });
    },
    [session, note, inTurn, renames],
  );
  const copy = useCallback(
    (ids: readonly string[]) => {
      const since = renames.undrawn();
      return inTurn(async () => {
        const asked: Edit = { do: "copy", ids };
        const meant = since().reduce<Edit>(renamedEdit, asked);
        const copied = await copiedText(session.view().text, meant.do === "copy" ? meant.ids : ids);
        setProblem(copied.ok ? "" : copied.problem);
        return copied.ok ? copied.text : undefined;
      });
    },
    [session, inTurn, renames],
  );
  const go = useCallback(
    (find: () => Snapshot | undefined) =>
      void inTurn(() => {
        meet();
        const found = find();
        if (found === undefined) return noteChange((count) => count + 1);
        return own(() => {
          session.type(found.text);
          session.arrange(found.places);
        });
      }),
    [session, own, meet, inTurn],
  );
  const undo = useCallback(() => go(() => history.undo(session.view())), [go, history, session]);
  const redo = useCallback(() => go(() => history.redo(session.view())), [go, history, session]);
  const { canUndo, canRedo } = history;
  const { failure, ...drawn } = drawing;
  const state = { ...drawn, tables, places, canUndo, canRedo };
  return { ...state, problem: problem || failure, type, edit, copy, arrange, undo, redo };
}

/** The ids that steps have got since the picture that is shown was drawn: what is asked for names them as it does. */
function useRenames(isDrawn: boolean) {
  const all = useRef({ made: [] as Renamed[], drawn: 0 });
  useEffect(() => {
    if (isDrawn) all.current.drawn = all.current.made.length;
  }, [isDrawn]);
  return useMemo(
    () => ({
      add: (renamed: Renamed) => void all.current.made.push(renamed),
      /** Gives these and those that are made until it is called. */
      undrawn: () => {
        const { made, drawn } = all.current;
        return () => made.slice(drawn);
      },
    }),
    [],
  );
}

function renamePlace(session: DraftSession, id: string, to: string): void {
  const { places } = session.view();
  if (!Object.hasOwn(places, id)) return;
  const { [id]: place, ...others } = places;
  if (place !== undefined) session.arrange({ ...others, [to]: place });
}

/** One text is with the worker at a time; of those that come meanwhile the last one is next. */
function useDrawing(text: string) {
  const [drawn, setDrawn] = useState<{
    readonly text?: string;
    readonly last?: Drawn;
    readonly picture?: Picture | undefined;
  }>({});
  const [checks, setChecks] = useState(0);
  const [failure, setFailure] = useState("");
  const latest = useRef(text);
  latest.current = text;
  const isBusy = useRef(false);
  const isDrawn = useRef(false);
  const draw = useCallback(async () => {
    if (isBusy.current) return;
    isBusy.current = true;
    try {
      for (let asked: string | undefined; asked !== latest.current; ) {
        const now = latest.current;
        asked = now;
        const last = await drawnOf(now);
        const { steps } = last;
        setChecks((count) => count + 1);
        setDrawn((before) => ({
          ...{ text: now, last },
          picture: steps === undefined ? before.picture : { ...last, steps },
        }));
        setFailure("");
      }
    } catch (error) {
      setFailure(error instanceof Error ? error.message : String(error));
    } finally {
      isBusy.current = false;
    }
  }, []);
  useEffect(() => {
    void text;
    const timer = setTimeout(() => void draw(), isDrawn.current ? DRAW_AFTER_MS : 0);
    isDrawn.current = true;
    return () => clearTimeout(timer);
  }, [text, draw]);
  return useMemo(
    () => ({
      picture: drawn.picture,
      drawnText: drawn.text,
      notes: drawn.last?.notes ?? [],
      faultCount: drawn.last?.faultCount ?? 0,
      isStale: drawn.last !== undefined && drawn.last.steps === undefined,
      ...{ checks, failure },
    }),
    [drawn, checks, failure],
  );
}

function useTables(): Tables | undefined {
  const [tables, setTables] = useState<Tables>();
  useEffect(() => {
    let isWanted = true;
    kindTables().then(
      (found) => isWanted && setTables(found),
      () => undefined,
    );
    return () => {
      isWanted = false;
    };
  }, []);
  return tables;
}
