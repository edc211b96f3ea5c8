/** Where each step is drawn: where somebody has put it, else where the layout puts it. Once one was moved, all stay where they are. */
import { useEffect, useMemo, useState } from "react";
import { laidOut } from "../../graph/layouts.ts";
import type { Places } from "../draft/places.ts";
import { placeAll, taskOf } from "./arrangement.ts";
import type { Picture } from "./text/picture.ts";

/** All places; undefined: they are not known yet. `isOwn`: somebody has put them there. */
export function useArrangement(picture: Picture | undefined, places: Places) {
  const isOwn = Object.keys(places).length > 0;
  const shape = useMemo(() => picture && JSON.stringify(taskOf(picture)), [picture]);
  const [laid, setLaid] = useState<Places>();
  useEffect(() => {
    if (shape === undefined || isOwn) return;
    let isWanted = true;
    laidOut(JSON.parse(shape)).then(
      ({ nodes }) => isWanted && setLaid(nodes),
      () => isWanted && setLaid({}),
    );
    return () => {
      isWanted = false;
    };
  }, [shape, isOwn]);
  const known = isOwn ? places : laid;
  const all = useMemo(() => picture && known && placeAll(picture, known), [picture, known]);
  return { all, isOwn };
}
