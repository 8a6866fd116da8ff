import { type Call, type Input, isList, isNamed, type Value } from "./call.ts";

type Request = Call & { readonly kind: "request" };

/**
 * The calls as AWS CLI commands, one per line, to be pasted into a POSIX shell as they are and in this order.
 * `region`: the one named in each call without its own. A call's result goes straight into the next call when
 * only that one needs it, and else into a shell variable.
 */
export function commandsOf(calls: readonly Call[], region: string | undefined): readonly string[] {
  const inner = new Map<string, string>();
  return calls.flatMap((call, index) => {
    const words = (name: string): string => inner.get(name) ?? `"$${name}"`;
    const command =
      call.kind === "wait"
        ? waitWords(call, call.region ?? region)
        : requestWords(call, call.region ?? region, words);
    if (call.kind === "wait" || !call.result) return [command];
    const { name } = call.result;
    const users = calls.filter((other) => other.kind === "request" && mentions(other.input, name));
    if (users.length === 1 && users[0] === calls[index + 1]) {
      inner.set(name, `"$(${command})"`);
      return [];
    }
    return [`${name}=$(${command})`];
  });
}

function mentions(value: Value, name: string): boolean {
  if (typeof value !== "object") return false;
  if (isNamed(value)) return value.named === name;
  return (isList(value) ? value : Object.values(value as Input)).some((one) => mentions(one, name));
}

function waitWords(
  { until, instanceId }: Call & { readonly kind: "wait" },
  region: string | undefined,
): string {
  return line(["wait", until, "--instance-ids", instanceId], region);
}

function requestWords(
  { operation, input, result }: Request,
  region: string | undefined,
  words: (name: string) => string,
): string {
  const options = (SHORTHANDS[operation]?.(input) ?? Object.entries(input)).flatMap(([member, value]) =>
    optionWords(member, value, words),
  );
  const query = result === undefined ? [] : ["--query", quoted(result.path), "--output", "text"];
  return line([kebab(operation), ...options, ...query], region);
}

function line(words: readonly string[], region: string | undefined): string {
  return ["aws", "ec2", ...words, ...(region === undefined ? [] : ["--region", region])].join(" ");
}

/** Options of the CLI that differ from the API's parameters. */
const SHORTHANDS: Readonly<
  Record<string, (input: Input) => readonly (readonly [string, Value])[] | undefined>
> = {
  AuthorizeSecurityGroupIngress: groupWords,
  AuthorizeSecurityGroupEgress: groupWords,
  CreateNetworkAclEntry: aclWords,
  ReplaceNetworkAclEntry: aclWords,
  ModifyNetworkInterfaceAttribute: attributeWords,
  ModifyVpcAttribute: attributeWords,
};

/** `--protocol`, `--port` and `--cidr`, when the rule has one IPv4 block. */
function groupWords({ GroupId, IpPermissions }: Input): readonly (readonly [string, Value])[] | undefined {
  const [permission] = IpPermissions as unknown as readonly {
    readonly [member: string]: string | number | undefined;
  }[];
  const ranges = permission?.["IpRanges"] as unknown as readonly { readonly CidrIp: string }[] | undefined;
  if (!permission || !ranges?.[0] || GroupId === undefined) return undefined;
  const { IpProtocol = "", FromPort = -1, ToPort = -1 } = permission;
  const port = FromPort === -1 ? "all" : FromPort === ToPort ? String(FromPort) : `${FromPort}-${ToPort}`;
  return [
    ["GroupId", GroupId],
    ["Protocol", IpProtocol],
    ...(IpProtocol === "tcp" || IpProtocol === "udp" || IpProtocol === "icmp"
      ? [["Port", port] as const]
      : []),
    ["Cidr", ranges[0].CidrIp],
  ];
}

function aclWords({ Egress, ...rest }: Input): readonly (readonly [string, Value])[] {
  const { NetworkAclId = "", ...others } = rest;
  return [
    ["NetworkAclId", NetworkAclId],
    [Egress === true ? "Egress" : "Ingress", true],
    ...Object.entries(others),
  ];
}

/** `{ Value: true }` becomes a switch. */
function attributeWords(input: Input): readonly (readonly [string, Value])[] {
  return Object.entries(input).map(([member, value]) => [
    member,
    typeof value === "object" && "Value" in value ? (value.Value as boolean) : value,
  ]);
}

function optionWords(member: string, value: Value, words: (name: string) => string): readonly string[] {
  const option = `--${kebab(member)}`;
  if (value === true) return [option];
  if (value === false) return [`--no-${kebab(member)}`];
  if (isNamed(value)) return [option, words(value.named)];
  if (isList(value) && value.every((one) => typeof one !== "object"))
    return [option, ...value.map((one) => quoted(String(one)))];
  return [option, quoted(isList(value) ? value.map(shorthand).join(" ") : shorthand(value))];
}

/** The CLI's shorthand syntax: `A=1,B=[{C=2}]` (AWS CLI user guide, "Shorthand syntax"). */
function shorthand(value: Value): string {
  if (typeof value !== "object") return String(value);
  if (isList(value))
    return `[${value.map((one) => (typeof one === "object" ? `{${shorthand(one)}}` : String(one))).join(",")}]`;
  return Object.entries(value)
    .map(([member, one]) => `${member}=${shorthand(one)}`)
    .join(",");
}

/** Quotes a text as one word of a POSIX shell. */
function quoted(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;
}

/**
 * The CLI's spelling of operations and parameters: `Ipv6CidrBlock` is `ipv6-cidr-block`, `VpcId` is `vpc-id`.
 */
function kebab(name: string): string {
  return name.replaceAll(/(?<=[a-z\d])(?=[A-Z])/g, "-").toLowerCase();
}
