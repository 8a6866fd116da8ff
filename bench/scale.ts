import { mkdtempSync, readFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Entry } from "../src/contract/tables.ts";
import { type Datapath, openDatapath } from "../src/datapath/loader.ts";
import { frame, tcp, TCP, udp } from "../src/datapath/test-frame.ts";
import { sh } from "../src/datapath/test-kit.ts";
import { timedTestRun } from "../src/datapath/test-run.ts";
import { assert } from "../src/lib/assert.ts";
import { seededOrder } from "./order.ts";
import { atMost, quantile, type Row, rowOf } from "./row.ts";
import { interfaceRows, scaleInterface, scaleRows, scaleVpcs, vpcOf } from "./scale-rows.ts";

/**
 * What the kernel's tables cost with 1, 1,000, 100,000 and 1,000,000 public addresses: time to load, memory,
 * the program's time for a packet of a random new flow from or to a random address, and the time of one
 * change until a packet obeys it. Needs root, and a mount namespace of its own. `sizes`: how many addresses.
 */
export function scaleBench(sizes: readonly number[] = [1, 1_000, 100_000, 1_000_000]): readonly Row[] {
  const measured = sizes.map((size) => ({ size, ...measure(size) }));
  const [first, last] = [measured[0], measured.at(-1)];
  assert(first && last, "there are sizes");
  const rows: Row[] = [];
  for (const { size, load, megabytes, program, change } of measured) {
    const many = size.toLocaleString("en");
    const bound = size === 1_000_000;
    rows.push(
      rowOf({
        measure: `tables of ${many} addresses: rows written one object each`,
        unit: "s",
        samples: [load],
      }),
    );
    rows.push(
      rowOf({
        measure: `tables of ${many} addresses: memory`,
        ...(bound ? { must: atMost(400), aim: atMost(150) } : {}),
        unit: "MB",
        samples: [megabytes],
      }),
    );
    rows.push(
      rowOf({
        measure: `tables of ${many} addresses: program time of a new flow's packet`,
        unit: "ns",
        samples: program,
      }),
    );
    rows.push(
      rowOf({
        measure: `tables of ${many} addresses: one change to a packet obeying`,
        unit: "ms",
        samples: change,
      }),
    );
  }
  const ratio = quantile(last.program, 0.5) / quantile(first.program, 0.5);
  rows.push(
    rowOf({
      measure: "program time, 1,000,000 addresses ÷ 1 (random flows)",
      must: atMost(5),
      aim: atMost(2),
      unit: "×",
      samples: [ratio],
    }),
  );
  return rows;
}

const OBJECT = join(import.meta.dirname, "../datapath/genkan.bpf.o");
const PACKETS = 20_000;
const CHANGES = 50;

function measure(count: number): {
  load: number;
  megabytes: number;
  program: readonly number[];
  change: readonly number[];
} {
  const pins = newBpffs();
  const datapath = openDatapath({
    pins,
    netns: "/proc/thread-self/ns/net",
    object: OBJECT,
    sizes: {
      interfaces: count + 64,
      publicAddresses: Math.max(count, 64),
      vpcs: scaleVpcs(count) + 64,
      subnets: scaleVpcs(count) + 64,
    },
  });
  try {
    let rows = scaleRows(count);
    const start = performance.now();
    datapath.reconcile(rows);
    const load = (performance.now() - start) / 1000;
    rows = [];
    const megabytes = tableBytes(datapath) / 1e6;
    return { load, megabytes, program: programTimes(datapath, count), change: changeTimes(datapath, count) };
  } finally {
    datapath.close();
    sh(`umount -l ${pins}`);
  }
}

/** A new bpffs, in the process's mount namespace. */
export function newBpffs(): string {
  const folder = mkdtempSync(join(tmpdir(), "genkan-scale-"));
  sh(`mount -t bpf bpf ${folder}`);
  return folder;
}

/** What the kernel says its maps take. */
function tableBytes(datapath: Datapath): number {
  return Object.values(datapath.maps).reduce((sum, { fd }) => {
    const info = readFileSync(`/proc/self/fdinfo/${fd}`, "utf8");
    return sum + Number(/^memlock:\s+(\d+)/m.exec(info)?.[1] ?? 0);
  }, 0);
}

/** Nanoseconds for each packet, half of them out and half in, each of a flow of its own. */
function programTimes(datapath: Datapath, count: number): readonly number[] {
  const times: number[] = [];
  const random = seededOrder(7).below;
  for (let i = 0; i < PACKETS; i++) {
    const eni = scaleInterface(random(count));
    const internet = `198.51.${random(256)}.${random(256)}`;
    const out = i % 2 === 0;
    const ends = out
      ? { source: eni.privateIp, destination: internet }
      : { source: internet, destination: eni.publicIp };
    const ports: [number, number] = [1024 + random(60_000), out ? 1024 + random(60_000) : 443];
    const { programs } = datapath;
    const bytes = out
      ? frame({ ...ends, payload: udp(ends, ...ports), from: eni.mac })
      : frame({ ...ends, protocol: 6, payload: tcp(ends, ports[0], 443, TCP.syn) });
    const { run, nanoseconds } = timedTestRun(out ? programs.from_eni : programs.from_uplink, bytes, {
      link: out ? eni.slot : 2,
    });
    assert(run.reason === "none", `packet ${i} passes, and is not dropped: ${run.reason}`);
    times.push(nanoseconds);
  }
  return times;
}

/** Milliseconds from a change (the address of an interface goes, comes back) to a packet that obeys it. */
function changeTimes(datapath: Datapath, count: number): readonly number[] {
  const random = seededOrder(11).below;
  return Array.from({ length: CHANGES }, () => {
    const index = random(count);
    const { slot, mac, privateIp } = scaleInterface(index);
    const rows = interfaceRows(index);
    const without = rows.flatMap((row): Entry[] => {
      if (row.table === "interfaces") return [{ ...row, value: { ...row.value, public_ip: "0.0.0.0" } }];
      return row.table === "addresses" ? [{ ...row, value: { ...row.value, public_ip: "0.0.0.0" } }] : [];
    });
    const ends = { source: privateIp, destination: "198.51.100.1" };
    const bytes = frame({ ...ends, payload: udp(ends, 5000, 53), from: mac });
    const start = performance.now();
    datapath.apply({
      puts: without,
      removals: rows.filter(({ table }) => table === "public_addresses"),
      vpcs: [vpcOf(index)],
    });
    const { run } = timedTestRun(datapath.programs.from_eni, bytes, { link: slot });
    const took = performance.now() - start;
    assert(run.reason === "no_public_ip", `the packet obeys: ${run.reason}`);
    datapath.apply({ puts: rows, removals: [], vpcs: [vpcOf(index)] });
    return took;
  });
}
