/**
 * A sentence that the service wrote: its times in the zone of the page, and names that nobody proved marked as everywhere.
 * Boundary: what is not a time stays as it is.
 */
import { Fragment } from "react";
import { actorWords } from "../api/names.ts";
import { PlainText } from "./plain-text.tsx";
import { cutText } from "./visible-text.ts";
import { absoluteWords, useZone } from "./zone.tsx";

const TIME = /(\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(?:\.\d+)?Z)/;
const UNPROVED = /\bunverified:[^\s:,;]*[^\s:,;.]/g;

export function Sentence({ children, most }: { readonly children: string; readonly most: number }) {
  const { zone } = useZone();
  return cutText(children, most)
    .split(TIME)
    .map((piece, at) => {
      const key = `${at}`;
      const date = TIME.test(piece) ? new Date(piece) : undefined;
      if (date === undefined || Number.isNaN(date.getTime())) {
        const words = piece.replaceAll(UNPROVED, actorWords);
        if (words.trim() === "") return <Fragment key={key}>{words}</Fragment>;
        return <PlainText key={key}>{words}</PlainText>;
      }
      return (
        <time key={key} dateTime={piece} title={piece}>
          {absoluteWords(date, zone)}
        </time>
      );
    });
}
