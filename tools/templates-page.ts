/** docs/templates.md: the gallery, from the templates themselves. */
import { isJsonObject, ownValue } from "../src/engine/values/json.ts";
import { readGallery } from "../src/templates/gallery.ts";
import type { Template } from "../src/templates/template.ts";

/** The text of docs/templates.md. */
export async function templatesPage(): Promise<string> {
  const templates = await readGallery();
  return [
    "# Templates",
    "",
    "`npx tsx tools/make-pages.ts` makes this page from [`templates/`](../templates). Do not edit it.",
    "",
    "A template is a [workflow file](workflow-files.md) with parameters. The service has these; one call makes a workflow of one, which can be",
    "started at once and changed like every other.",
    "",
    "```sh",
    "workflows templates list",
    "workflows templates show expense-approval",
    "workflows templates install expense-approval --set threshold_usd=250 --set manager=user_ann",
    "```",
    "",
    "A parameter that is not given has its default. A name that the workspace has already is refused (`ALREADY_EXISTS`), and nothing is",
    "changed then: give `--name`. The RPCs are `Templates.List`, `Get` (scope `workflows:read`) and `Install` (`workflows:author`).",
    "",
    "## Templates of a workspace",
    "",
    "A workspace keeps up to 100 templates of its own, which are listed beside these and installed like them:",
    "",
    "```sh",
    'workflows templates save our-expenses --from expense-approval --title "Our expenses"',
    "workflows templates save our-expenses --file our-expenses.yaml --about template.yaml --replace",
    "workflows templates delete our-expenses",
    "```",
    "",
    "`Templates.Save` (`workflows:author`) takes a text, that of a version, or that of a draft, where `$(name)` stands for a parameter as",
    "[below](#write-one). Each parameter stands in the text, and has a type, a description and a default; with the defaults filled in the text is a",
    "workflow file without faults, or it is refused. The `etag` that was read lets a save replace a template. `Templates.Delete` leaves what was made",
    "of it. Templates of a workspace have no scenarios, and none has the id of one of the gallery.",
    "",
    "## The gallery",
    "",
    "Each template has scenarios: inputs and answers, and the path that they lead to. A test plays all of them by the",
    "[simulation](operations-api.md#simulate), and checks every template without a warning.",
    "",
    "| template | category | what it does |",
    "| --- | --- | --- |",
    ...templates.map(
      ({ id, title, category, summary }) =>
        `| [${title}](#${anchorOf(title)}) (\`${id}\`) | ${category} | ${summary} |`,
    ),
    "",
    ...templates.flatMap(sectionOf),
    "## Write one",
    "",
    "A template is a folder in `templates/` with two files. `workflow.yaml` is a workflow file in which `$(name)` stands for a parameter; a text",
    "that is one lone `$(name)` takes the parameter's type. Values are put into the parsed file, so none can add a step or begin an expression.",
    "Within an expression only numbers, and texts with a pattern, may stand. `template.yaml` has `id`, `version`, `title`, `summary`, `category`,",
    "`parameters` (the properties of a JSON Schema, each with `description` and `default`), `needs` and `scenarios` (`input`, `mocks` as",
    "`workflows simulate` takes them, `path`, `outcome`).",
    "",
  ].join("\n");
}

function sectionOf({ id, title, summary, parameters, needs, scenarios }: Template): string[] {
  const properties = ownValue(parameters, "properties");
  return [
    `## ${title}`,
    "",
    summary,
    "",
    ...(needs.length === 0 ? [] : ["It needs:", ""]),
    ...needs.map(({ kind, name, purpose }) => `- ${kind} \`${name}\`: ${purpose}`),
    "",
    "| parameter | default | |",
    "| --- | --- | --- |",
    ...Object.entries(isJsonObject(properties) ? properties : {}).map(([name, property]) => {
      const of = (key: string) => (isJsonObject(property) ? ownValue(property, key) : undefined);
      return `| \`${name}\` | \`${String(of("default"))}\` | ${String(of("description"))} |`;
    }),
    "",
    ...scenarios.map(
      ({ name, path }) => `- ${name}: ${path.map((step) => `\`${step}\``).join(" → ")}`,
    ),
    "",
    `[\`templates/${id}/workflow.yaml\`](../templates/${id}/workflow.yaml)`,
    "",
  ];
}

function anchorOf(title: string): string {
  return title.toLowerCase().replaceAll(" ", "-");
}
