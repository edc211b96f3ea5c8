/**
 * The designer of a draft: the picture beside the text, both edited, and both the same.
 * Boundary: what stands where. The text is the draft's; this is loaded when it is opened.
 */
import {
  Diff,
  FileText,
  FlaskConical,
  LayoutGrid,
  Maximize2,
  Minimize2,
  Redo2,
  SlidersHorizontal,
  Undo2,
} from "lucide-react";
import {
  type KeyboardEvent,
  lazy,
  type ReactNode,
  Suspense,
  useCallback,
  useEffect,
  useMemo,
  useRef,
  useState,
} from "react";
import type { WorkflowDefinition } from "../../../../../gen/workflows/v1/workflows_pb.ts";
import { Loading } from "../../loading.tsx";
import type { DraftSession, DraftView } from "../draft/draft-session.ts";
import type { EditorPlace } from "../draft/editor.tsx";
import { useCompiled } from "../draft/use-compiled.ts";
import { useVersion } from "../use-version.ts";
import { diffVersions } from "../version-diff.ts";

import { Canvas } from "./canvas.tsx";
import { type Chosen, chosenOf, idsOf } from "./chosen.ts";
import type { Lights } from "./flow.ts";
import { Palette } from "./palette.tsx";
import { type Renamed, renamedChosen } from "./renamed.ts";
import { SelectionForm } from "./selection-form.tsx";
import { StepForm } from "./step-form.tsx";
import type { NewKind } from "./text/new-steps.ts";
import type { Picture } from "./text/picture.ts";
import { TryPane } from "./try-pane.tsx";
import { useArrangement } from "./use-arrangement.ts";
import { type Designer, useDesigner } from "./use-designer.ts";
import { useSelection } from "./use-selection.ts";
import { WireForm } from "./wire-form.tsx";
import { keyOfWire, type Wire } from "./wires.ts";
import { WorkflowForm } from "./workflow-form.tsx";
import "./designer.css";

const Editor = lazy(async () => ({ default: (await import("../draft/editor.tsx")).Editor }));

type Pane = "text" | "form" | "try";

interface Props {
  readonly definition: WorkflowDefinition;
  readonly session: DraftSession;
  readonly view: DraftView;
  readonly isReadOnly: boolean;
  /** Where the text is to go, from the list of faults. */
  readonly place: EditorPlace | undefined;
  readonly onPlace: (place: EditorPlace) => void;
}

const NO_LIGHTS: Lights = {};

