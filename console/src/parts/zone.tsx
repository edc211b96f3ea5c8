/** In which zone times are shown: that of the browser, or UTC. */
import { createContext, type ReactNode, useContext, useState } from "react";
import { keep, kept } from "../api/storage.ts";

/** The zones of the switch. */
export type Zone = "local" | "utc";

const KEY = "workflows.zone";
const ZoneContext = createContext<{ readonly zone: Zone; set(zone: Zone): void }>({
  zone: "local",
  set() {},
});

export function ZoneProvider({ children }: { readonly children: ReactNode }) {
  const [zone, setZone] = useState<Zone>(() => (kept("origin", KEY) === "utc" ? "utc" : "local"));
  const set = (next: Zone) => {
    keep("origin", KEY, next);
    setZone(next);
  };
  return <ZoneContext value={{ zone, set }}>{children}</ZoneContext>;
}

/** The zone, and what sets it. */
export function useZone() {
  return useContext(ZoneContext);
}

/** Date and time to the second, with the zone: `2026-11-30 03:12:09 UTC`. */
export function absoluteWords(at: Date, zone: Zone): string {
  if (zone === "utc") return `${at.toISOString().slice(0, 19).replace("T", " ")} UTC`;
  const parts = new Intl.DateTimeFormat("sv-SE", {
    dateStyle: "short",
    timeStyle: "medium",
  }).format(at);
  const name = new Intl.DateTimeFormat("en", { timeZoneName: "short" })
    .formatToParts(at)
    .find(({ type }) => type === "timeZoneName");
  return `${parts} ${name?.value ?? ""}`.trim();
}

/** The button of the header. */
export function ZoneSwitch() {
  const { zone, set } = useZone();
  return (
    <button
      type="button"
      className="quiet"
      onClick={() => set(zone === "utc" ? "local" : "utc")}
      title="Switch between your zone and UTC"
    >
      {zone === "utc" ? "UTC" : "Local time"}
    </button>
  );
}
