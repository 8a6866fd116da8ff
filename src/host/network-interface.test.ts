import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import * as fc from "fast-check";
import { execInInstance } from "./exec.ts";
import { type Host, openHost } from "./host.ts";
import type { InterfaceSpec } from "./network-interface.ts";
import { example, output, POOL } from "./test-kit.ts";

const INSIDE = "GENKAN_TEST_IN_NAMESPACE";
const root = process.platform === "linux" && process.getuid?.() === 0;

if (process.env[INSIDE] === undefined) {
  test(
    "interfaces of instances, in namespaces of their own",
    { skip: root ? false : "needs root on Linux" },
    () => {
      const script = 'mount -t tmpfs tmpfs /run && ip link set lo up && exec "$@"';
      const argv = ["--net", "--mount", "--propagation", "private", "sh", "-ec", script, "sh"];
      const node = [
        process.execPath,
        "--no-warnings",
        "--test",
        "--test-reporter=spec",
        fileURLToPath(import.meta.url),
      ];
      const { NODE_TEST_CONTEXT: _, ...environment } = process.env;
      const ended = spawnSync("unshare", [...argv, ...node], {
        encoding: "utf8",
        env: { ...environment, [INSIDE]: "yes" },
      });
      assert.equal(ended.status, 0, ended.stdout + ended.stderr);
    },
  );
} else {
  describe("interfaces of instances", interfaceTests);
}

/** What is done to an instance's interfaces. `four` and `six`: how many addresses of each family. */
type Step =
  | {
      readonly kind: "attach";
      readonly index: number;
      readonly four: number;
      readonly six: number;
      readonly besideFirst: boolean;
    }
  | { readonly kind: "detach" | "byHand" | "unlink"; readonly index: number }
  | { readonly kind: "readdress"; readonly index: number; readonly four: number; readonly six: number }
  | { readonly kind: "stopStart" | "reboot" | "adopt" };

const index = fc.integer({ min: 0, max: 3 });
const counts = { index, four: fc.integer({ min: 1, max: 3 }), six: fc.integer({ min: 0, max: 2 }) };
const STEP: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({ kind: fc.constant("attach" as const), ...counts, besideFirst: fc.boolean() }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constantFrom("detach" as const, "byHand" as const, "unlink" as const),
      index,
    }),
  },
  { weight: 4, arbitrary: fc.record({ kind: fc.constant("readdress" as const), ...counts }) },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constantFrom("stopStart" as const, "reboot" as const, "adopt" as const),
    }),
  },
);

/**
 * What must be seen inside: by device index the interface, and the addresses that the instance's root gave
 * it.
 */
type Model = Map<number, { readonly spec: InterfaceSpec; readonly byHand: readonly string[] }>;

function interfaceOf(
  number: number,
  deviceIndex: number,
  subnet: number,
  four: number,
  six: number,
): InterfaceSpec {
  const host = (i: number): number => 10 + deviceIndex * 10 + i;
  return {
    slot: 100 + number * 10 + deviceIndex,
    deviceIndex,
    mac: `02:00:00:00:${number.toString(16).padStart(2, "0")}:0${deviceIndex}`,
    addresses: Array.from({ length: four }, (_, i) => `10.0.${subnet}.${host(i)}`),
    prefixLength: 24,
    router: `10.0.${subnet}.1`,
    ipv6Addresses: Array.from({ length: six }, (_, i) => `2001:db8:0:${subnet}::${host(i)}`),
  };
}

/**
 * Answers leave through the interface that was asked, to neighbours of its subnet as to the world: to whom,
 * from which address, by which.
 */
function waysOf(model: Model): readonly (readonly [string, string, number])[] {
  return [...model.values()].flatMap(({ spec }) => [
    ...spec.addresses.flatMap((address) =>
      ["198.51.100.1", `${spec.router?.replace(/\.1$/, ".200")}`].map(
        (to) => [to, address, spec.deviceIndex] as const,
      ),
    ),
    ...spec.ipv6Addresses.map((address) => ["2001:db8:ffff::1", address, spec.deviceIndex] as const),
  ]);
}