export function DesignerView(props: Props) {
  const { definition, session, view, isReadOnly, place, onPlace } = props;
  const designer = useDesigner(session, view);
  const { picture, notes } = designer;
  const [chosen, setChosen] = useState<Chosen>();
  const [pane, setPane] = useState<Pane>("text");
  const [isWide, setWide] = useState(false);
  const [played, setPlayed] = useState(NO_LIGHTS);
  const [isCompared, setCompared] = useState(false);
  const { all, isOwn, routes } = useArrangement(picture, designer.places);
  const marks = useMarks(definition, designer.drawnText, isCompared);
  const host = useRef<HTMLElement>(null);
  const kept = useFocusKept();
  const { step, wire, several } = useChosen(chosen, picture, designer.drawnText === view.text);

  const renamed = useRef<Renamed>(undefined);
  const formKey = useFormKey(step?.id, renamed);
  const choose = useCallback((next: Chosen) => {
    setChosen(next);
    if (next !== undefined) setPane((open) => (open === "try" ? open : "form"));
  }, []);
  const selection = useSelection(designer, all, isOwn, choose);
  useEffect(() => {
    if (place !== undefined) setPane("text");
  }, [place]);
  const open = () => {
    setPane("form");
    requestAnimationFrame(() =>
      host.current?.querySelector<HTMLElement>(".design-form :is(input, select)")?.focus(),
    );
  };
  const goToText = (path: readonly string[]) => {
    setPane("text");
    onPlace({ line: lineOf(path, picture, view.text), column: 1 });
  };
  const add = async (kind: NewKind) => {
    const from = step?.id ?? (wire === undefined ? lastEnd(picture) : undefined);
    const made = await designer.edit({ do: "add", kind, from, on: wire });
    if (made !== undefined) choose(chosenOf(made));
  };
  const editorNotes = useMemo(
    () =>
      notes.map(({ line, column, message, isWarning }) => ({
        ...{ line, column, description: message },
        severity: isWarning ? ("warning" as const) : ("error" as const),
      })),
    [notes],
  );
  const forms = { designer, selection, isReadOnly, onChoose: choose, onText: goToText };
  const where =
    step !== undefined ? `after ${step.id}` : wire !== undefined ? "between the two" : "at the end";
  return (
    <section
      className={isWide ? "designer is-wide" : "designer"}
      aria-label="Designer"
      ref={host}
      onKeyDown={(event) => onShortcut(event, designer, isReadOnly)}
    >
      {!isReadOnly && <Palette where={where} onAdd={(kind) => void add(kind)} />}
      <div className="design-panes">
        <div className="design-stage">
          {designer.problem !== "" && (
            <p className="design-problem" role="alert" data-tone="bad">
              {designer.problem}
            </p>
          )}
          <span className="design-tools">
            <Tool label="Undo" isOff={!designer.canUndo || isReadOnly} onPress={designer.undo}>
              <Undo2 aria-hidden />
            </Tool>
            <Tool label="Redo" isOff={!designer.canRedo || isReadOnly} onPress={designer.redo}>
              <Redo2 aria-hidden />
            </Tool>
            <Tool label="Tidy up" isOff={!isOwn || isReadOnly} onPress={() => designer.arrange({})}>
              <LayoutGrid aria-hidden />
            </Tool>
            {definition.latestVersion > 0 && (
              <Tool
                label={`Changes against version ${definition.latestVersion}`}
                isPressed={isCompared}
                onPress={() => setCompared(!isCompared)}
              >
                <Diff aria-hidden />
              </Tool>
            )}
            <Tool
              label={isWide ? "Back to the page" : "Fill the window"}
              onPress={() => setWide(!isWide)}
            >
              {isWide ? <Minimize2 aria-hidden /> : <Maximize2 aria-hidden />}
            </Tool>
          </span>
          {picture === undefined || all === undefined ? (
            designer.isStale ? (
              <p className="muted design-empty">The text cannot be drawn: mend it first.</p>
            ) : (
              <Loading rows={8} />
            )
          ) : (
            <>
              <Canvas
                designer={designer}
                selection={selection}
                picture={picture}
                places={all}
                routes={routes}
                chosen={chosen}
                lights={isCompared ? (marks ?? NO_LIGHTS) : played}
                isReadOnly={isReadOnly}
                onChoose={choose}
                onOpen={open}
              />
              {designer.isStale ? (
                <p className="design-stale" data-tone="warn">
                  The text cannot be read: this is the picture of before.
                </p>
              ) : isCompared && designer.faultCount > 0 ? (
                <p className="design-stale" data-tone="warn">
                  What has changed is marked when no fault is left.
                </p>
              ) : (
                picture.steps.length === 0 && (
                  <p className="design-empty">
                    Add the first step: click a kind in the bar above, or drag it here. Then drag
                    from the dot below a step to the next one.
                  </p>
                )
              )}
            </>
          )}
        </div>
        <div className="design-pane">
          <fieldset className="design-switch" aria-label="Beside the canvas">
            <Switch pane="text" open={pane} onOpen={setPane} icon={<FileText aria-hidden />}>
              Text
            </Switch>
            <Switch
              pane="form"
              open={pane}
              onOpen={setPane}
              icon={<SlidersHorizontal aria-hidden />}
            >
              {several.length > 0
                ? "Steps"
                : step !== undefined
                  ? "Step"
                  : wire !== undefined
                    ? "Path"
                    : "Workflow"}
            </Switch>
            <Switch pane="try" open={pane} onOpen={setPane} icon={<FlaskConical aria-hidden />}>
              Try it
            </Switch>
          </fieldset>
          <div className="design-pane-body" {...kept}>
            {pane === "text" ? (
              <Suspense fallback={<Loading rows={12} />}>
                <Editor
                  text={view.text}
                  label="The workflow file"
                  notes={editorNotes}
                  place={place}
                  isReadOnly={isReadOnly}
                  onType={designer.type}
                />
              </Suspense>
            ) : picture === undefined ? (
              <Loading rows={6} />
            ) : pane === "try" ? (
              <TryPane text={view.text} picture={picture} onLights={setPlayed} />
            ) : several.length > 0 ? (
              <SelectionForm steps={several} {...forms} />
            ) : step !== undefined ? (
              <StepForm
                key={formKey}
                step={step}
                picture={picture}
                onRenamed={(to) => {
                  const now = { from: step.id, to };
                  renamed.current = now;
                  // Another step may have been chosen meanwhile.
                  setChosen((open) => renamedChosen(open, now));
                }}
                {...forms}
              />
            ) : wire !== undefined ? (
              <WireForm
                wire={wire}
                picture={picture}
                onLed={(from, to) =>
                  setChosen((open) => (isWire(open, from) ? { kind: "wire", wire: to } : open))
                }
                {...forms}
              />
            ) : (
              <WorkflowForm name={definition.name} picture={picture} {...forms} />
            )}
          </div>
        </div>
      </div>
    </section>
  );
}

function Tool({
  label,
  isOff = false,
  isPressed,
  onPress,
  children,
}: {
  readonly label: string;
  readonly isOff?: boolean;
  readonly isPressed?: boolean;
  readonly onPress: () => void;
  readonly children: ReactNode;
}) {
  return (
    <button
      type="button"
      className="icon-only"
      aria-label={label}
      title={label}
      aria-pressed={isPressed}
      disabled={isOff}
      onClick={onPress}
    >
      {children}
    </button>
  );
}

