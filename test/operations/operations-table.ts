import { type Mark, markOf } from "../../src/actions/marks.ts";
import { isOffered, OFFERED, type Operation } from "../../src/actions/registry.ts";
import { Fault } from "../../src/model/fault.ts";
import { findOperation, operationNames } from "../../src/wire/operations.ts";
import { type FixedRegion, fixedRegion } from "../fuzz/corpus.ts";
import { taken, withOneMore } from "../random/one-more.ts";

/**
 * The text of docs/operations.md: what the marks say, and which parameters a region refuses when it is asked.
 */
export function operationsTable(): string {
  const refused = refusals(fixedRegion());
  const names = operationNames();
  const counts = (behind: Mark["behind"]): number =>
    OFFERED.filter((name) => markOf(name).behind === behind).length;
  const rows = OFFERED.map((name) => row(name, refused.get(name) ?? []));
  const others = names.filter((name) => !isOffered(name));
  return `# Operations

Made from the code by \`node dist/tools/generate-operations.js\`; a test holds it against the code.

EC2 has ${names.length} operations (API version 2016-11-15). Genkan offers ${OFFERED.length}: ${counts("packets")} that packets or instances obey, ${counts("record")} whose
effect is a record only, and ${counts("describes")} that describe. The others get \`InvalidAction\`.

- **obeyed**: what it changes, packets or instances obey.
- **record**: kept and described back; nothing else follows from it.
- **describes**: changes nothing.
- *Recorded*: a parameter that is only kept and described back. *Refused*: one that gets \`UnsupportedOperation\`, tried one at a time beside
  a request that is taken; \`*\` stands for each item of a list. *Without effect*: what it asks for is so already.

| operation | | parameters |
|---|---|---|
${rows.join("\n")}

## Not offered

${initials(others)}
`;
}

const WORDS: Readonly<Record<Mark["behind"], string>> = {
  packets: "obeyed",
  record: "record",
  describes: "describes",
};

function row(name: Operation, refused: readonly string[]): string {
  const { behind, recorded = [], moot = [] } = markOf(name);
  const parts = [
    ["recorded", recorded],
    ["refused", refused],
    ["without effect", moot],
  ] as const;
  const told = parts
    .filter(([, names]) => names.length > 0)
    .map(([word, names]) => `${word}: ${names.map((each) => `\`${each}\``).join(", ")}`);
  return `| ${name} | ${WORDS[behind]} | ${told.join("; ")} |`;
}

/** The parameters of each operation that are refused as not offered. */
function refusals(region: FixedRegion): ReadonlyMap<string, readonly string[]> {
  const found = new Map<string, string[]>();
  for (const [operation, input] of taken(region)) {
    for (const { path, request } of withOneMore(findOperation(operation)?.input, input)) {
      try {
        region.perform(operation, request);
      } catch (error) {
        if (!(error instanceof Fault)) throw error;
        if (error.code === "UnsupportedOperation")
          found.set(operation, [...(found.get(operation) ?? []), path]);
      }
    }
  }
  return found;
}

/** The names, a line for each first word. */
function initials(names: readonly string[]): string {
  const groups = new Map<string, string[]>();
  for (const name of names) {
    const verb = /^[A-Z][a-z]+/.exec(name)?.[0] ?? name;
    groups.set(verb, [...(groups.get(verb) ?? []), name]);
  }
  return [...groups.values()].map((group) => `- ${group.join(", ")}`).join("\n");
}

/** Marks that say nothing any more: of parameters that the operations do not have. */
export function staleMarks(): readonly string[] {
  return OFFERED.flatMap((name) => {
    const { recorded = [], moot = [] } = markOf(name);
    const members = findOperation(name)?.input?.members.map((member) => member.name) ?? [];
    return [...recorded, ...moot]
      .filter((path) => !members.includes(path.split(".")[0] ?? ""))
      .map((path) => `${name} ${path}`);
  });
}
