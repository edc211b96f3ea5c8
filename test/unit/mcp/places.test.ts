import { expect, test } from "vitest";
import { createMcpPlaces, type McpPlace } from "../../../src/ingress/rpc/mcp/places.ts";

function takeOf(take: () => McpPlace, workspaceId: string): McpPlace {
  const place = take();
  place.ofWorkspace(workspaceId);
  return place;
}

test("one workspace has a quarter of the places, and the others go on", () => {
  const take = createMcpPlaces(8);
  const first = takeOf(take, "a");
  takeOf(take, "a");
  const third = take();
  expect(() => third.ofWorkspace("a")).toThrow("as many MCP requests are open as a workspace may");
  third.leave();
  takeOf(take, "b");
  first.leave();
  takeOf(take, "a");
});

test("there are no more places than the service has, and each is given back", () => {
  const take = createMcpPlaces(2);
  const places = [take(), take()];
  expect(take).toThrow("as many MCP requests are open as the service takes");
  for (const place of places) place.leave();
  expect(() => [take(), take()]).not.toThrow();
});