function Switch({
  pane,
  open,
  onOpen,
  icon,
  children,
}: {
  readonly pane: Pane;
  readonly open: Pane;
  readonly onOpen: (pane: Pane) => void;
  readonly icon: ReactNode;
  readonly children: string;
}) {
  return (
    <button type="button" aria-pressed={open === pane} onClick={() => onOpen(pane)}>
      {icon}
      {children}
    </button>
  );
}

/** In a field or in the text the browser and the editor have their own. */
function onShortcut(event: KeyboardEvent, { undo, redo }: Designer, isReadOnly: boolean): void {
  const isCommand = event.ctrlKey || event.metaKey;
  const { target } = event;
  const isTyping =
    target instanceof HTMLElement &&
    (target.isContentEditable || target.matches("input, textarea, select"));
  if (!isCommand || isTyping || isReadOnly) return;
  const key = event.key.toLowerCase();
  const isRedo = key === "y" || (key === "z" && event.shiftKey);
  if (key !== "z" && !isRedo) return;
  event.preventDefault();
  if (isRedo) redo();
  else undo();
}

/** What is chosen in a picture. Until the picture of a changed text is there it is what it was. */
function useChosen(chosen: Chosen, picture: Picture | undefined, isDrawn: boolean) {
  const before = useRef<ReturnType<typeof foundIn>>(NOTHING);
  const found = foundIn(chosen, picture);
  const isMissing = chosen !== undefined && !isDrawn && isNothing(found);
  if (!isMissing) before.current = found;
  return before.current;
}

/** Each step that is shown has a form of its own; with another id it is the same step, and its form keeps the focus. */
function useFormKey(
  id: string | undefined,
  { current: renamed }: { readonly current: Renamed | undefined },
): number {
  const shown = useRef({ id, key: 0 });
  const { id: before, key } = shown.current;
  if (id !== before) {
    const isSame = renamed?.from === before && renamed?.to === id;
    shown.current = { id, key: isSame ? key : key + 1 };
  }
  return shown.current.key;
}

/** Where the form that had the focus is gone, keys and readers of screens go on with the one in its place, not at the top of the page. */
function useFocusKept() {
  const body = useRef<HTMLDivElement>(null);
  const isInside = useRef(false);
  useEffect(() => {
    const { activeElement } = document;
    if (activeElement !== document.body) {
      isInside.current = body.current?.contains(activeElement) === true;
    } else if (isInside.current) body.current?.querySelector("h2")?.focus({ preventScroll: true });
  });
  return {
    ref: body,
    onFocus: () => {
      isInside.current = true;
    },
    onBlur: () => {
      isInside.current = false;
    },
  };
}

function isWire(chosen: Chosen, wire: Wire): boolean {
  return chosen?.kind === "wire" && keyOfWire(chosen.wire) === keyOfWire(wire);
}

const NOTHING = { step: undefined, wire: undefined, several: [] };

function foundIn(chosen: Chosen, picture: Picture | undefined) {
  const ids = new Set(idsOf(chosen));
  const steps = picture?.steps.filter(({ id }) => ids.has(id)) ?? [];
  const several = steps.length > 1 ? steps : [];
  const step = steps.length === 1 ? steps[0] : undefined;
  if (chosen?.kind !== "wire") return { step, several, wire: undefined };
  const key = keyOfWire(chosen.wire);
  const isThere = picture?.edges.some((edge) => keyOfWire(edge) === key);
  return { step, several, wire: isThere ? chosen.wire : undefined };
}

function isNothing({ step, wire, several }: ReturnType<typeof foundIn>): boolean {
  return step === undefined && wire === undefined && several.length === 0;
}

/** The last step after which nothing comes. */
function lastEnd(picture: Picture | undefined): string | undefined {
  const going = new Set(picture?.edges.map(({ from }) => from));
  return picture?.steps.findLast(({ id, role }) => role === "top" && !going.has(id))?.id;
}

function lineOf(path: readonly string[], picture: Picture | undefined, text: string): number {
  const [first = "", id] = path;
  if (first === "steps") return picture?.steps.find((step) => step.id === id)?.line ?? 1;
  return (
    Math.max(
      0,
      text.split("\n").findIndex((line) => line.startsWith(`${first}:`)),
    ) + 1
  );
}

/** How the draft differs from what production starts, once it is asked for. */
function useMarks(
  definition: WorkflowDefinition,
  text: string | undefined,
  isWanted: boolean,
): Lights | undefined {
  const { id, latestVersion } = definition;
  const from = useVersion(id, isWanted ? latestVersion : 0).data?.version;
  const to = useCompiled(isWanted ? text : undefined)?.version;
  return useMemo(() => {
    if (from === undefined || to === undefined) return undefined;
    const { stepMarks, linkMarks } = diffVersions(from, to);
    return { marks: stepMarks, linkMarks };
  }, [from, to]);
}
