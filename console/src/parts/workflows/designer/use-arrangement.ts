/** Where each step is drawn: where somebody has put it, else where the layout puts it. Once one was moved, all stay where they are. */
import { useEffect, useMemo, useState } from "react";
import type { Layout } from "../../graph/layout.ts";
import { laidOut } from "../../graph/layouts.ts";
import type { Places } from "../draft/places.ts";
import { placeAll, taskOf } from "./arrangement.ts";
import type { Picture } from "./text/picture.ts";

/** All places; undefined: they are not known yet. `isOwn`: somebody has put them there. `routes`: of paths, by `from to`. */
export function useArrangement(picture: Picture | undefined, places: Places) {
  const isOwn = Object.keys(places).length > 0;
  const shape = useMemo(() => picture && JSON.stringify(taskOf(picture)), [picture]);
  const [laid, setLaid] = useState<Pick<Layout, "nodes" | "links">>();
  useEffect(() => {
    if (shape === undefined || isOwn) return;
    let isWanted = true;
    laidOut(JSON.parse(shape)).then(
      (layout) => isWanted && setLaid(layout),
      () => isWanted && setLaid({ nodes: {}, links: {} }),
    );
    return () => {
      isWanted = false;
    };
  }, [shape, isOwn]);
  const known = isOwn ? places : laid?.nodes;
  const all = useMemo(() => picture && known && placeAll(picture, known), [picture, known]);
  return { all, isOwn, routes: isOwn ? undefined : laid?.links };
}
