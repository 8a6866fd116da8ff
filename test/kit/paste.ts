/**
 * Runs AWS CLI commands against a region in memory, as a shell and the CLI would, as far as commands that
 * mend something need it.
 */

import assert from "node:assert/strict";
import { bootDone, haltDone } from "../../src/actions/instance/instance-lifecycle.ts";
import type { Context } from "../../src/actions/kit/action.ts";
import { perform } from "../../src/actions/perform.ts";
import { present } from "../../src/lib/assert.ts";
import type { Tx } from "../../src/model/state.ts";

/** What takes the requests: each a transaction of its own. */
export type Taker = { readonly change: (body: (tx: Tx, context: Context) => void) => unknown };

/** A shell, with what its variables hold. @throws whatever the region refuses. */
export function newShell(taker: Taker): (line: string) => string {
  const variables = new Map<string, string>();
  const run = (line: string): string => {
    const set = /^(\w+)=\$\((.*)\)$/.exec(line);
    if (set) {
      variables.set(set[1] ?? "", run(set[2] ?? ""));
      return "";
    }
    const inner = /"\$\((.*?)\)"/.exec(line);
    if (inner) return run(line.replace(inner[0], run(inner[1] ?? "")));
    return command(
      taker,
      line.replaceAll(/"\$(\w+)"/g, (_, name: string) => present(variables.get(name), name)),
    );
  };
  return run;
}

function command(taker: Taker, line: string): string {
  const [aws, service, verb = "", ...words] = (line.match(/'[^']*'|\S+/g) ?? []).map((word) =>
    word.replaceAll("'", ""),
  );
  assert.deepEqual([aws, service], ["aws", "ec2"]);
  const options = optionsOf(words);
  const id = options["instance-ids"];
  let answer: unknown;
  taker.change((asked, home) => {
    const context = { ...home, region: options["region"] ?? home.region };
    const tx = asked.elsewhere(context.region);
    if (verb === "wait") haltDone(tx, present(id, "an id"), context);
    else answer = perform(tx, pascal(verb), inputOf(verb, options), context);
    if (verb === "start-instances") bootDone(tx, present(id, "an id"), context);
  });
  const members = options["query"]?.split(/[.[\]]+/) ?? [];
  const value = members.reduce<unknown>(
    (whole, member) => (whole as Readonly<Record<string, unknown>>)[member],
    answer,
  );
  return typeof value === "string" ? value : "";
}

function optionsOf(words: readonly string[]): Readonly<Record<string, string | undefined>> {
  const options: Record<string, string> = {};
  for (const [index, word] of words.entries()) {
    const next = words[index + 1];
    if (word.startsWith("--"))
      options[word.slice(2)] = next === undefined || next.startsWith("--") ? "true" : next;
  }
  return options;
}

const CONTROL = new Set(["query", "output", "region"]);

/** The request that the CLI makes of the options; its own shorthands are for groups and ACLs. */
function inputOf(verb: string, options: Readonly<Record<string, string | undefined>>): object {
  if (verb.startsWith("authorize-security-group")) return groupInput(options);
  const input: Record<string, unknown> = {};
  for (const [name, value = ""] of Object.entries(options)) {
    if (CONTROL.has(name)) continue;
    if (name === "egress" || name === "ingress") input["Egress"] = name === "egress";
    else if (name === "port-range" || name === "icmp-type-code") input[pascal(name)] = numbers(value);
    else if (name === "filters")
      input["Filters"] = [
        { Name: /Name=([^,]*)/.exec(value)?.[1], Values: [/Values=\[(.*)\]/.exec(value)?.[1]] },
      ];
    else if (name === "no-source-dest-check") input["SourceDestCheck"] = { Value: false };
    else if (name === "enable-dns-support") input["EnableDnsSupport"] = { Value: true };
    else if (name === "amazon-provided-ipv6-cidr-block") input["AmazonProvidedIpv6CidrBlock"] = true;
    else if (name.endsWith("-count")) input[pascal(name)] = Number(value);
    else if (name.endsWith("-ids")) input[pascal(name)] = [value];
    else input[pascal(name)] = name === "rule-number" ? Number(value) : value;
  }
  return input;
}

function groupInput(options: Readonly<Record<string, string | undefined>>): object {
  const { protocol: IpProtocol, port, cidr: CidrIp } = options;
  const said = /IpProtocol=(\w+),FromPort=(-?\d+),ToPort=(-?\d+),Ipv6Ranges=\[\{CidrIpv6=([^}]+)\}\]/.exec(
    options["ip-permissions"] ?? "",
  );
  if (said) {
    const [, protocol, FromPort, ToPort, CidrIpv6] = said;
    const permission = {
      IpProtocol: protocol,
      FromPort: Number(FromPort),
      ToPort: Number(ToPort),
      Ipv6Ranges: [{ CidrIpv6 }],
    };
    return { GroupId: options["group-id"], IpPermissions: [permission] };
  }
  const [from = "", to = from] = port === undefined || port === "all" ? ["-1"] : port.split("-");
  const range = { FromPort: Number(from), ToPort: Number(to) };
  return { GroupId: options["group-id"], IpPermissions: [{ IpProtocol, ...range, IpRanges: [{ CidrIp }] }] };
}

function pascal(text: string): string {
  return text
    .split("-")
    .map((word) => word.charAt(0).toUpperCase() + word.slice(1))
    .join("");
}

function numbers(text: string): Readonly<Record<string, number>> {
  return Object.fromEntries(
    text.split(",").map((pair) => {
      const [name = "", value] = pair.split("=");
      return [name, Number(value)] as const;
    }),
  );
}
