/** `workflows runs --counts`: how many runs match, in all and by their values. */
import { toJson } from "@bufbuild/protobuf";
import { SearchCountsSchema } from "../../gen/workflows/ops/v1/runs_pb.ts";
import type { Json } from "../engine/values/json.ts";
import type { Call } from "./call.ts";
import { EXIT } from "./failure.ts";
import { type RunFilters, requestOf } from "./search-runs.ts";
import type { Service } from "./service.ts";

/** A row for each value; with --quiet the total alone. `names` are of definitions by their ids. */
export async function printCounts(
  service: Service,
  call: Call,
  filters: RunFilters,
  names: ReadonlyMap<string, string>,
): Promise<number> {
  const { out } = call;
  const request = { ...requestOf(service, call, filters), pageSize: 1, counts: true };
  const { counts } = await service.runs.search(request);
  const { totalSize = 0, atLeast = false, facets = [] } = counts ?? {};
  if (out.json && counts !== undefined) {
    out.object(toJson(SearchCountsSchema, counts, { useProtoFieldName: true }) as Json);
  } else if (out.quiet) out.line(String(totalSize));
  else {
    const rows = facets.flatMap(({ field, values }) =>
      values.map((each) => [
        field,
        field === "definition_id" ? (names.get(each.value) ?? each.value) : each.value,
        String(each.totalSize),
      ]),
    );
    out.table(["FIELD", "VALUE", "RUNS"], [["total", "", String(totalSize)], ...rows]);
    if (atLeast || facets.some((facet) => facet.atLeast))
      out.talk("older runs are not counted; narrow the search, as by --before");
  }
  return EXIT.done;
}
