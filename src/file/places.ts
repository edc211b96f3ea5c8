/**
 * Which place of the file a field of the version comes from, so that a fault of the engine's check is shown there.
 * Boundary: fields by the names of the wire (`steps[3].config.title`); nodes of the file.
 */
import type { Place } from "./faults.ts";
import type { FileNode } from "./nodes.ts";

/** Fields with their places. */
export class Places {
  readonly #nodes = new Map<string, FileNode | Place>();

  /** A field whose value was read from a node, or that belongs to a place. */
  set(field: string, place: FileNode | Place): void {
    this.#nodes.set(field, place);
  }

  /** The place of the field, or of the nearest field around it; undefined for a field of no place. */
  find(field: string): Place | undefined {
    const segments = field.match(/[^.[\]]+|\[\d+\]/g) ?? [];
    for (let length = segments.length; length > 0; length -= 1) {
      const found = this.#nodes.get(joined(segments.slice(0, length)));
      if (found !== undefined) return walk(found, segments.slice(length));
    }
    return undefined;
  }
}

function joined(segments: readonly string[]): string {
  return segments.reduce(
    (path, each) => path + (path === "" || each.startsWith("[") ? each : `.${each}`),
    "",
  );
}

/** The place inside of a node, as far as the path leads. */
function walk(from: FileNode | Place, segments: readonly string[]): Place {
  let place = from;
  for (const segment of segments) {
    const inside = "kind" in place ? step(place, segment) : undefined;
    if (inside === undefined) break;
    place = inside;
  }
  return { path: place.path, offset: place.offset };
}

function step(node: FileNode, segment: string): FileNode | undefined {
  if (node.kind === "list") return node.items[Number(segment.slice(1, -1))];
  if (node.kind === "mapping") return node.entries.find(({ key }) => key === segment)?.value;
  return undefined;
}