function interfaceTests(): void {
  let home: string;
  let host: Host;
  const attached = new Set<number>();
  const said: string[] = [];
  const open = (): Host =>
    openHost({
      home,
      pools: [POOL],
      hostLink: false,
      attach: (slot) => void attached.add(slot),
      log: (message, cause) => said.push(`${message} ${String(cause)}`),
    });
  // What the host waits for does not keep a process alive by itself.
  const alive = setInterval(() => undefined, 1_000);

  before(async () => {
    home = mkdtempSync(join(tmpdir(), "genkan-interface-"));
    host = open();
    await host.up();
  });
  after(async () => {
    clearInterval(alive);
    await host.down();
    rmSync(home, { recursive: true, force: true });
  });

  const inside = (id: string, ...command: string[]): string =>
    output(execInInstance({ pid: host.pidOf(id) ?? 0, command }));

  async function take(step: Step, id: string, number: number, model: Model): Promise<void> {
    const specs = (): InterfaceSpec[] =>
      [...model.values()].map(({ spec }) => spec).toSorted((a, b) => a.deviceIndex - b.deviceIndex);
    const boot = (): Promise<void> => host.boot({ ...example(number), id, interfaces: specs() });
    const forgetHands = (): void => {
      for (const [at, { spec }] of model) model.set(at, { spec, byHand: [] });
    };
    switch (step.kind) {
      case "stopStart":
      case "reboot":
        if (step.kind === "stopStart") {
          await host.halt(id);
          await boot();
        } else await host.reboot({ ...example(number), id, interfaces: specs() });
        forgetHands();
        return;
      case "adopt":
        await host.close();
        host = open();
        await host.up();
        await host.attachLinks();
        return;
      case "attach": {
        if (model.has(step.index)) return;
        const spec = interfaceOf(
          number,
          step.index,
          step.besideFirst ? 1 : step.index + 1,
          step.four,
          step.six,
        );
        model.set(step.index, { spec, byHand: [] });
        await host.setInterfaces(id, specs());
        return;
      }
      case "detach":
        if (step.index === 0 || !model.delete(step.index)) return;
        await host.setInterfaces(id, specs());
        return;
      case "readdress": {
        const old = model.get(step.index);
        if (!old) return;
        const subnet = Number(old.spec.router?.split(".")[2]);
        model.set(step.index, { ...old, spec: interfaceOf(number, step.index, subnet, step.four, step.six) });
        await host.setInterfaces(id, specs());
        return;
      }
      case "byHand": {
        const old = model.get(step.index);
        const address = `172.20.${step.index}.9`;
        if (!old || old.byHand.includes(address)) return;
        inside(id, "ip", "addr", "add", `${address}/32`, "dev", `eth${step.index}`);
        model.set(step.index, { ...old, byHand: [...old.byHand, address] });
        return;
      }
      case "unlink": {
        const old = model.get(step.index);
        if (!old) return;
        inside(id, "ip", "link", "del", `eth${step.index}`);
        attached.delete(old.spec.slot);
        await host.attachLinks();
        assert.ok(attached.has(old.spec.slot));
        model.set(step.index, { ...old, byHand: [] });
      }
    }
  }

  type Shown = {
    readonly ifname: string;
    readonly address?: string;
    readonly addr_info?: readonly { readonly local?: string; readonly scope?: string }[];
  };

  function check(id: string, model: Model): void {
    const ways = waysOf(model);
    const script = [
      "ip -j addr",
      "ip -4 -j rule",
      "ip -6 -j rule",
      ...ways.map(([to, from]) => `ip route get ${to} from ${from} | head -1`),
    ];
    const [addresses = "", rules = "", rules6 = "", ...routes] = inside(
      id,
      "sh",
      "-ec",
      script.join("; echo; "),
    )
      .split("\n")
      .filter((line) => line.trim() !== "");
    const shown = (JSON.parse(addresses) as Shown[]).filter(({ ifname }) => ifname !== "lo");
    assert.deepEqual(
      new Map(
        shown.map(({ ifname, address, addr_info: infos = [] }) => [
          `${ifname} ${address}`,
          infos
            .flatMap(({ local, scope }) => (local !== undefined && scope === "global" ? [local] : []))
            .toSorted(),
        ]),
      ),
      new Map(
        [...model.values()].map(({ spec, byHand }) => [
          `eth${spec.deviceIndex} ${spec.mac}`,
          [...spec.addresses, ...spec.ipv6Addresses, ...byHand].toSorted(),
        ]),
      ),
    );
    const further = [...model.values()].map(({ spec }) => spec).filter(({ deviceIndex }) => deviceIndex > 0);
    const from = (text: string): string[] =>
      (JSON.parse(text) as { src: string; table: string }[])
        .flatMap(({ src, table }) => (src === "all" ? [] : [`${src} ${table}`]))
        .toSorted();
    const expected = (kind: "addresses" | "ipv6Addresses"): string[] =>
      further
        .flatMap((spec) => spec[kind].map((address) => `${address} ${10_000 + spec.deviceIndex}`))
        .toSorted();
    assert.deepEqual(from(rules), expected("addresses"));
    assert.deepEqual(from(rules6), expected("ipv6Addresses"));
    assert.deepEqual(
      routes.map((line) => / dev (\S+) /.exec(line)?.[1]),
      ways.map(([, , device]) => `eth${device}`),
      routes.join("\n"),
    );
  }

  test(
    "addresses, rules and ways inside are those of the interfaces, whatever came before",
    { timeout: 1_200_000 },
    async () => {
      let number = 0;
      await fc.assert(
        fc.asyncProperty(fc.array(STEP, { minLength: 5, maxLength: 10 }), async (steps) => {
          number = (number % 20) + 1;
          const id = example(number).id;
          const model: Model = new Map([[0, { spec: interfaceOf(number, 0, 1, 2, 1), byHand: [] }]]);
          await host.boot({
            ...example(number),
            id,
            interfaces: [...model.values()].map(({ spec }) => spec),
          });
          try {
            for (const step of steps) {
              await take(step, id, number, model);
              check(id, model);
            }
            assert.deepEqual(
              said.splice(0).filter((line) => !/was gone, and is there again/.test(line)),
              [],
            );
          } finally {
            await host.destroy(id);
          }
        }),
        { numRuns: 4, endOnFailure: true },
      );
    },
  );
}
