import { bootDone, haltDone } from "../actions/instance/instance-lifecycle.ts";
import type { Context } from "../actions/kit/action.ts";
import { perform } from "../actions/perform.ts";
import { overlaidTables } from "../contract/overlaid-tables.ts";
import { poolsOf } from "../contract/pool.ts";
import type { TableReader } from "../contract/tables.ts";
import { seededRandom } from "../lib/random.ts";
import { Fault } from "../model/fault.ts";
import type { Change, Tx } from "../model/state.ts";
import type { Transaction } from "../model/world.ts";
import { joinedDelta, planDelta } from "../plan/compile.ts";
import { type Call, type Input, resolved, type Value } from "../reach/explain/call.ts";
import type { Scratch } from "../reach/explain/scratch.ts";

type Sources = {
  /** A transaction on the region as it is, which nobody commits. */
  readonly begin: () => Transaction;
  /** All regions of the account that have begun, this one first. */
  readonly regions: readonly string[];
  readonly context: Context;
  /** What packets meet now. */
  readonly tables: TableReader;
  /** The machine's public IPv4 pools. */
  readonly pools: readonly string[];
};

/** A region as it would be after some requests, one upon the other; undefined when it would refuse one. */
export function openScratch(sources: Sources, calls: readonly Call[] = []): Scratch | undefined {
  const tx = sources.begin();
  // The same each time, so that the same requests make the same ids.
  const context: Context = { ...sources.context, random: seededRandom(SEED) };
  const results = new Map<string, Value>();
  try {
    for (const call of calls) run(tx, call, context, results);
  } catch (error) {
    if (error instanceof Fault) return undefined;
    throw error;
  }
  const parts = tx.parts();
  const pools = poolsOf(sources.pools);
  const deltas = parts.map(({ region, changes }) => planDelta(tx.elsewhere(region), changes, pools));
  const news = newTexts(parts.flatMap(({ changes }) => changes));
  const [home = context.region] = sources.regions;
  const at = (region: string): Scratch => ({
    region,
    reader: tx.elsewhere(region),
    regions: [region, ...sources.regions.filter((one) => one !== region)],
    elsewhere: at,
    tables: deltas.length > 0 ? overlaidTables(sources.tables, joinedDelta(deltas)) : sources.tables,
    after: (more) => openScratch(sources, [...calls, ...more])?.elsewhere(region),
    isNew: (text) => news.has(text),
  });
  return at(home);
}

const SEED = 0x67_6b;

/** Runs one request in its region; the machine follows at once. */
function run(asked: Tx, call: Call, { region: home, ...rest }: Context, results: Map<string, Value>): void {
  const context: Context = { ...rest, region: call.region ?? home };
  const tx = asked.elsewhere(context.region);
  if (call.kind === "wait")
    return call.until === "instance-stopped" ? haltDone(tx, call.instanceId, context) : undefined;
  const { operation, input, result } = call;
  const answer = perform(tx, operation, resolved(input, (name) => results.get(name) ?? "") as Input, context);
  if (result) results.set(result.name, valueAt(answer, result.path));
  if (operation === "StartInstances")
    for (const id of input["InstanceIds"] as readonly string[]) bootDone(tx, id, context);
}

/** The text at a path such as `InternetGateways[0].InternetGatewayId`. */
function valueAt(answer: unknown, path: string): string {
  const members = path.split(/[.[\]]+/).filter(Boolean);
  return String(
    members.reduce(
      (value, member) => (value as Readonly<Record<string, unknown>> | undefined)?.[member],
      answer,
    ),
  );
}

/** Ids and addresses that were not there before. */
function newTexts(changes: readonly Change[]): ReadonlySet<string> {
  const texts = (resource: Change["after"]): readonly string[] => {
    if (!resource) return [];
    switch (resource.kind) {
      case "address":
        return [
          resource.id,
          resource.publicIp,
          ...(resource.association ? [resource.association.associationId] : []),
        ];
      case "network-interface":
        return [
          resource.id,
          ...(resource.autoPublicIp === undefined ? [] : [resource.autoPublicIp]),
          ...(resource.ipv6Addresses ?? []),
        ];
      case "subnet": {
        const { routeTableAssociation: table, ipv6CidrBlock: block } = resource;
        return [
          resource.id,
          ...(table ? [table.associationId] : []),
          ...(block ? [block.ipv6CidrBlock] : []),
        ];
      }
      case "vpc":
        // A subnet's block of a new one begins as that does.
        return [
          resource.id,
          ...(resource.ipv6CidrBlocks ?? []).map(({ ipv6CidrBlock }) => ipv6CidrBlock.split("/")[0] ?? ""),
        ];
      default:
        return [resource.id];
    }
  };
  const before = new Set(changes.flatMap((change) => texts(change.before)));
  return new Set(changes.flatMap((change) => texts(change.after)).filter((text) => !before.has(text)));
}
