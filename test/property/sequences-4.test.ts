/** Properties of the pure core over random graphs and random happenings: a quarter of the sequences of a run of the tests. */
import { it } from "vitest";
import { playShard } from "../support/random/sequence-shard.ts";

it("whatever happens in whatever order, a run keeps its rules", playShard);
