/** Worlds of the real service with everything that may go wrong, share 4 of 4. */
import { it } from "vitest";
import { playShare } from "../support/sim/world-shard.ts";

it("comes to the same ends, whatever goes wrong", () => playShare(3));
